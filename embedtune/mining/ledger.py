"""The false-negative ledger: the most suspicious pairs, as a file that people edit and hand back.

`decision` is null as written; a person sets it to "positive" or "negative". Pairs are known by their two texts, so
edits of any other field, added fields and removed lines do no harm.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedtune.mining.candidates import Candidates
from embedtune.mining.filters import Verdict


@dataclass(frozen=True)
class Entry:
    """One line of the ledger; the names are the fields of its JSON object.

    Args:
        query: its text.
        positive: the text of the query's (least similar) positive.
        candidate: its text.
        score: of query and candidate, by the mining model.
        positive_score: of query and positive.
        guide_score: by the guide; None: not asked; likewise the others.
        guide_positive_score: of query and positive.
        cross_encoder_score: by the cross-encoder.
        cross_encoder_positive_score: of query and positive.
        suspicion: the most that any judge puts the candidate above its positive.
        verdict: "kept", or the reason why it was dropped.
        decision: "positive", "negative" or None.
    """

    query: str
    positive: str
    candidate: str
    score: float
    positive_score: float
    suspicion: float
    verdict: str
    guide_score: float | None = None
    guide_positive_score: float | None = None
    cross_encoder_score: float | None = None
    cross_encoder_positive_score: float | None = None
    decision: str | None = None


@dataclass(frozen=True)
class Suspects:
    """Places of a block, the most suspicious first.

    Args:
        queries: (S,) int64 query numbers in the block.
        columns: (S,) int64 places among the K candidates.
        suspicion: (S,) float32.
    """

    queries: np.ndarray
    columns: np.ndarray
    suspicion: np.ndarray


@dataclass(frozen=True)
class Decisions:
    """What a person decided.

    Args:
        positives: pairs (query text, candidate text) that are positives after all, in the order of the file.
        positive_ids: (P, 2) int64, their text ids: known positives from now on.
        negative_ids: (P, 2) int64 text ids of pairs (query, candidate) that stay negatives whatever the filters say.
        open: how many lines are undecided.
    """

    positives: tuple[tuple[str, str], ...]
    positive_ids: np.ndarray
    negative_ids: np.ndarray
    open: int


def suspects(candidates: Candidates, verdict: Verdict, limit: int, *, margin: float = 0.0) -> Suspects:
    """The most suspicious candidates of a block: those that a judge puts above the positive less a margin.

    Known positives, duplicates, and what lies outside the rank window or in the query's own group are left out.

    Args:
        candidates: the block.
        verdict: what the filters said.
        limit: at most this many.
        margin: how far below its positive a candidate is still worth a look.
    """
    raise NotImplementedError


def entry(candidates: Candidates, verdict: Verdict, place: tuple[int, int], texts: tuple[str, str, str]) -> Entry:
    """One line of the ledger.

    Args:
        candidates: the block.
        verdict: what the filters said.
        place: (query number in the block, column).
        texts: of the query, its positive and the candidate.
    """
    raise NotImplementedError


def write_ledger(path: Path, entries: Iterable[Entry], limit: int) -> int:
    """Write the most suspicious `limit` entries of all blocks, the most suspicious first; returns how many."""
    raise NotImplementedError


def read_ledger(path: Path) -> Decisions:
    """What was decided.

    Raises:
        DataError: lines that are no entries, decisions that are neither, pairs decided both ways: all told at once.
    """
    raise NotImplementedError
