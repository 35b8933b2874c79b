"""What to do with a guide, given its audit: use a margin, weight instead of dropping, another guide, or none."""

from dataclasses import dataclass
from typing import Literal

from embedtune.training.guide.audit import GuideAudit, MarginEffect

KNOWS_LITTLE = 0.75
"""A separation below this is closer to chance (0.5) than to a perfect guide (1)."""
HEAVY_MASKED_SHARE = 0.05
"""A guide that ranks more of the other candidates above the positive masks many true negatives. An untrained encoder as
guide did so with 19% on banking77-pairs and cost 6 points of nDCG@10; with such a guide on banking77, dropping cost 5
points and a weight of 0.3 almost nothing."""
WORTH = 15
"""How many harmless candidates may be dropped per false negative found. With this value the rule picks the margin that
was best on banking77-pairs (0.15), and none on medquad, where every margin cost accuracy."""

Kind = Literal["margin", "weight", "guide", "infonce"]


@dataclass(frozen=True)
class GuideAdvice:
    """What the audit suggests.

    Args:
        kind: what to change.
        sentence: the proposal and its reason, with figures.
        option: the option that applies it.
        margin: the proposed margin, where it is one.
        warns: whether the guide is likely to hurt the run as it is.
    """

    kind: Kind
    sentence: str
    option: str
    margin: float | None = None
    warns: bool = True


def propose(audit: GuideAudit, *, own: bool) -> GuideAdvice:
    """The rule, in this order: a guide near chance is useless; one that drops many candidates at margin 0 should only
    weight them; one that finds known positives is used at the margin where it finds most for what it drops; one that
    finds too few is not used.

    Args:
        audit: the guide's audit, with the effects of other margins.
        own: whether the guide is the student itself, so that no better one can be named.
    """
    careful = audit.effects[0]
    if audit.separation < KNOWS_LITTLE:
        near = f"it ranks the positive above another candidate only {audit.separation:.0%} of the time (chance: 50%)"
        if own:
            return GuideAdvice("infonce", f"use plain InfoNCE: {near}", "--guide none")
        return GuideAdvice("guide", f"use another guide: {near}", "--guide self, or a stronger model")
    if careful.masked_share > HEAVY_MASKED_SHARE:
        even = f"even at margin 0 it treats {careful.masked_share:.1%} of the other candidates as false negatives"
        return GuideAdvice(
            "weight", f"use a weight of 0.3 instead of dropping: {even}", "loss.0.args.false_negative_weight=0.3"
        )
    if not audit.known:
        unknown = "no known positive among the held-out pairs shows what a larger margin would find"
        return _margin(audit, 0.0, f"use margin 0: {unknown}", "--margin 0, or --margin auto to try some on dev")
    best = max(audit.effects, key=lambda effect: (_worth(effect, audit), -effect.margin))
    if _worth(best, audit) <= 0:
        return GuideAdvice("infonce", f"use plain InfoNCE: even at {_words(best, audit)}", "--guide none")
    return _margin(audit, best.margin, f"at {_words(best, audit)}", f"--margin {best.margin:g}")


def _margin(audit: GuideAudit, margin: float, sentence: str, option: str) -> GuideAdvice:
    too_bold = audit.margin > margin and audit.masked_share > HEAVY_MASKED_SHARE
    return GuideAdvice("margin", sentence, option, margin, warns=too_bold)


def _worth(effect: MarginEffect, audit: GuideAudit) -> float:
    """False negatives found, minus the cost of what is dropped for them; in pairs of anchor and candidate."""
    return WORTH * (effect.found_share or 0.0) * audit.known - effect.masked_share * audit.others


def _words(effect: MarginEffect, audit: GuideAudit) -> str:
    return (
        f"margin {effect.margin:g} it finds {effect.found_share or 0:.0%} of the {audit.known:,} known false negatives "
        f"and drops {effect.masked_share:.2%} of {audit.others:,} other candidates"
    )
