"""Checks that need an encoder: tokens and truncation, vocabulary, prompts, and a forecast of training."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import psutil

from embedtune.config.course import Course
from embedtune.config.option_text import spelled_out
from embedtune.config.verbs.check import CheckSection
from embedtune.data.checks.lengths import Lengths, lengths_of
from embedtune.data.checks.sample import Sample
from embedtune.errors import ModelError
from embedtune.findings import Finding, counted
from embedtune.models.encode.encode import encode
from embedtune.models.encode.lengths import limit_of, token_counts
from embedtune.models.encode.sameness import DifferentTexts, demand_differences
from embedtune.reports.document.wording import duration, memory

if TYPE_CHECKING:
    from embedtune.models.encoder import Encoder, Role

QUERIES = ("anchor", "text", "sentence1", "sentence2")
"""Columns that are encoded as queries; all others are encoded as documents."""
_PROBE_TOKENS, _PROBE_TEXTS, _PROBE_STATIC = 2048, 64, 512
# Names of encoders that were trained with prompts, which not all of their folders declare.
_PROMPTED: tuple[tuple[str, Mapping[str, str]], ...] = (
    (r"e5-.*instruct", {"query": "Instruct: Given a question, retrieve passages that answer it\nQuery: "}),
    (r"(^|/|-)e5-", {"query": "query: ", "document": "passage: "}),
    (r"bge-.*-en", {"query": "Represent this sentence for searching relevant passages: "}),
    (r"nomic-embed-text", {"query": "search_query: ", "document": "search_document: "}),
)


def measure(encoder: "Encoder | None", columns: Mapping[str, Sequence[str]]) -> list[Lengths]:
    """Lengths of each column, in tokens of the encoder, or in words without one."""
    measured = []
    for column, texts in columns.items():
        if not texts:
            continue
        if encoder is None:
            measured.append(lengths_of(column, [len(text.split()) for text in texts], "words"))
            continue
        role: Role = "query" if column in QUERIES else "document"
        measured.append(
            lengths_of(column, token_counts(encoder, texts, role).tolist(), "tokens", limit_of(encoder, role))
        )
    return measured


def differences(encoder: "Encoder", columns: Mapping[str, Sequence[str]]) -> list[Finding]:
    """A finding for each column whose texts all get the same vector."""
    found = []
    for column, texts in columns.items():
        some = list(dict.fromkeys(texts))[:_PROBE_TEXTS]
        vectors = encode(encoder, some, role="query" if column in QUERIES else "document", learns=True)  # (n, D)
        try:
            demand_differences(vectors, DifferentTexts(some), encoder.name)
        except ModelError as error:
            message = f"{column}: {error.message}."
            found.append(Finding("same-vectors", "error", len(some), message, (error.next or "").capitalize() + "."))
    return found


def prompts(encoder: "Encoder", name: str) -> list[Finding]:
    """Findings about prompts that the encoder was trained with but would not get."""
    if any(encoder.prompts.values()):
        return []
    declared = {role: text for role, text in encoder.model.prompts.items() if text}
    paths = (name, str(getattr(encoder.model.config, "_name_or_path", "")))
    known = next((given for pattern, given in _PROMPTED if any(re.search(pattern, path) for path in paths)), {})
    if not (declared or known):
        return []
    examples = ",".join(f'{role}="{spelled_out(text)}"' for role, text in (known or declared).items())
    what = "declares prompts under other names" if declared else "was trained with prompts"
    message = f"{encoder.name} {what}, but none are given: it would be trained and scored without them."
    return [
        Finding("prompts-not-given", "warning", len(known or declared), message, f"Give them: --prompts {examples}")
    ]


def forecast(encoder: "Encoder", sample: Sample, section: CheckSection, learned: int) -> dict[str, Any] | None:
    """Time and memory of training on `learned` of the rows with in-batch negatives, from a few measured steps.

    Returns: None without pairs.
    """
    from embedtune.models.speed.probe import probe

    columns = sample.columns
    if sample.rows < 2 or not any(columns.values()):
        return None
    texts = _typical(encoder, columns)
    measured = probe(encoder, texts)
    course = Course.of(section.training, learned, static=not encoder.has_products)
    batch, steps = min(course.batch_size, learned), course.steps(learned)
    in_batch = round(batch * (2 + sample.negatives / sample.rows))
    seconds, size = steps * measured.step_s(in_batch), measured.step_bytes(in_batch)
    if encoder.model.device.type == "cpu":
        size += psutil.Process().memory_info().rss  # libraries, the encoder and the texts share this memory
    on = f" on about {learned:,} of {sample.rows:,} rows (the rest is held out)" if learned < sample.rows else ""
    message = (
        f"training {counted(course.epochs, 'epoch')} in batches of {batch:,} ({counted(steps, 'step')}){on} would take "
        f"about {duration(seconds)} and {memory(size)} on {encoder.model.device}: an estimate from "
        f"training on {measured.texts:,} texts just now, without evaluation, a guide or companion models."
    )
    return {
        "steps": steps,
        "epochs": course.epochs,
        "batch_size": batch,
        "seconds": round(seconds, 1),
        "memory_bytes": size,
        "device": str(encoder.model.device),
        "probe": dataclasses.asdict(measured),
        "message": message,
    }


def _typical(encoder: "Encoder", columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Some texts of each column in turn, few enough to train on quickly."""
    most = _PROBE_TEXTS if encoder.has_products else _PROBE_STATIC
    mixed = [text for some in zip(*(texts for texts in columns.values() if texts), strict=False) for text in some][
        :most
    ]
    if not encoder.has_products:
        return mixed
    longest = max(1, int(token_counts(encoder, mixed, "document").max()))
    longest = min(longest, encoder.max_length or longest)
    return mixed[: max(4, _PROBE_TOKENS // longest)]
