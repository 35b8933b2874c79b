"""What a race leaves: its rounds, the scores of its finalists, the decision, and the full runs behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from embedtune.racing.decision import Decision
from embedtune.racing.leaving import Behind

Reason = Literal["behind", "no room"]


@dataclass(frozen=True)
class Round:
    """What happened in a round.

    Args:
        steps: that each arm ran.
        means: arm -> mean dev score.
        tests: of each arm against the leader.
        left: arm -> why it runs no further: it is behind, or the budget has no room for it.
    """

    steps: int
    means: Mapping[str, float]
    tests: tuple[Behind, ...]
    left: Mapping[str, Reason]


@dataclass(frozen=True)
class Outcome:
    """A finished race.

    Args:
        rounds: that sorted arms out.
        finals: arm -> (S, Q) dev scores of the finalists.
        decision: what may be claimed.
        spent: steps of the default recipe that the race took.
        final: steps of a finalist that is as long as the default.
        full: arm -> (Q,) dev scores of its full run: of the default, and of the arm that won.
    """

    rounds: tuple[Round, ...]
    finals: Mapping[str, np.ndarray]
    decision: Decision
    spent: float
    final: int
    full: Mapping[str, np.ndarray] = field(default_factory=dict)
