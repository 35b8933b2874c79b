"""What a finished run should report about itself in addition to its scores."""

from pathlib import Path

from embedtune.findings import Finding
from embedtune.training.run.fit import FitResult
from embedtune.training.run.log import read_log
from embedtune.workflows.shared.scoring import SELECTION
from embedtune.workflows.train.course import Lines, course_findings
from embedtune.workflows.train.guide.guiding import Guiding

EMPTY_SHARE_WARNING = 0.1


def run_findings(fitted: FitResult, guiding: Guiding, metrics: Path, *, grows: bool = False) -> list[Finding]:
    """Findings about the run itself; those about the data were made when it was read.

    Args:
        fitted: the outcome of training.
        guiding: the guide and its audits.
        metrics: the run's `metrics.jsonl`.
        grows: the loss is meant to grow.
    """
    lines = read_log(metrics)
    found = [
        _best_is_lost(fitted),
        _best_is_early(fitted),
        _weak_guide(guiding),
        _empty_rows(lines),
        *course_findings(lines, grows=grows),
    ]
    return [one for one in found if one is not None]


def _best_is_lost(fitted: FitResult) -> Finding | None:
    """The checkpoint of the best model was damaged before the run could end with it."""
    scores = {step: scores[SELECTION] for step, scores in fitted.curve if SELECTION in scores}
    best = max(scores, key=lambda step: scores[step], default=None)
    if best is None or scores.get(fitted.best_step or 0, -1.0) >= scores[best]:
        return None
    kept = "the last step" if fitted.best_step is None else f"step {fitted.best_step}"
    return Finding(
        code="best-model-lost",
        severity="warning",
        count=1,
        message=f"the best model on dev, of step {best}, was lost with its damaged checkpoint; kept is that of {kept}.",
        fix="Train again with another --output if the difference on dev matters.",
    )


def _best_is_early(fitted: FitResult) -> Finding | None:
    if fitted.best_step is None or not fitted.curve or fitted.best_step > fitted.steps / 2:
        return None
    return Finding(
        code="best-model-early",
        severity="note",
        count=1,
        message=f"the model kept is of step {fitted.best_step} of {fitted.steps}: dev scores did not rise afterwards.",
        fix="Use fewer epochs or a lower learning rate; nothing is lost, and training takes less time.",
    )


def _weak_guide(guiding: Guiding) -> Finding | None:
    """Not for a guide whose margin was chosen on dev: it has been shown to help there, whatever its audit says."""
    proposal = guiding.proposal
    if proposal is None or not proposal.warns:
        return None
    audit = guiding.audits[-1]
    return Finding(
        code="weak-guide",
        severity="warning",
        count=audit.pairs,
        message=f"the guide {guiding.name}, used as it is, is likely to hurt: {audit.sentence}.",
        fix=f"Proposed: {proposal.sentence} ({proposal.option}).",
    )


def _empty_rows(lines: Lines) -> Finding | None:
    """Rows whose negatives were all masked, from the gauges of each step."""
    shares = [value for line in lines for name, value in line.items() if name.endswith(".empty_share")]
    mean = sum(shares) / len(shares) if shares else 0.0
    if mean <= EMPTY_SHARE_WARNING:
        return None
    return Finding(
        code="rows-without-negatives",
        severity="warning",
        count=len(shares),
        message=f"on average, {mean:.0%} of the rows of a batch had every negative masked and taught nothing.",
        fix="Use a smaller --margin, a larger --batch-size, or --guide none.",
    )
