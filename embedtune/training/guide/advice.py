"""What to do with a guide, given its audit: keep it, use another one or none, or find out on dev.

An audit shows how many candidates a guide would drop, and not whether that helps: on the sets tried, neither this share
nor how often the guide ranks the positive first told sets where masking gained from sets where it lost. What did is how
often two pairs are known to answer each other. Where only the data can tell, the answer is a trial on dev.
"""

from dataclasses import dataclass
from typing import Literal

from embedtune.training.guide.audit import GuideAudit

KNOWS_LITTLE = 0.75
"""A separation below this is closer to chance (0.5) than to a perfect guide (1)."""
TOO_MUCH = 0.5
"""A guide that drops more of the other candidates leaves little to learn from."""
RARE, COMMON = 0.001, 0.02
"""Share of known false negatives among the held-out combinations of anchor and candidate: below the first, masking
gained on none of the sets tried and lost on one; above the second it gained."""
HIT_RATE = (
    "of 8 sets and encoders, each judged by the other 7: following the rule gained on 1, changed nothing on 5, lost on "
    "none, and it did not know on 2"
)
"""From the pretrained encoders all-MiniLM-L6-v2 and multilingual-e5-small, on dev (see the benchmarks)."""

Kind = Literal["keep", "unknown", "margin", "guide", "infonce"]


@dataclass(frozen=True)
class GuideAdvice:
    """What the audit suggests.

    Args:
        kind: keep the guide, find out on dev, or use a smaller margin, another guide, or none.
        sentence: the proposal and its reason, with figures.
        option: the option that applies it; empty where nothing is to be changed.
        margin: the proposed margin, where it is one.
        warns: whether the guide is likely to hurt the run as it is.
    """

    kind: Kind
    sentence: str
    option: str
    margin: float | None = None
    warns: bool = False

    @property
    def words(self) -> str:
        """The proposal with its option."""
        return self.sentence + (f" ({self.option})" if self.option else "")


def propose(audit: GuideAudit, *, own: bool) -> GuideAdvice:
    """The rule: a guide near chance or one that drops most candidates is useless; else the share of known false
    negatives decides, where it can.

    Args:
        audit: the guide's audit.
        own: whether the guide is the student itself, so that no better one can be named.
    """
    if audit.separation < KNOWS_LITTLE:
        near = f"it ranks the positive above another candidate only {audit.separation:.0%} of the time (chance: 50%)"
        if own:
            return GuideAdvice("infonce", f"use plain InfoNCE: {near}", "--guide none", warns=True)
        return GuideAdvice("guide", f"use another guide: {near}", "--guide self, or a stronger model", warns=True)
    if audit.masked_share > TOO_MUCH:
        dropped = f"at margin {audit.margin:g} it drops {audit.masked_share:.0%} of the other candidates"
        return GuideAdvice("margin", f"use a smaller margin: {dropped}", "--margin 0", margin=0.0, warns=True)
    share = audit.known / max(1, audit.known + audit.others)
    known = f"{audit.known:,} false negatives are known among {audit.known + audit.others:,} combinations"
    if share < RARE:
        sentence = f"plain InfoNCE is as good or better where false negatives are this rare ({known}; {HIT_RATE})"
        return GuideAdvice("infonce", sentence, "--guide none, or --margin auto to try both on dev")
    if share > COMMON:
        return GuideAdvice("keep", f"keep the guide: false negatives are common ({known}; {HIT_RATE})", "")
    sentence = f"whether masking helps is unknown ({known}; {HIT_RATE})"
    return GuideAdvice("unknown", sentence, "--margin auto tries both on dev")
