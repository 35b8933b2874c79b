"""How a run reads its texts and how much of a batch it holds: decided before the first step, and said aloud."""

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np

from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.models.encoder import Encoder
from embedtune.training.batch.batches import DistinctBatchSampler
from embedtune.training.batch.micro_batches import MicroBatchCollator
from embedtune.training.batch.row_texts import BatchTexts, Columns, KnownTexts
from embedtune.training.run.fit import Fit
from embedtune.training.run.trainer import texts_of
from embedtune.training.step.gradcache import replays
from embedtune.training.step.held import Held, measured
from embedtune.workflows.shared.run_folder import FACTS, RunFolder
from embedtune.workflows.shared.talk import Talk

BATCHES = 8
"""Of the first epoch, whose tokens are counted; of views fewer, which are tokenised for it alone."""


def read_plan(plan: Fit, encoder: Encoder, folder: RunFolder, talk: Talk) -> Fit:
    """The plan with its texts read, and with what it may hold of a batch.

    Args:
        plan: of the run.
        encoder: to be trained.
        folder: of the run; a resumed one holds what it held before, or it would draw other dropout.
        talk: told how it reads.
    """
    with talk.progress("reading the training texts") as tell:
        texts = texts_of(plan, encoder, lambda done, _: tell(done))
    held = _held(plan, encoder, texts, folder)
    tokens, padded = _tokens_of_a_step(plan, texts)
    talk.say(reading_sentence(texts.reader, tokens, padded))
    if held.tokens is not None and tokens > held.tokens:
        talk.say(held_sentence(held, tokens, asked=plan.section.micro_batch_tokens != "auto"))
    return replace(plan, texts=texts, held=held)


def reading_sentence(reader: Tokenizer, tokens: float, padded: float) -> str:
    """How texts become batches, for the user.

    Args:
        reader: of the encoder.
        tokens: of the distinct texts of a step.
        padded: of the same step column by column, each filled up to its longest text.
    """
    if reader.way in ("packed", "flat"):
        return f"texts are read without padding: {tokens:,.0f} tokens a step instead of {padded:,.0f}"
    return (
        f"texts of nearly equal length are read together, with padding ({reader.reason}): {tokens:,.0f} tokens a step "
        f"of their own, instead of {padded:,.0f} when padded column by column"
    )


def held_sentence(held: Held, tokens: float, *, asked: bool) -> str:
    """Why a part of the texts is encoded twice, for the user.

    Args:
        held: what may be held.
        tokens: of a step.
        asked: whether the user said how much.
    """
    share = 1 - (held.tokens or 0) / tokens
    why = "as asked" if asked else "for memory; training.micro_batch_tokens=null holds everything"
    return (
        f"activations of {held.tokens:,} tokens are held, so about {share:.0%} of the texts are encoded twice ({why})"
    )


def _held(plan: Fit, encoder: Encoder, texts: BatchTexts, folder: RunFolder) -> Held:
    if plan.section.micro_batch_tokens != "auto" or not replays(plan.device):
        return Held.asked(plan.section.micro_batch_tokens)
    facts = folder.facts()
    if "held" not in facts:
        columns = list(texts.of(range(min(plan.section.batch_size, len(plan.rows)))))
        held = measured(encoder, texts.reader, [readings for readings, _ in columns], plan.precision)
        # Where every batch fits, it is all the same how much would.
        fits = isinstance(texts, KnownTexts) and held.tokens is not None and _most_tokens(columns) <= held.tokens
        facts["held"] = asdict(Held() if fits else held)
        folder.write_json(FACTS, facts)
    return Held(**facts["held"])


def _most_tokens(columns: Sequence[Columns]) -> int:
    """What the largest batch has: its texts are the longest ones."""
    return sum(int(np.sort(readings.lengths)[-numbers.size :].sum()) for readings, numbers in columns)


def _tokens_of_a_step(plan: Fit, texts: BatchTexts) -> tuple[float, float]:
    """Tokens of a step, and those it would have with padding column by column; means over some steps."""
    sampler = DistinctBatchSampler(len(plan.rows), plan.table.begin, plan.section.batch_size, plan.section.seed)
    collator = MicroBatchCollator(texts, Held())
    batches = BATCHES if plan.views is None or not plan.views.alters else 1
    counted = [collator.tokens(rows) for _, rows in zip(range(batches), sampler, strict=False)]
    tokens, padded = np.mean(counted, axis=0) if counted else (0.0, 0.0)
    return float(tokens), float(padded)
