"""What a training run leaves: the object behind `--json`, the report and the verdict table."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedtune.findings import Finding

Scores = Mapping[str, float]


@dataclass(frozen=True)
class TrainResult:
    """The outcome of `embedtune train`; the field names are the `--json` keys and stay.

    Args:
        run: the run folder.
        model: the folder of the tuned model.
        losses: name and weight of each term.
        steps, epochs: how long it trained.
        examples_per_s: training pairs per second, dev evaluations included.
        tokens_per_s: tokens of distinct texts, without padding, a second of training, dev evaluations excluded.
        flops_per_s: operations of the model a second, by its weights and the texts' lengths; None for a static encoder.
        share_of_peak: of the fastest matrix product seen on this machine; None for a static encoder.
        elapsed_s: wall time of the whole command.
        peak_memory_bytes: the largest resident size of the process.
        before, after: metrics on the test split, of the encoder as it came and as it is now.
        before_unseen, after_unseen: the same over queries whose relevant documents were never training positives;
            None when there are none.
        verdict: metric, on, difference, interval, p_value, verdict; None when there is no test split.
        metrics: every metric on the queries that the verdict rests on, as `embedtune compare` gives them: a is before,
            b after; the first decides alone, the p-values of the others are adjusted for their number.
        findings: what is odd about data and run.
        curves: loss terms, masking, collapse gauges and dev scores by step.
        report: the page to read; the same in Markdown lies beside it.
        evidence: what the verdict rests on, see `evaluation.evidence`; None when there is no test split.
    """

    run: str
    model: str
    losses: tuple[Mapping[str, Any], ...]
    steps: int
    epochs: float
    examples_per_s: float
    elapsed_s: float
    peak_memory_bytes: int
    before: Scores
    after: Scores
    before_unseen: Scores | None
    after_unseen: Scores | None
    verdict: Mapping[str, Any] | None
    findings: tuple[Finding, ...] = ()
    described: tuple[str, ...] = ()
    test_queries: int = 0
    unseen_queries: int = 0
    metrics: tuple[Mapping[str, Any], ...] = ()
    evidence: Mapping[str, Any] | None = None
    guide: Mapping[str, Any] | None = None
    dev_curve: tuple[tuple[int, Scores], ...] = ()
    best_step: int | None = None
    how_to_use: tuple[str, ...] = ()
    curves: Mapping[str, Any] | None = None
    recipe: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""
    tokens_per_s: float = 0.0
    flops_per_s: float | None = None
    share_of_peak: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The plain object that `--json` prints and `report.json` holds."""
        return dataclasses.asdict(self)


def how_to_use(model: Path) -> tuple[str, ...]:
    """Lines of Python that use the tuned model with nothing but sentence-transformers."""
    return (
        "from sentence_transformers import SentenceTransformer",
        "",
        f"model = SentenceTransformer({str(model)!r})",
        'queries = model.encode(["a question"], prompt_name="query", normalize_embeddings=True)',
        'documents = model.encode(["an answer", "another"], prompt_name="document", normalize_embeddings=True)',
        "print(queries @ documents.T)",
    )
