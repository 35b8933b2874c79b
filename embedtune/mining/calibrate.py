"""Which margin to the positive fits this data: proposed from a sample, with its reason in figures.

A margin finds false negatives and costs candidates. The automatic margin maximises the share of positives that it
would catch minus the share of candidates that it costs (Youden 1950, Index for rating diagnostic tests): a wider one
loses more candidates than it finds positives. No share of false negatives has to be assumed. If the two shares hardly
differ, no margin is proposed.

If queries have several positives, each is held out in turn and plays the false negative. With one positive per query,
which of two positives was labelled is chance, so an unlabelled one scores above the labelled one as often as below:
the candidates above it, mirrored, represent all of them (as knockoffs do, Barber and Candes 2015, arXiv:1404.5609).
Some of them are true negatives, so this errs towards a wider margin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from embedtune.errors import ConfigError
from embedtune.mining.candidate_block import CandidateBlock
from embedtune.mining.filters import NOT_BY_SCORE, SPARE, Filter, judge

ENOUGH_HELD_OUT = 50
LEAST_GAP = 0.05
"""Share found minus share lost below which a margin is not worth its candidates."""
_CHANCE = 1.36  # over sqrt(n): two such shares differ by more than this at most 5% of the time (Kolmogorov 1933)
NEARLY_ALL, NEARLY_NONE = 0.95, 0.001


@dataclass(frozen=True)
class MarginProposal:
    """A margin and the reason for it.

    Args:
        margin: absolute, in units of the score; None: no margin helps.
        kept: share of the candidates that it keeps.
        found: share of the known positives that it would have caught, each held out in turn; None: too few to tell.
        queries_empty: share of the queries that it leaves without any candidate.
        rule: "target", "known positives", "mirror" or "none".
        reason: one sentence with the figures.
        warning: what is wrong with it, or None.
    """

    margin: float | None
    kept: float
    found: float | None
    queries_empty: float
    rule: str
    reason: str
    warning: str | None = None


def propose_margin(
    candidates: CandidateBlock,
    positives: np.ndarray,
    filters: Sequence[Filter] = (),
    *,
    target_kept: float | None = None,
) -> MarginProposal:
    """Propose a margin from a sample of queries.

    Args:
        candidates: of a seeded sample of queries, as many per query as will be mined from.
        positives: (P, 2) float64, pairs (query number in the sample, score of one of its positives): ALL positives.
        filters: the other filters of the job; candidates that they drop do not count.
        target_kept: the share of the remaining candidates to keep, in (0, 1); None: automatic.

    Raises:
        ConfigError: the target is not a share between 0 and 1, or there are no candidates.
    """
    if target_kept is not None and not 0 < target_kept < 1:
        raise ConfigError(f"the share to keep must be between 0 and 1, not {target_kept:g}", where="--target-kept")
    room = candidates.positive_scores[:, None].astype(np.float64) - candidates.scores  # (Q, K)
    usable = judge(candidates, filters).kept & ~np.isnan(room)  # (Q, K)
    if not usable.any():
        raise ConfigError(
            "no candidates are left to choose a margin from", where="mine", next="widen the range or loosen the filters"
        )
    below = np.sort(room[usable])  # (n,)
    held_out = np.sort(_held_out(np.asarray(positives, dtype=np.float64).reshape(-1, 2)))  # (h,)
    margin, rule, reason = _automatic(below, held_out) if target_kept is None else _for_target(below, target_kept)
    kept = usable if margin is None else usable & (room >= margin - SPARE)  # (Q, K)
    share = float(kept.sum() / usable.sum())
    empty = float(1 - kept.any(axis=1).sum() / usable.any(axis=1).sum())
    found = None if margin is None or len(held_out) < ENOUGH_HELD_OUT else float(_share_below(held_out, margin))
    return MarginProposal(margin, share, found, empty, rule, reason, _warning(margin, share, empty))


def _warning(margin: float | None, kept: float, queries_empty: float) -> str | None:
    advice = "mine with a better encoder, name a guide, or skip the first ranks (--range 30:100)"
    if margin is None:
        return f"no margin helps here; {advice}"
    if kept < 1 - NEARLY_ALL:
        return f"this margin discards {1 - kept:.1%} of the candidates; set --target-kept, or {advice}"
    if queries_empty > 0.5:
        return f"this margin leaves {queries_empty:.0%} of the queries without any negative; {advice}"
    return None


def _held_out(positives: np.ndarray) -> np.ndarray:
    """How far each positive scores below the least similar of its query's others: (h,), of queries with several."""
    order = np.lexsort((positives[:, 1], positives[:, 0]))
    query, score = positives[order, 0], positives[order, 1]  # (P,), (P,), least similar first within a query
    first = np.searchsorted(query, query, side="left")  # (P,)
    several = np.searchsorted(query, query, side="right") - first > 1  # (P,)
    at = np.arange(len(query))[several]  # (h,)
    # The least of the others is the query's first; for the first itself, it is the second.
    rest = np.where(first[at] == at, at + 1, first[at])  # (h,)
    return score[rest] - score[at]


def _for_target(below: np.ndarray, target_kept: float) -> tuple[float, str, str]:
    """Margin, rule and reason: the widest margin that keeps this share of the candidates.

    Args:
        below: (n,) how far each candidate scores below its query's positive, ascending.
        target_kept: the share to keep.
    """
    margin = float(below[len(below) - int(np.ceil(target_kept * len(below)))])
    some = ", some of them above their positive" if margin < 0 else ""
    return margin, "target", f"a margin of {margin:.3g} keeps the {target_kept:.0%} of candidates asked for{some}"


def _automatic(below: np.ndarray, held_out: np.ndarray) -> tuple[float | None, str, str]:
    """Margin, rule and reason: where the shares found and lost differ most.

    Args:
        below: (n,) how far each candidate scores below its query's positive, ascending.
        held_out: (h,) the same for known positives.
    """
    above = float(_share_below(below, 0.0))
    if len(held_out) >= ENOUGH_HELD_OUT:
        rule, positives = "known positives", held_out  # (h,)
        caught = f"{len(held_out):,} known positives, each held out in turn"
    elif above:
        rule, positives = "mirror", np.sort(np.concatenate([below[below < 0], -below[below < 0]]))  # (m,)
        share = f"{above:.1%}" if above >= 0.0005 else "under 0.1%"
        above_too = f"{share} of the candidates score above the positive; as many are assumed to score below it"
        caught = f"the likely false negatives ({above_too})"
    else:
        return 0.0, "mirror", "no candidate scores above its query's positive, so a margin of 0 is enough"
    # Three decimals: finer differences do not matter, and short numbers are easier to read.
    tried = np.unique(np.round(np.quantile(np.maximum(below, 0.0), np.linspace(0, 1, 1001)), 3))  # (t,)
    found, cost = _share_below(positives, tried), _share_below(below, tried)  # (t,), (t,)
    best = int(np.argmax(found - cost))
    finds, costs = f"finds {found[best]:.0%} of {caught}", f"costs {cost[best]:.0%} of the candidates"
    if found[best] - cost[best] < max(LEAST_GAP, _CHANCE / np.sqrt(len(positives))):
        best_of_all = f"the best, {tried[best]:g}, {finds}, and {costs}"
        return None, "none", f"no margin separates false negatives from other candidates: {best_of_all}"
    return (
        float(tried[best]),
        rule,
        f"a margin of {tried[best]:g} {finds}, and {costs}; no other margin makes a larger difference",
    )


def _share_below(values: np.ndarray, margins: np.ndarray | float) -> np.ndarray:
    """The share of the ascending values that each margin drops."""
    return np.searchsorted(values, np.asarray(margins) - SPARE, side="left") / max(1, len(values))


def warn_about(dropped: Mapping[str, int], kept: int, filters: Sequence[Filter]) -> str | None:
    """One sentence if thresholds discard nearly all (over 95%) or almost none (under 0.1%) of the candidates."""
    by_score = {reason: count for reason, count in dropped.items() if reason not in NOT_BY_SCORE}
    asked = {one.reason for one in filters} - set(NOT_BY_SCORE)
    lost = sum(by_score.values())
    if not asked or not lost + kept:
        return None
    share = lost / (lost + kept)
    if share > NEARLY_ALL:
        worst = max(by_score, key=lambda reason: by_score[reason])
        return f"the thresholds discard {share:.1%} of the candidates, most by {worst} ({by_score[worst]:,})."
    if share < NEARLY_NONE:
        names = ", ".join(sorted(asked))
        return f"the thresholds ({names}) discard almost nothing: {lost:,} of {lost + kept:,} candidates."
    return None
