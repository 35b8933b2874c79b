"""The result of a training run: the object behind `--json`, the report and the verdict table."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedtune.errors import OutputError
from embedtune.findings import Finding
from embedtune.workflows.shared.run_folder import REPORT, RunFolder

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
        tokens_per_s: tokens of distinct texts, without padding, per second of training, dev evaluations excluded.
        flops_per_s: operations of the model per second, by its weights and the texts' lengths; None for a static
            encoder.
        share_of_peak: share of the fastest matrix product seen on this machine; None for a static encoder.
        elapsed_s: wall time of the command.
        peak_memory_bytes: the largest resident size of the process.
        before, after: metrics on the test split, of the encoder before and after training.
        before_unseen, after_unseen: the same over queries whose relevant documents were never training positives;
            None when there are none.
        verdict: metric, on, difference, interval, p_value, verdict; None when there is no test split.
        metrics: every metric on the queries of the verdict, as in `embedtune compare`: a is before, b is after; the
            first one decides, and the p-values of the others are adjusted for their number.
        findings: what is odd about data and run.
        curves: loss terms, masking, collapse gauges and dev scores by step.
        report: the page to read; the same in Markdown is next to it.
        evidence: what the verdict is based on, see `evaluation.evidence`; None when there is no test split.
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


def result_of(run: RunFolder) -> TrainResult:
    """The result of a run that is done, as it was printed.

    Raises:
        OutputError: the report cannot be read, or is not that of a training run.
    """
    content = run.result()
    known = {one.name for one in dataclasses.fields(TrainResult)}
    try:
        values = {name: value for name, value in content.items() if name in known}
        findings = tuple(Finding(**one) for one in values.pop("findings", ()))
        return TrainResult(**values, findings=findings)
    except (AttributeError, TypeError) as error:
        raise OutputError(
            f"{REPORT} of this run is not a training result: {error}",
            where=str(run.path),
            next="the run folder was damaged; start a new run with another --output",
        ) from error


def how_to_use(model: Path) -> tuple[str, ...]:
    """Lines of Python that use the tuned model with sentence-transformers alone."""
    return (
        "from sentence_transformers import SentenceTransformer",
        "",
        f"model = SentenceTransformer({str(model)!r})",
        'queries = model.encode(["a question"], prompt_name="query", normalize_embeddings=True)',
        'documents = model.encode(["an answer", "another"], prompt_name="document", normalize_embeddings=True)',
        "print(queries @ documents.T)",
    )
