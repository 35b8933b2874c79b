"""Who leaves a race: an arm that a paired test over dev queries says is behind the leader, never by its rank alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from embedtune.evaluation.verdicts.paired_tests import LEVEL, holm, paired_permutation


@dataclass(frozen=True)
class Behind:
    """The test of an arm against the leader of its round.

    Args:
        name: of the arm.
        leader: of the round.
        difference: mean score of the arm minus that of the leader.
        p_value: adjusted by Holm's method for all arms of the round.
    """

    name: str
    leader: str
    difference: float
    p_value: float

    @property
    def leaves(self) -> bool:
        """Whether the arm is behind."""
        return self.difference < 0 and self.p_value < LEVEL


def tests_against_leader(scores: Mapping[str, np.ndarray], *, draws: int = 10_000, seed: int = 0) -> list[Behind]:
    """Test every arm of a round against its leader.

    Args:
        scores: arm -> (Q,) score of each dev query.
        draws: of each permutation test.
        seed: of the draws.

    Returns: one test per arm other than the leader, in the order of `scores`.
    """
    leader = max(scores, key=lambda name: float(scores[name].mean()))
    others = [name for name in scores if name != leader]
    differences = [scores[name] - scores[leader] for name in others]  # each (Q,)
    p_values = holm(np.array([paired_permutation(own, draws=draws, seed=seed) for own in differences]))
    return [
        Behind(name, leader, float(own.mean()), float(p))
        for name, own, p in zip(others, differences, p_values, strict=True)
    ]


def standing(scores: Mapping[str, np.ndarray], default: str) -> str:
    """Who is left of one round with one place: the default, unless it is behind the leader, and then the leader.

    Args:
        scores: arm -> (Q,) score of each dev query, the default among them.
        default: what is kept where no difference is shown.

    >>> plain = np.linspace(0, 1, 40)
    >>> standing({"plain": plain, "other": plain + 0.1}, "plain"), standing({"plain": plain, "other": plain}, "plain")
    ('other', 'plain')
    """
    return next((one.leader for one in tests_against_leader(scores) if one.name == default and one.leaves), default)
