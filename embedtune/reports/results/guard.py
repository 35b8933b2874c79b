"""What a guard and a mixture of models leave in the results of several verbs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict


class GuardRow(TypedDict):
    """A guard set before and after. `verdict` goes by `p_value`, which is not adjusted for the number of sets.

    `minimum_detectable_effect` is the loss that this set would have shown 4 times out of 5.
    """

    set: str
    metric: str
    before: float
    after: float
    difference: float
    interval: tuple[float, float]
    p_value: float
    verdict: str
    minimum_detectable_effect: float
    queries: int
    items: str


@dataclass(frozen=True)
class AlphaPoint:
    """A mixture that was tried.

    Args:
        alpha: how far from the first model towards the others.
        dev: metrics on the dev queries that it was chosen by.
        guard: the guard on the half of its items that it was chosen by.
        holds: whether no guard set looks worse, at a laxer level than the one that reports a loss.
        chosen: whether it is the one that was taken.
    """

    alpha: float
    dev: Mapping[str, float]
    guard: tuple[GuardRow, ...] = ()
    holds: bool = True
    chosen: bool = False
