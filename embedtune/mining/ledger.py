"""The false-negative ledger: the most suspicious pairs, in a file that people edit and hand back.

`decision` is written as null; a person sets it to "positive" or "negative". A pair is identified by its two texts, so
editing any other field, adding fields and removing lines do no harm.
"""

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.data.sources.columns import field_of
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.tables import open_table
from embedtune.data.sources.write import write_jsonl
from embedtune.findings import kind_of
from embedtune.identity import text_id
from embedtune.mining.candidate_block import CandidateBlock, Opinion
from embedtune.mining.filters import NOT_BY_SCORE, REASONS, SPARE, Verdict

DECISIONS = ("positive", "negative")
_PLAIN = (str, int, float)


@dataclass(frozen=True)
class Entry:
    """One line of the ledger; the names are the fields of its JSON object.

    Args:
        query: its text.
        positive: the text of the query's (least similar) positive.
        candidate: its text.
        score: of query and candidate, by the mining model.
        positive_score: of query and positive.
        guide_score: by the guide; None: not scored; likewise the others.
        guide_positive_score: of query and positive.
        cross_encoder_score: by the cross-encoder.
        cross_encoder_positive_score: of query and positive.
        teacher_score: by the teacher's file.
        teacher_positive_score: of query and positive.
        suspicion: the most by which any judge scores the candidate above its positive.
        verdict: "kept", or why it was dropped.
        decision: "positive", "negative" or None.
    """

    query: str
    positive: str
    candidate: str
    score: float | None
    positive_score: float | None
    suspicion: float
    verdict: str
    guide_score: float | None = None
    guide_positive_score: float | None = None
    cross_encoder_score: float | None = None
    cross_encoder_positive_score: float | None = None
    teacher_score: float | None = None
    teacher_positive_score: float | None = None
    decision: str | None = None


@dataclass(frozen=True)
class Suspects:
    """Candidates of a block, the most suspicious first.

    Args:
        queries: (S,) int64 query numbers in the block.
        columns: (S,) int64 positions among the K candidates.
        suspicion: (S,) float32.
    """

    queries: np.ndarray
    columns: np.ndarray
    suspicion: np.ndarray


@dataclass(frozen=True)
class Decisions:
    """What a person decided.

    Args:
        positives: pairs (query text, candidate text) that are positives, in the order of the file.
        positive_ids: (P, 2) int64, their text ids; they become known positives.
        negative_ids: (P, 2) int64 text ids of pairs (query, candidate) that stay negatives whatever the filters decide.
        open: how many lines are undecided.
        records: the decided lines as they were read, without nested fields.
    """

    positives: tuple[tuple[str, str], ...]
    positive_ids: np.ndarray
    negative_ids: np.ndarray
    open: int
    records: tuple[Mapping[str, Any], ...] = ()

    @property
    def pairs(self) -> set[tuple[int, int]]:
        """Text ids of every decided pair (query, candidate)."""
        return {
            (query, candidate) for query, candidate in np.concatenate([self.positive_ids, self.negative_ids]).tolist()
        }


def suspects(candidates: CandidateBlock, verdict: Verdict, limit: int) -> Suspects:
    """The most suspicious candidates of a block: those that a judge scores above the positive.

    Judges are the mining model, the guide, the cross-encoder and the teacher's file; each compares with its own score
    of the positive, and the most suspicious judge counts, so that a disagreement shows. Candidates that nobody needs to
    check are left out: known positives, duplicates, texts of the same group, ranks outside the range, and those already
    marked.
    """
    others = (candidates.guide, candidates.cross_encoder, candidates.teacher)
    excess = [candidates.scores - candidates.positive_scores[:, None]]  # each (Q, K)
    excess += [one.scores - one.positive_scores[:, None] for one in others if one is not None]
    suspicion = np.fmax.reduce(excess)  # (Q, K), NaN where no judge scored
    open_ = ~np.isin(verdict.reasons, [REASONS.index(reason) for reason in NOT_BY_SCORE])  # (Q, K)
    if candidates.marked is not None:
        open_ &= ~candidates.marked
    queries, columns = np.nonzero(open_ & (suspicion > SPARE))  # (S,), (S,)
    found = suspicion[queries, columns]  # (S,)
    most = np.argsort(-found, kind="stable")[:limit]
    return Suspects(queries[most], columns[most], found[most])


def entry(candidates: CandidateBlock, verdict: Verdict, place: tuple[int, int], texts: tuple[str, str, str]) -> Entry:
    """One line of the ledger.

    Args:
        candidates: the block.
        verdict: what the filters decided.
        place: (query number in the block, column).
        texts: of the query, its least similar positive and the candidate.
    """
    judges = (candidates, candidates.guide, candidates.cross_encoder, candidates.teacher)
    (score, positive), guide, cross_encoder, teacher = said = [_scores_of(one, place) for one in judges]
    return Entry(
        *texts,
        score=score,
        positive_score=positive,
        suspicion=round(max(own - other for own, other in said if own is not None and other is not None), 6),
        verdict=REASONS[verdict.reasons[place]],
        guide_score=guide[0],
        guide_positive_score=guide[1],
        cross_encoder_score=cross_encoder[0],
        cross_encoder_positive_score=cross_encoder[1],
        teacher_score=teacher[0],
        teacher_positive_score=teacher[1],
    )


def _scores_of(judge: CandidateBlock | Opinion | None, place: tuple[int, int]) -> tuple[float | None, float | None]:
    """A judge's scores of the candidate and of the positive as JSON takes them: six decimals, no NaN."""
    if judge is None:
        return None, None
    own, other = (float(score) for score in (judge.scores[place], judge.positive_scores[place[0]]))
    return None if isnan(own) else round(own, 6), None if isnan(other) else round(other, 6)


def write_ledger(path: Path, entries: Iterable[Entry], limit: int, decided: Sequence[Mapping[str, Any]] = ()) -> int:
    """Write the `limit` most suspicious entries, the worst first, then the decided lines; returns how many entries."""
    most = heapq.nlargest(limit, entries, key=lambda one: one.suspicion)
    write_jsonl(path, chain(map(asdict, most), decided))
    return len(most)


def read_ledger(path: Path) -> Decisions:
    """Read the decisions in a ledger.

    Raises:
        DataError: invalid lines, unknown decisions, or pairs decided both ways; all are reported at once.
    """
    table = open_table(path)
    decided: dict[tuple[int, int], tuple[str, str]] = {}
    positives: dict[tuple[int, int], tuple[str, str]] = {}
    records: list[Mapping[str, Any]] = []
    undecided = 0
    for number, record in table.records:
        place = table.place(number)
        texts = [field_of(record, name, place, table.problems) for name in ("query", "candidate")]
        decision = _decision(record.get("decision"), place, table.problems)
        if texts[0] is None or texts[1] is None or decision is None:
            undecided += decision is None
            continue
        records.append({name: value for name, value in record.items() if value is None or isinstance(value, _PLAIN)})
        pair = (text_id(texts[0]), text_id(texts[1]))
        before, there = decided.setdefault(pair, (decision, place))
        if before != decision:
            table.problems.add(place, f"this pair is {decision} here and {before} at {there}; keep one of them")
        if decision == "positive":
            positives.setdefault(pair, (texts[0], texts[1]))
    table.problems.raise_if_any()
    negatives = [pair for pair, (decision, _) in decided.items() if decision == "negative"]
    return Decisions(tuple(positives.values()), _pairs(positives), _pairs(negatives), undecided, tuple(records))


def _decision(value: Any, place: str, problems: Problems) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    decision = value.strip().lower() if isinstance(value, str) else None
    if decision in DECISIONS:
        return decision
    problems.add(place, f"'decision' must be positive, negative or null, got {kind_of(value)}")
    return None


def _pairs(pairs: Collection[tuple[int, int]]) -> np.ndarray:
    return np.array(list(pairs), dtype=np.int64).reshape(-1, 2)  # (P, 2)
