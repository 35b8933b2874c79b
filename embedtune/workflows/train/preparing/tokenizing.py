"""How a run tokenizes its texts and how much of a batch it holds: decided before the first step, and printed."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from embedtune.distributed import of_first
from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.models.encoder import Encoder
from embedtune.training.batch.batches import DistinctBatchSampler
from embedtune.training.batch.micro_batches import MicroBatchCollator
from embedtune.training.batch.row_texts import BatchTexts, Columns, KnownTexts
from embedtune.training.batch.set_batches import SetBatchSampler
from embedtune.training.run.fit import TrainingTask
from embedtune.training.run.trainer import texts_of
from embedtune.training.step.gradcache import replays
from embedtune.training.step.held import Held, measured
from embedtune.workflows.shared.run_folder import FACTS, RunFolder
from embedtune.workflows.shared.talk import Talk

BATCHES = 8
"""Batches of the first epoch whose tokens are counted; one where views change the texts, which are tokenized for it."""


def tokenized(
    task: TrainingTask, encoder: Encoder, folder: RunFolder, talk: Talk, *, precision: str, device: str
) -> tuple[BatchTexts, Held, float]:
    """The texts of a run, tokenized, how much of a batch it may hold, and the tokens of a step.

    A resumed run holds what it held before, which its folder records; otherwise it would draw other dropout.
    """
    with talk.progress("tokenizing the training texts") as tell:
        texts = texts_of(task, encoder, tell)
    held = _held(task, encoder, texts, folder, precision=precision, device=device)
    tokens, padded = _tokens_of_a_step(task, texts)
    talk.say(tokenized_sentence(texts.reader, tokens, padded))
    if task.section.skip_below:
        talk.say(skipping_sentence(task.section.skip_below))
    elif held.tokens is not None and tokens > held.tokens:
        talk.say(held_sentence(held, tokens, asked=task.section.micro_batch_tokens != "auto"))
    return texts, held, tokens


def tokenized_sentence(reader: Tokenizer, tokens: float, padded: float) -> str:
    """How texts become batches, for the user.

    Args:
        reader: of the encoder.
        tokens: of the distinct texts of a step.
        padded: of the same step column by column, each padded to its longest text.
    """
    if reader.way in ("packed", "flat"):
        return f"texts are batched without padding: {tokens:,.0f} tokens per step instead of {padded:,.0f}"
    return (
        f"texts of similar length are batched together, with padding ({reader.reason}): {tokens:,.0f} tokens per step, "
        f"padding not counted, instead of {padded:,.0f} when padded column by column"
    )


def held_sentence(held: Held, tokens: float, *, asked: bool) -> str:
    """Why a part of the texts is encoded twice, for the user."""
    share = 1 - (held.tokens or 0) / tokens
    why = "as requested" if asked else "to save memory; training.micro_batch_tokens=null holds everything"
    return (
        f"activations of {held.tokens:,} tokens are held, so about {share:.0%} of the texts are encoded twice ({why})"
    )


def skipping_sentence(below: float) -> str:
    """Which texts get a backward pass, for the user."""
    return (
        f"each text is encoded without activations first; those with the smallest gradients, together at most "
        f"{below:.3g} of the gradient of the batch, get no backward pass (training.skip_below)"
    )


def _held(
    task: TrainingTask,
    encoder: Encoder,
    texts: BatchTexts,
    folder: RunFolder,
    *,
    precision: str,
    device: str,
) -> Held:
    if task.section.micro_batch_tokens != "auto" or not replays(device):
        return Held.asked(task.section.micro_batch_tokens)
    facts = of_first(folder.facts)
    if "held" not in facts:
        columns = list(texts.of(range(min(task.course.batch_size, len(task.rows)))))
        held = measured(encoder, texts.reader, [own for own, _ in columns], precision)
        # If every batch fits, the run must not depend on how much more would.
        fits = isinstance(texts, KnownTexts) and held.tokens is not None and _most_tokens(columns) <= held.tokens
        own = asdict(Held() if fits else held)
        facts["held"] = of_first(lambda: own)
        folder.write_json(FACTS, facts)
    return Held(**facts["held"])


def _most_tokens(columns: Sequence[Columns]) -> int:
    """Tokens of the largest possible batch, which has the longest texts."""
    return sum(int(np.sort(own.lengths)[-numbers.size :].sum()) for own, numbers in columns)


def _sampler(task: TrainingTask) -> DistinctBatchSampler | SetBatchSampler:
    """The batches of the run."""
    size, seed = task.course.batch_size, task.section.seed
    if task.mixing is not None and task.rows.sources is not None:
        return SetBatchSampler(task.rows.sources, task.table.begin, size, seed, task.mixing)
    groups = task.rows.groups if task.section.batches == "clusters" else None
    return DistinctBatchSampler(len(task.rows), task.table.begin, size, seed, groups)


def _tokens_of_a_step(task: TrainingTask, texts: BatchTexts) -> tuple[float, float]:
    """Tokens of a step, and those it would have with padding column by column; means over some steps."""
    sampler = _sampler(task)
    collator = MicroBatchCollator(texts, Held())
    batches = BATCHES if task.views is None or not task.views.alters else 1
    counted = [collator.tokens(rows) for _, rows in zip(range(batches), sampler, strict=False)]
    tokens, padded = np.mean(counted, axis=0) if counted else (0.0, 0.0)
    return float(tokens), float(padded)
