"""What a comparison rests on: recall by depth, scores by relevance, and the queries that changed most.

Numbers and texts for JSON and for plots; nothing here decides anything.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from embedtune.evaluation.changes import Change, changed_places
from embedtune.evaluation.metrics import recall_at_k
from embedtune.evaluation.rankers import Ranking
from embedtune.evaluation.score_spread import ScoreSpread, bin_edges, only_ranks, score_spread
from embedtune.evaluation.tasks.judged_arrays import JudgedSet
from embedtune.evaluation.verdicts.paired_tests import minimum_detectable_effect
from embedtune.evaluation.verdicts.query_groups import QueryGroups
from embedtune.evaluation.verdicts.significance import On

DEPTH = 100
RECALL_AT = (1, 2, 3, 5, 10, 20, 50, 100)
CHANGES = 5
"""How many of the queries most helped, and most hurt, are shown."""
DIFFERENCES = 400
"""The most differences that are kept for a plot."""
SAME = 1e-9
"""Values that differ by less are equal: sums of the same numbers in another order differ in their last bits."""
_ROUNDING = 1e-3


@dataclass(frozen=True)
class System:
    """A system and what it found.

    Args:
        label: the name that distinguishes it.
        ranking: of all queries of the set.
        values: (Q,) of the metric that is compared.
        by_vectors: whether it compares vectors; scores between -1 and 1 are then cosines, which share a scale.
        beside: label of the system that it is compared with; None: the first.
    """

    label: str
    ranking: Ranking
    values: np.ndarray
    by_vectors: bool = False
    beside: str | None = None


@dataclass(frozen=True)
class SystemEvidence:
    """How far down relevant documents are found, and how well scores separate them.

    Args:
        label: of the system.
        recall: k -> mean recall, as two lists of one length.
        scores: None where scores carry no more information than ranks, or no relevant document was ranked.
        unfound: relevant documents that are in no ranking.
    """

    label: str
    recall: dict[str, tuple[float, ...]]
    scores: ScoreSpread | None
    unfound: int


@dataclass(frozen=True)
class PairEvidence:
    """How B differs from A, query by query.

    Args:
        a, b: labels.
        on: which queries.
        differences: b - a, ascending; quantiles of them where there are many queries.
        won, lost, tied: on how many queries b scores higher, lower, the same.
        minimum_detectable_effect: the true difference that would be found 4 times out of 5.
        helped, hurt: the queries with the largest differences.
    """

    a: str
    b: str
    on: On
    differences: tuple[float, ...]
    won: int
    lost: int
    tied: int
    minimum_detectable_effect: float
    helped: tuple[Change, ...]
    hurt: tuple[Change, ...]


@dataclass(frozen=True)
class Evidence:
    """Everything about one set: its systems, and each of them against the one that it is compared with."""

    data: str
    metric: str
    queries: int
    depth: int
    systems: tuple[SystemEvidence, ...]
    pairs: tuple[PairEvidence, ...]


def gather_evidence(
    judged: JudgedSet, systems: Sequence[System], metric: str, *, rows: np.ndarray | None = None, on: On = "all"
) -> Evidence:
    """The evidence in the rankings of one set.

    Args:
        judged: the set.
        systems: each is compared with the first, or with the one that it names.
        metric: what the systems' values are.
        rows: numbers of the queries to use, those that the verdict rests on; all if None.
        on: which queries these are.
    """
    chosen = np.arange(len(judged.query_ids)) if rows is None else rows  # (R,)
    texts = dict(zip(judged.document_ids, judged.documents, strict=True)) if len(systems) > 1 else {}
    named = {one.label: one for one in systems}
    against = [(named.get(other.beside or "", systems[0]), other) for other in systems[1:]]
    pairs = [_pair(judged, both, chosen, texts, on) for both in against]
    shown = _systems(judged, systems, chosen)
    return Evidence(judged.name, metric, len(chosen), DEPTH, tuple(shown), tuple(pairs))


def pair_evidence(
    labels: tuple[str, str],
    a: np.ndarray,
    b: np.ndarray,
    change: Callable[[int], Change],
    *,
    on: On = "all",
    groups: QueryGroups | None = None,
) -> PairEvidence:
    """How the values of two systems on the same queries differ.

    Args:
        labels: of a and b.
        a: (R,) values per query.
        b: (R,) the same of the other system.
        change: returns the change of a query, given its number in `a` and `b`.
        on: which queries these are.
        groups: which of them are not independent of one another.
    """
    differences = np.where(np.abs(b - a) < SAME, 0.0, b - a)  # (R,)
    order = np.argsort(differences, kind="stable")  # (R,)
    helped = [row for row in order[::-1][:CHANGES].tolist() if differences[row] > 0]
    hurt = [row for row in order[:CHANGES].tolist() if differences[row] < 0]
    won, lost = int((differences > 0).sum()), int((differences < 0).sum())
    return PairEvidence(
        *labels,
        on=on,
        differences=tuple(_thinned(differences[order]).round(6).tolist()),
        won=won,
        lost=lost,
        tied=len(differences) - won - lost,
        minimum_detectable_effect=minimum_detectable_effect(differences, groups=groups),
        helped=tuple(change(row) for row in helped),
        hurt=tuple(change(row) for row in hurt),
    )


def _thinned(ascending: np.ndarray) -> np.ndarray:
    if len(ascending) <= DIFFERENCES:
        return ascending
    return np.quantile(ascending, np.linspace(0, 1, DIFFERENCES))  # (DIFFERENCES,)


def _systems(judged: JudgedSet, systems: Sequence[System], rows: np.ndarray) -> list[SystemEvidence]:
    scores = [one.ranking.scores[rows, : _scored(one.ranking)] for one in systems]  # (R, K) each
    finite = [own[np.isfinite(own)] for own in scores]  # (n,) each
    cosine = [
        one.by_vectors and bool((np.abs(own) <= 1 + _ROUNDING).all()) for one, own in zip(systems, finite, strict=True)
    ]
    shared = np.concatenate([np.empty(0), *(own for own, is_one in zip(finite, cosine, strict=True) if is_one)])
    return [
        _system(judged, one, rows, own, shared if is_cosine else on_own)
        for one, own, on_own, is_cosine in zip(systems, scores, finite, cosine, strict=True)
    ]


def _scored(ranking: Ranking) -> int:
    """How many of a query's first documents have scores to count."""
    return DEPTH if ranking.scored is None else min(DEPTH, ranking.scored)


def _system(
    judged: JudgedSet, system: System, rows: np.ndarray, scores: np.ndarray, on_its_scale: np.ndarray
) -> SystemEvidence:
    grades = judged.grades_of(system.ranking.positions)[rows, :DEPTH]  # (R, K)
    own_judged = judged.judged[rows]  # (R, J)
    recalls = [float(recall_at_k(grades, own_judged, k).mean()) if len(rows) else 0.0 for k in RECALL_AT]
    ranked, scored = np.isfinite(scores), grades[:, : scores.shape[1]]  # (R, K) each
    spread = None
    if ranked.any() and not only_ranks(scores):
        spread = score_spread(scores[ranked], scored[ranked] > 0, bin_edges(on_its_scale))
    if spread is not None and system.ranking.scored is not None:
        spread = replace(spread, first=scores.shape[1])
    unfound = int((own_judged > 0).sum() - (grades > 0).sum())
    return SystemEvidence(system.label, {"k": RECALL_AT, "values": tuple(recalls)}, spread, unfound)


def _pair(
    judged: JudgedSet, pair: tuple[System, System], rows: np.ndarray, texts: Mapping[str, str], on: On
) -> PairEvidence:
    a, b = pair

    def change(place: int) -> Change:
        row = int(rows[place])
        places_a, places_b = (_places(judged, one.ranking, row) for one in (a, b))
        documents = changed_places(places_a, places_b, _grades(judged, row), texts)
        return Change(judged.query_ids[row], judged.queries[row], float(a.values[row]), float(b.values[row]), documents)

    groups = None if judged.groups is None else judged.groups.take(rows)
    return pair_evidence((a.label, b.label), a.values[rows], b.values[rows], change, on=on, groups=groups)


def _places(judged: JudgedSet, ranking: Ranking, row: int) -> dict[str, int]:
    """Document -> rank, of one query."""
    found = ranking.positions[row, :DEPTH].tolist()
    return {judged.document_ids[document]: rank for rank, document in enumerate(found, 1) if document >= 0}


def _grades(judged: JudgedSet, row: int) -> dict[str, int]:
    """Document -> grade, of one query."""
    first = row * len(judged.documents)
    low, high = np.searchsorted(judged.pairs, [first, first + len(judged.documents)])
    numbers = (judged.pairs[low:high] - first).tolist()
    return {judged.document_ids[n]: grade for n, grade in zip(numbers, judged.grades[low:high].tolist(), strict=True)}
