"""What a run should report about itself in addition to its scores, from its outcome, its guide and its log."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedtune.findings import Finding, counted
from embedtune.training.run.fit import FitResult
from embedtune.training.run.log import read_log
from embedtune.workflows.shared.scoring import SELECTION
from embedtune.workflows.train.guide.guiding import Guiding

RATE_FACTOR = 30
"""A learning rate may be this many times larger or smaller than what suits the encoder without a warning."""
EMPTY_SHARE_WARNING = 0.1
FEWEST_STEPS = 20
FLAT = 1e-4
"""If losses of different batches differ by less than this share of their mean, the loss did not react to anything."""
PAYS = 0.5
"""Share of tokens without a backward pass from which on a step that encodes the others twice takes less time. By its
products it would be a third; measured, 37% took 14% more time, and 70% took 25% less."""
ROSE = 0.02
NARROWED = 0.5

Lines = Sequence[Mapping[str, Any]]


def rate_finding(rate: float, usual: float) -> Finding | None:
    """Whether the learning rate of a run is far from the one that its encoder declares; known before training."""
    factor = rate / usual
    if 1 / RATE_FACTOR <= factor <= RATE_FACTOR:
        return None
    times = f"{factor:,.0f} times" if factor > 1 else f"1/{1 / factor:,.0f} of"
    what = "is likely to destroy what it has learned" if factor > 1 else "will hardly change it"
    message = f"a learning rate of {rate:g} is {times} what suits this encoder, and {what}."
    return Finding("learning-rate", "warning", 1, message, f"Use --lr auto, or a rate near {usual:g}.")


def run_findings(fitted: FitResult, guiding: Guiding, metrics: Path, *, grows: bool = False) -> list[Finding]:
    """Findings about a finished run; those about its data were reported when that was read.

    Args:
        fitted: the outcome of training.
        guiding: the guide and its audits.
        metrics: the run's `metrics.jsonl`.
        grows: the loss is expected to grow, because negatives become harder or more numerous.
    """
    lines = read_log(metrics)
    found = [
        _best_is_lost(fitted),
        _start_is_kept(fitted),
        _best_is_early(fitted),
        _weak_guide(guiding),
        _empty_rows(lines),
        _skipped(lines),
    ]
    return [*(one for one in found if one is not None), *course_findings(lines, grows=grows)]


def _best_is_lost(fitted: FitResult) -> Finding | None:
    """The checkpoint of the best model was damaged before the run could end with it."""
    scores = {step: scores[SELECTION] for step, scores in fitted.curve if SELECTION in scores}
    best = max(scores, key=lambda step: scores[step], default=None)
    if best is None or scores.get(fitted.best_step or 0, -1.0) >= scores[best]:
        return None
    kept = "the last step" if fitted.best_step is None else f"step {fitted.best_step}"
    message = f"the best model on dev, of step {best}, was lost with its damaged checkpoint; that of {kept} was kept."
    fix = "Train again with another --output if the difference on dev matters."
    return Finding("best-model-lost", "warning", 1, message, fix)


def _start_is_kept(fitted: FitResult) -> Finding | None:
    if fitted.best_step != 0:
        return None
    message = (
        f"no dev score of the {counted(fitted.steps, 'step')} rose above that of the encoder before training, so the "
        "encoder is kept as it was."
    )
    fix = "Try another --lr, more or cleaner pairs, or another loss; `embedtune check` looks for faults in the data."
    return Finding("start-kept", "warning", 1, message, fix)


def _best_is_early(fitted: FitResult) -> Finding | None:
    if not fitted.best_step or not fitted.curve or fitted.best_step > fitted.steps / 2:
        return None
    message = (
        f"the model of step {fitted.best_step} of {fitted.steps} was kept, because dev scores did not rise after it."
    )
    fix = "Fewer epochs take less time; with a lower learning rate, dev scores may rise for longer."
    return Finding("best-model-early", "note", 1, message, fix)


def _weak_guide(guiding: Guiding) -> Finding | None:
    """Not for a guide whose margin was chosen on dev: it has been shown to help there, whatever its audit says."""
    proposal = guiding.proposal
    if proposal is None or not proposal.warns:
        return None
    message = f"the guide {guiding.name} may hurt, used as it is."
    fix = f"Proposed: {proposal.words}."
    return Finding("weak-guide", "warning", guiding.audits[-1].pairs, message, fix)


def _empty_rows(lines: Lines) -> Finding | None:
    """Rows whose negatives were all masked, from the gauges of each step."""
    shares = [value for line in lines for name, value in line.items() if name.endswith(".empty_share")]
    mean = sum(shares) / len(shares) if shares else 0.0
    if mean <= EMPTY_SHARE_WARNING:
        return None
    message = f"on average, {mean:.0%} of the rows of a batch had every negative masked and taught nothing."
    fix = "Use a smaller --margin, a larger --batch-size, or --guide none."
    return Finding("rows-without-negatives", "warning", len(shares), message, fix)


def _skipped(lines: Lines) -> Finding | None:
    """What `training.skip_below` left out of the backward pass, from the gauges of each step."""
    steps = [line for line in lines if "skipped.tokens" in line]
    if not steps:
        return None
    tokens, gradient = (statistics.fmean(line[f"skipped.{name}"] for line in steps) for name in ("tokens", "gradient"))
    message = (
        f"on average, {tokens:.0%} of the tokens of a batch got no backward pass, and with them {gradient:.1%} of the "
        f"gradient was left out; a step computed as much as about {1 + 3 * (1 - tokens):.1f} forward passes, not 3."
    )
    fix = "Compare dev scores with those of a run without training.skip_below before relying on it."
    if tokens < PAYS:
        fix = "Leave training.skip_below out, unless a batch does not fit into memory otherwise."
    return Finding("texts-skipped", "note", len(steps), message, fix)


def course_findings(lines: Lines, *, grows: bool) -> list[Finding]:
    """Whether the course of the loss and of the embeddings looks like learning; arguments as of `run_findings`."""
    losses = [line["loss"] for line in lines if "loss" in line]
    found = [_zero(losses) or _flat(losses) or (None if grows else _rose(losses)), _narrowed(lines)]
    return [one for one in found if one is not None]


def _zero(losses: Sequence[float]) -> Finding | None:
    zero = sum(loss == 0 for loss in losses)
    if len(losses) < FEWEST_STEPS or zero < len(losses) / 2:
        return None
    message = f"the loss was exactly 0 in {zero:,} of {len(losses):,} steps, which taught nothing."
    fix = "Give harder negatives (embedtune mine), a larger --margin, or a loss without a margin (--loss infonce)."
    return Finding("loss-was-zero", "warning", zero, message, fix)


def _flat(losses: Sequence[float]) -> Finding | None:
    if len(losses) < FEWEST_STEPS or max(losses) - min(losses) >= FLAT * abs(statistics.fmean(losses)):
        return None
    message = f"the loss stayed at {losses[-1]:.4g} in all {len(losses):,} steps: nothing was learned."
    fix = "Use another loss or a larger --lr; a constant loss can also mean that all texts get the same vector."
    return Finding("loss-never-moved", "warning", len(losses), message, fix)


def _rose(losses: Sequence[float]) -> Finding | None:
    """The last quarter is above the first by more than batches differ by chance."""
    quarter = len(losses) // 4
    if len(losses) < FEWEST_STEPS:
        return None
    first, last = losses[:quarter], losses[-quarter:]
    began, ended = statistics.fmean(first), statistics.fmean(last)
    error = ((statistics.variance(first) + statistics.variance(last)) / quarter) ** 0.5
    if ended - began <= 3 * error or ended - began <= ROSE * abs(began):
        return None
    message = (
        f"the loss rose, from {began:.4g} in the first quarter of the run to {ended:.4g} in the last: training made "
        "the encoder worse at its own task."
    )
    return Finding("loss-rose", "warning", quarter, message, "Lower the learning rate (--lr).")


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
    message = (
        f"the embeddings narrowed: their effective rank fell from {before:.0f} to {after:.0f}, and the mean cosine of "
        f"two texts rose from {began:.2f} to {ended:.2f}."
    )
    fix = "Add --loss sigreg:0.05, use a loss that keeps texts apart (infonce, gist), or train for fewer epochs."
    return Finding("embeddings-narrowed", "warning", 1, message, fix)
