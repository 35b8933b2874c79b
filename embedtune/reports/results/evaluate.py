"""What an evaluation leaves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

from embedtune.evaluation.verdicts.evidence import Evidence
from embedtune.findings import Finding
from embedtune.reports.results.base import VerbResult

Scores = Mapping[str, float]
Intervals = Mapping[str, tuple[float, float]]


class LabelScores(TypedDict):
    """How a system did on the texts of one label."""

    label: str
    texts: int
    precision: float
    recall: float
    f1: float


class Confused(TypedDict):
    """How many texts of a label were given another one."""

    label: str
    chosen: str
    texts: int


class Confusion(TypedDict):
    """Texts of each label (rows) by the label that was chosen (columns)."""

    labels: list[str]
    counts: list[list[int]]


class SystemRow(TypedDict):
    """A system on a set; values on the unseen queries are null where it is not known which these are.

    Rankings have `bytes_per_vector`, the unseen part, and what is judged: the share of the first documents that is
    `judged`, up to the cutoff of the first metric, and the `bounds` of that metric, its lowest and highest mean
    whatever the other documents are (null for metrics that have none, such as recall). Other kinds of sets say what
    their `items` are; sets with candidate labels have scores per label. `groups` is the number of values of the column
    `grouped_by`, by which the intervals were drawn; null where each query counts by itself.
    """

    task: str
    model: str
    label: str
    data: str
    dimensions: int | None
    bytes_per_vector: NotRequired[int | None]
    metrics: Scores
    intervals: Intervals
    items: NotRequired[str]
    queries: int
    metrics_unseen: NotRequired[Scores | None]
    intervals_unseen: NotRequired[Intervals | None]
    queries_unseen: NotRequired[int | None]
    documents: int
    groups: NotRequired[int | None]
    grouped_by: NotRequired[str | None]
    truncated: Mapping[str, Any]
    run: str | None
    judged: NotRequired[float]
    bounds: NotRequired[tuple[float, float] | None]
    classes: NotRequired[list[LabelScores]]
    confused: NotRequired[list[Confused]]
    confusion: NotRequired[Confusion]


class MeanRow(TypedDict):
    """The metrics of a system, averaged over its sets of one kind."""

    task: str
    model: str
    label: str
    sets: int
    metrics: Scores
    metrics_unseen: Scores | None


class ComparedRow(TypedDict):
    """System b of a set against a.

    `kind` is "vectors" for cut or quantised vectors against the full ones, and "reranked" for a ranking that a reranker
    has put in a new order against the ranking itself. `few_judged`: less than half of the first documents of a or b is
    judged, so the verdict may rest on what nobody judged.
    """

    metric: str
    on: str
    queries: int
    before: float
    after: float
    difference: float
    interval: tuple[float, float]
    p_value: float
    minimum_detectable_effect: float
    verdict: str
    items: str
    groups: NotRequired[int | None]
    grouped_by: NotRequired[str]
    weak: bool
    sentence: str
    data: str
    a: str
    b: str
    p_holm: float
    kind: NotRequired[str]
    few_judged: NotRequired[bool]


class JudgingPool(TypedDict):
    """The file of documents to judge next, and how many it holds."""

    file: str
    documents: int


@dataclass(frozen=True)
class EvaluateResult(VerbResult):
    """The outcome of `embedtune evaluate`; the field names are the `--json` keys and do not change.

    Args:
        models: a row per system and set.
        report: everything else is next to it.
        metric: what comparisons of rankings rest on.
        means: a row per system, averaged over the sets; empty with one set.
        comparisons: each system against the first of its set, and its cut or quantised vectors against the full ones,
            on the first metric and on the unseen queries where these are known; p-values Holm-adjusted per group.
        evidence: what the comparisons rest on, one per ranked set.
        pool: what `--pool` wrote; null without it.
    """

    models: tuple[SystemRow, ...]
    report: str
    metric: str
    elapsed_s: float = 0.0
    means: tuple[MeanRow, ...] = ()
    comparisons: tuple[ComparedRow, ...] = ()
    findings: tuple[Finding, ...] = ()
    described: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    pool: JudgingPool | None = None
