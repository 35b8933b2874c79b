"""What a training run leaves."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

from embedtune.evaluation.domains.forgetting import Forgetting
from embedtune.evaluation.verdicts.evidence import Evidence
from embedtune.evaluation.verdicts.significance import Comparison
from embedtune.findings import Finding
from embedtune.reports.results.base import AlphaPoint, GuardRow, MetricTest, VerbResult
from embedtune.training.guide.advice import GuideAdvice
from embedtune.training.guide.audit import MarginEffect

Scores = Mapping[str, float]
"""Metric -> mean over the queries."""


@dataclass(frozen=True)
class WeightedLoss:
    """A term of the objective."""

    name: str
    weight: float


@dataclass(frozen=True)
class GuideFacts:
    """What the guide is worth, by its last audit; values are None where there was no audit.

    Args:
        name: of the guide.
        chosen: how `--margin auto` decided.
        margin: in use at the last audit.
        positive_first_share: how often the guide ranks the positive first.
        masked_share: share of the other candidates that it drops.
        step: of the last audit.
        separation: how often it scores the positive above another candidate.
        known_positives: how many known false negatives it was tested on.
        margins: what other margins would do.
        proposal: what to change, if anything.
        note: all of it in words.
    """

    name: str
    chosen: Mapping[str, Any] | None = None
    margin: float | None = None
    positive_first_share: float | None = None
    masked_share: float | None = None
    step: int | None = None
    separation: float | None = None
    known_positives: int | None = None
    margins: tuple[MarginEffect, ...] = ()
    proposal: GuideAdvice | None = None
    note: str = ""


@dataclass(frozen=True)
class RightFirst:
    """For how many of the queries that the verdict rests on a relevant document comes first."""

    before: int
    after: int
    queries: int


class CurveGroup(TypedDict):
    """Lines drawn together, each with a value per point or None. Only dev has steps of its own."""

    name: str
    lines: Mapping[str, list[float | None]]
    steps: NotRequired[list[int]]


@dataclass(frozen=True)
class Curves:
    """How a run went: values by step, each the mean of `steps_a_point` steps."""

    steps: tuple[int, ...]
    steps_a_point: int
    groups: tuple[CurveGroup, ...]


class Baseline(TypedDict):
    """A system without training, on the same test queries."""

    model: str
    metrics: Scores
    metrics_unseen: Scores | None


class SmallerRow(TypedDict):
    """nDCG@10 of vectors of some size, stored in full (null) or in fewer bits.

    `difference` and its 95% `interval` are against the full vectors after training. `before` is null where a run was
    begun by a release that did not measure it.
    """

    dimensions: int
    stored: str | None
    bytes_per_vector: int
    before: float | None
    after: float
    difference: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class QueryMap:
    """Places of test queries and of a right answer to each on a map, both coordinates from 0 to 1.

    Args:
        queries: how many.
        before: of all queries, then of their answers in the same order, before training.
        after: the same, after training.
    """

    queries: int
    before: tuple[tuple[float, ...], ...]
    after: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class BesideWords:
    """The encoder beside BM25, both rankings joined by reciprocal ranks: does the gain survive there?

    Args:
        before: metrics on all test queries, of BM25 and the encoder before training.
        after: the same, of BM25 and the tuned encoder.
        verdict: on the queries that the verdict of the encoder alone rests on.
        joined: the tuned encoder alone against the same beside BM25: is it worth running both?
        alone: the tuned encoder against BM25 alone: is the encoder needed at all? None in runs of early versions.
    """

    before: Scores
    after: Scores
    verdict: Comparison
    joined: Comparison
    alone: Comparison | None = None


@dataclass(frozen=True)
class LabelGroups:
    """How well k-means finds the labels of the test texts again, before and after training.

    Args:
        texts: how many were clustered.
        labels: of them, and the number of clusters that k-means is told.
        before: measure -> mean over the seeds.
        after: the same.
        intervals_before: measure -> 95% interval over other texts, the clusters found in them, and seeds.
        intervals_after: the same.
        verdict: on AMI.
    """

    texts: int
    labels: int
    before: Scores
    after: Scores
    intervals_before: Mapping[str, tuple[float, float]]
    intervals_after: Mapping[str, tuple[float, float]]
    verdict: Comparison


@dataclass(frozen=True)
class TrainResult(VerbResult):
    """The outcome of `embedtune train`; the field names are the `--json` keys and do not change.

    Args:
        run: the run folder.
        model: the folder of the tuned encoder.
        losses: names and weights.
        steps: training steps taken.
        epochs: of training; not always a whole number.
        examples_per_s: training pairs per second, dev evaluations included.
        before: metrics on the test split, of the encoder before training.
        after: the same, of the tuned encoder.
        before_unseen: over queries whose relevant documents were never training positives; None when there are none.
        after_unseen: the same, of the tuned encoder.
        verdict: None when there is no test split.
        test_queries: how many were judged.
        unseen_queries: those of them whose relevant documents were never trained on.
        metrics: every metric on the queries that the verdict rests on: a is before, b is after. The first one decides
            alone; the p-values of the others are adjusted for their number.
        evidence: what the verdict rests on; None when there is no test split.
        guide: what the guide is worth; None where no loss uses one.
        dev_curve: step and dev scores of each evaluation.
        best_step: the step whose weights were kept; None where nothing was chosen on dev.
        how_to_use: lines of Python.
        curves: loss terms, masking, collapse gauges and dev scores by step.
        tokens_per_s: tokens of distinct texts per second of training, without padding and dev evaluations; None where
            they were not counted.
        flops_per_s: operations of the model per second, by its weights and text lengths; None for a static encoder, and
            with `training.skip_below`.
        share_of_peak: of the fastest matrix product measured on this machine; None where that is.
        time_spent: seconds by part of the run, since it was started or resumed.
        model_bytes: what the tuned model takes on disk, without its card; 0 for runs of early versions.
        right_first: for how many queries a relevant document comes first, before and after training.
        date: when the run ended, as 2026-11-30.
        verdict_seen: on the test queries whose documents were trained on; None where there are too few of them, or of
            the others.
        baselines: BM25 on the test queries; empty when there is no test split.
        beside_bm25: the encoder beside BM25; None when there is no test split.
        guard: sets that must not get worse, before and after.
        alpha: how far the result is from the encoder before training (0) to the one after it (1); None where they were
            not mixed.
        alphas: the mixtures that were tried.
        sets: where a run learns from several sets, each with its own test; p-values of all of them are adjusted
            together (Holm), and each verdict goes by the adjusted one.
        space: test queries and right answers on a map before and after; None where they are too few.
        smaller: vectors that are cut or stored in fewer bits, where the recipe trains for such vectors.
        domains: where domains were learned one after the other: nDCG@10 after each stage (rows) on each domain.
        forgetting: what was forgotten on the way; None where rows were learned together.
        clusters: of the labelled test texts; None where they have no labels, or are too few.
    """

    run: str
    model: str
    losses: tuple[WeightedLoss, ...]
    steps: int
    epochs: float
    examples_per_s: float
    elapsed_s: float
    peak_memory_bytes: int
    before: Scores
    after: Scores
    before_unseen: Scores | None
    after_unseen: Scores | None
    verdict: Comparison | None
    findings: tuple[Finding, ...] = ()
    described: tuple[str, ...] = ()
    test_queries: int = 0
    unseen_queries: int = 0
    metrics: tuple[MetricTest, ...] = ()
    evidence: Evidence | None = None
    guide: GuideFacts | None = None
    dev_curve: tuple[tuple[int, Scores], ...] = ()
    best_step: int | None = None
    how_to_use: tuple[str, ...] = ()
    curves: Curves | None = None
    recipe: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""
    tokens_per_s: float | None = None
    flops_per_s: float | None = None
    share_of_peak: float | None = None
    time_spent: Mapping[str, float] = field(default_factory=dict)
    model_bytes: int = 0
    right_first: RightFirst | None = None
    date: str = ""
    verdict_seen: Comparison | None = None
    baselines: tuple[Baseline, ...] = ()
    beside_bm25: BesideWords | None = None
    guard: tuple[GuardRow, ...] = ()
    alpha: float | None = None
    alphas: tuple[AlphaPoint, ...] = ()
    sets: tuple[Mapping[str, Any], ...] = ()
    space: QueryMap | None = None
    domains: tuple[tuple[float, ...], ...] = ()
    forgetting: Forgetting | None = None
    clusters: LabelGroups | None = None
    smaller: tuple[SmallerRow, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The plain object that `--json` prints and `report.json` holds."""
        plain = dataclasses.asdict(self)
        plain |= {name: found and found.as_dict() for name, found in self._verdicts.items()}
        if self.forgetting is not None:
            plain["forgetting"] = self.forgetting.as_dict(plain["forgetting"])
        if self.clusters is not None:
            plain["clusters"]["verdict"] = self.clusters.verdict.as_dict()
        if (beside := self.beside_bm25) is not None:
            plain["beside_bm25"] |= {
                "verdict": beside.verdict.as_dict(),
                "joined": beside.joined.as_dict(),
                "alone": beside.alone and beside.alone.as_dict(),
            }
        return plain

    @property
    def _verdicts(self) -> dict[str, Comparison | None]:
        return {"verdict": self.verdict, "verdict_seen": self.verdict_seen}
