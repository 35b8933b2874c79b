"""What may be claimed after a race: a winner that beats the default against queries and seeds, or the default."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from embedtune.evaluation.verdicts.paired_tests import LEVEL, p_said, paired_permutation
from embedtune.evaluation.verdicts.seeds import compare_seeds
from embedtune.evaluation.verdicts.significance import Comparison, adjusted

FEWEST_SEEDS = 2


@dataclass(frozen=True)
class Decision:
    """Whether the default is to be replaced, and by what.

    Args:
        winner: the name of an arm; that of the default where no difference was shown.
        default: the name of the default.
        tests: challenger -> the default against it, on dev, p-values adjusted by Holm's method.
        seeds: of each finalist.
        smallest: the smallest true difference from the default that this race would have found 4 times out of 5.
        named: the arm that won a race of shorter runs, and so was to be trained in full; empty if there was none.
        full: its full run against that of the default, on dev; None where there was no time for it.
    """

    winner: str
    default: str
    tests: Mapping[str, Comparison]
    seeds: int
    smallest: float
    named: str = ""
    full: Comparison | None = None

    @property
    def replaced(self) -> bool:
        """Whether an arm beat the default."""
        return self.winner != self.default

    @property
    def sentence(self) -> str:
        """The decision in words."""
        if self.replaced:
            in_full = f" in short runs, and {_found(self.full)} in full ones, of one seed each" if self.full else ""
            return f"{self.winner} is better than {self.default} on dev: {self._in_the_race(self.winner)}{in_full}."
        if self.named:
            shown = (
                f"trained in full, {self.named} is not shown to be better: {_found(self.full)}"
                if self.full
                else ("no time was left to train it in full")
            )
            won = f"{self.named} was better on dev in short runs: {self._in_the_race(self.named)}"
            return f"No difference shown: keep {self.default}. {won}; {shown}."
        if not self.tests:
            return f"No difference shown: no other arm reached the final. Keep {self.default}."
        if self.seeds < FEWEST_SEEDS:
            return f"No difference shown: the budget ended before a second seed was trained. Keep {self.default}."
        if not self.smallest:
            return f"No difference shown: the finalists have the same score on every dev query. Keep {self.default}."
        return (
            f"No difference shown: keep {self.default}. With {self.seeds} seeds and these dev queries, a true "
            f"difference below {small_said(self.smallest)} would usually go undetected."
        )

    def _in_the_race(self, name: str) -> str:
        """The test of a challenger in the final."""
        found = self.tests[name]
        return _found(found, f" over {found.queries:,} queries and {self.seeds} seeds")


def _found(test: Comparison, over: str = "") -> str:
    """The difference of a test, and how sure it is."""
    return f"{test.difference:+.4f} ({p_said(test.p_value)}{over})"


def small_said(difference: float) -> str:
    """A difference in four decimals, and one that would round to nothing with its first digit.

    >>> small_said(0.01234), small_said(0.000031)
    ('0.0123', '3e-05')
    """
    return f"{difference:.4f}" if difference >= 0.0001 else f"{difference:.1g}"


def decide(
    finals: Mapping[str, np.ndarray],
    default: str,
    *,
    metric: str,
    costs: Mapping[str, float] | None = None,
    draws: int = 10_000,
    seed: int = 0,
) -> Decision:
    """Decide among finalists; a tie among winners goes to the cheaper.

    Args:
        finals: arm -> (S, Q) scores of S seeds on Q dev queries, the default among them.
        default: its name.
        metric: what the scores are.
        costs: arm -> cost of its full run, relative to the default; equal where not given.
        draws: of each permutation test.
        seed: of the draws.
    """
    challengers = [name for name in finals if name != default]
    base = finals[default]  # (S, Q)
    if not challengers:
        return Decision(default, default, {}, len(base), 0.0)
    level = LEVEL / len(challengers)
    found = [
        compare_seeds(base, finals[name], metric=metric, level=level, draws=draws, seed=seed)[0] for name in challengers
    ]
    tests = dict(zip(challengers, adjusted(found), strict=True))
    if len(base) < FEWEST_SEEDS:  # the spread of seeds is unknown, so nothing holds against it
        tests = {name: replace(one, p_value=1.0, verdict="no difference shown") for name, one in tests.items()}
    best = max(challengers, key=lambda name: tests[name].difference)
    better = [name for name in challengers if tests[name].verdict == "better"]
    winner = default if not better else _cheapest(finals, better, costs or {}, draws=draws, seed=seed)
    return Decision(winner, default, tests, len(base), tests[best].minimum_detectable_effect)


def _cheapest(
    finals: Mapping[str, np.ndarray], better: list[str], costs: Mapping[str, float], *, draws: int, seed: int
) -> str:
    """The best of the arms that beat the default, or a cheaper one that was not shown to be behind it."""
    means = {name: finals[name].mean(axis=0) for name in better}  # each (Q,)
    best = max(better, key=lambda name: float(means[name].mean()))
    level_with = [
        name
        for name in better
        if paired_permutation(means[name] - means[best], draws=draws, seed=seed) >= LEVEL or name == best
    ]
    return min(level_with, key=lambda name: (costs.get(name, 1.0), name != best))
