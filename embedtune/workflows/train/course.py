"""How the loss and the embeddings changed during a run, and whether that looks like learning."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from embedtune.findings import Finding

FEWEST_STEPS = 20
RATE_FACTOR = 30
"""A learning rate may be this many times larger or smaller than what suits the encoder without a warning."""
FLAT = 1e-4
"""If losses of different batches differ by less than this share of their mean, the loss did not react to anything."""
ROSE = 0.02
NARROWED = 0.5

Lines = Sequence[Mapping[str, Any]]


def rate_finding(rate: float, usual: float) -> Finding | None:
    """Whether a learning rate is far from what suits the encoder; known before training.

    Args:
        rate: the learning rate of the run.
        usual: the learning rate that the encoder declares.
    """
    factor = rate / usual
    if 1 / RATE_FACTOR <= factor <= RATE_FACTOR:
        return None
    times = f"{factor:,.0f} times" if factor > 1 else f"1/{1 / factor:,.0f} of"
    what = "is likely to destroy what it has learned" if factor > 1 else "will hardly change it"
    return Finding(
        code="learning-rate",
        severity="warning",
        count=1,
        message=f"a learning rate of {rate:g} is {times} what suits this encoder, and {what}.",
        fix=f"Use --lr auto, or a rate near {usual:g}.",
    )


def course_findings(lines: Lines, *, grows: bool) -> list[Finding]:
    """Findings from the log of a run.

    Args:
        lines: of `metrics.jsonl`.
        grows: the loss is expected to grow, because negatives become harder or more numerous.
    """
    losses = [line["loss"] for line in lines if "loss" in line]
    found = [_zero(losses) or _flat(losses) or (None if grows else _rose(losses)), _narrowed(lines)]
    return [one for one in found if one is not None]


def _zero(losses: Sequence[float]) -> Finding | None:
    zero = sum(loss == 0 for loss in losses)
    if len(losses) < FEWEST_STEPS or zero < len(losses) / 2:
        return None
    return Finding(
        code="loss-was-zero",
        severity="warning",
        count=zero,
        message=f"the loss was exactly 0 in {zero:,} of {len(losses):,} steps, which taught nothing.",
        fix="Give harder negatives (embedtune mine), a larger --margin, or a loss without a margin (--loss infonce).",
    )


def _flat(losses: Sequence[float]) -> Finding | None:
    if len(losses) < FEWEST_STEPS or max(losses) - min(losses) >= FLAT * abs(statistics.fmean(losses)):
        return None
    return Finding(
        code="loss-never-moved",
        severity="warning",
        count=len(losses),
        message=f"the loss stayed at {losses[-1]:.4g} in all {len(losses):,} steps: nothing was learned.",
        fix="Use another loss or a larger --lr; a constant loss can also mean that all texts get the same vector.",
    )


def _rose(losses: Sequence[float]) -> Finding | None:
    """The last quarter is above the first by more than batches differ by chance."""
    quarter = len(losses) // 4
    if len(losses) < FEWEST_STEPS:
        return None
    first, last = losses[:quarter], losses[-quarter:]
    rise = statistics.fmean(last) - statistics.fmean(first)
    error = ((statistics.variance(first) + statistics.variance(last)) / quarter) ** 0.5
    if rise <= 3 * error or rise <= ROSE * abs(statistics.fmean(first)):
        return None
    return Finding(
        code="loss-rose",
        severity="warning",
        count=quarter,
        message=f"the loss rose, from {statistics.fmean(first):.4g} in the first quarter of the run to "
        f"{statistics.fmean(last):.4g} in the last: training made the encoder worse at its own task.",
        fix="Lower the learning rate (--lr).",
    )


def _narrowed(lines: Lines) -> Finding | None:
    """The embeddings use fewer directions and are more alike, without having collapsed."""
    ranks = [line["collapse.effective_rank"] for line in lines if "collapse.effective_rank" in line]
    cosines = [line["collapse.mean_cosine"] for line in lines if "collapse.mean_cosine" in line]
    if len(ranks) < FEWEST_STEPS:
        return None
    some = len(ranks) // 10 or 1
    before, after = (statistics.fmean(part) for part in (ranks[:some], ranks[-some:]))
    began, ended = (statistics.fmean(part) for part in (cosines[:some], cosines[-some:]))
    if after > NARROWED * before or ended <= began:
        return None
    return Finding(
        code="embeddings-narrowed",
        severity="warning",
        count=1,
        message=f"the embeddings narrowed: their effective rank fell from {before:.0f} to {after:.0f}, and the mean "
        f"cosine of two texts rose from {began:.2f} to {ended:.2f}.",
        fix="Add --loss sigreg:0.05, use a loss that keeps texts apart (infonce, gist), or train for fewer epochs.",
    )
