"""What follows from how far two encoders disagree: may old document vectors be kept?"""

import numpy as np

from embedtune.evaluation.rankers import Ranking
from embedtune.evaluation.verdicts.significance import Comparison
from embedtune.reports.results.drift import MovedThreshold

QUANTILES = (0.5, 0.8, 0.95)
"""Of the scores of first-ranked documents of all queries: where thresholds tend to be."""
KEEP, REINDEX, OPEN = "keep", "re-index", "not shown"
TOLERATED = 0.05
"""The share of the metric that may be lost before old vectors are not worth keeping."""


def verdict_on(mixed: Comparison | None, overlap: float, a: str, b: str) -> tuple[str, str]:
    """The verdict and its sentence.

    Args:
        mixed: full re-encoding by b against b's queries over a's document vectors; None if their sizes differ.
        overlap: share of common documents among the first ten.
        a: the old encoder.
        b: the new one.
    """
    share = f"they share {overlap:.0%} of the first ten documents"
    hint = f"`embedtune adapt --from {a} --to {b}` may spare that"
    if mixed is None:
        return (
            REINDEX,
            f"Re-index: the vectors have different lengths, so old and new cannot be compared ({share}); {hint}.",
        )
    lost = f"{mixed.metric} {mixed.after:.3f} instead of {mixed.before:.3f}"
    if mixed.verdict == "worse":
        return REINDEX, f"Re-index: new queries over old document vectors lose ({lost}; {share}); {hint}."
    worst = -mixed.interval[0]
    if worst > TOLERATED * mixed.before:
        return OPEN, (
            f"Not shown that old document vectors may be kept: no loss was shown ({lost}), but it may be as large as "
            f"{worst:.3f} ({share}); more judged queries may decide it, and {hint}."
        )
    least = mixed.minimum_detectable_effect
    # Where no query's score changed, there is no spread from which to say what could have been found.
    missed = f"; a loss below {least:.3f} would usually go undetected" if least >= 0.0005 else ""
    shown = f"{lost}{missed}; {share}"
    return KEEP, f"Old document vectors may be kept: new queries over them lose nothing that was shown ({shown})."


def moved_thresholds(a: Ranking, b: Ranking) -> tuple[MovedThreshold, ...]:
    """Scores of the old encoder and those of the new one that the same share of the ranked documents reach."""
    first, second = (one.scores[one.positions >= 0] for one in (a, b))
    return tuple(
        MovedThreshold(old=float(np.quantile(first, q)), new=float(np.quantile(second, q)), above=round(1 - q, 4))
        for q in QUANTILES
    )
