"""Which margin to the positive fits these data: proposed from a sample, with its reason in figures."""

from dataclasses import dataclass

import numpy as np

from embedtune.mining.candidates import Candidates


@dataclass(frozen=True)
class Proposal:
    """A margin and why.

    Args:
        margin: absolute, in units of the score.
        kept: share of the candidates that it keeps.
        found: share of the known positives that it would have caught had they not been known; None: cannot be told.
        queries_empty: share of the queries that it leaves without any candidate.
        rule: how it was found: "target", "known positives" or "mirror".
        reason: one sentence with the figures.
        warning: what is wrong with it, or None.
    """

    margin: float
    kept: float
    found: float | None
    queries_empty: float
    rule: str
    reason: str
    warning: str | None = None


def propose_margin(candidates: Candidates, positives: np.ndarray, *, target_kept: float | None = None) -> Proposal:
    """Propose a margin from a sample of queries.

    Args:
        candidates: of a seeded sample of queries, in the rank window that will be mined.
        positives: (P, 2) float, pairs (query number in the sample, score of one of its positives): ALL positives.
        target_kept: the share of candidates to keep, in (0, 1); None: automatic.
    """
    raise NotImplementedError


def warn_about(candidates: Candidates, kept: np.ndarray) -> str | None:
    """One sentence when filters discard nearly all (over 95 %) or nearly none (under 0.1 %) of the candidates.

    Args:
        candidates: of a sample of queries.
        kept: bool (Q, K), what the filters left.
    """
    raise NotImplementedError
