"""A race from its first round to its decision, with whatever trains the arms.

Rounds that sort arms out and the final use different seeds: an arm that was lucky with its seed stays longer, and the
final must not count that luck again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from embedtune.racing.arm import Arm, Heat, Play, final_heat, full_heat, is_full
from embedtune.racing.decision import decide
from embedtune.racing.leaving import tests_against_leader
from embedtune.racing.outcome import Outcome, Reason, Round
from embedtune.racing.plan import FEWEST_SEEDS, FEWEST_STEPS, RacePlan

SORTING_SEED = 101
"""Added to the seed of the recipe in rounds that sort arms out."""
MERGED = "merged"


@dataclass
class Race:
    """A race in progress.

    Args:
        arms: the default first, then the others in the order in which they deserve a place.
        plan: who may run how far.
        play: trains an arm.
        metric: what the scores are.
        seed: of the recipe.
        draws: of each permutation test.
        merge: scores the mean of the weights of several finished heats; None: survivors are not merged.
        affords: whether there is time for so many steps and scorings of heats; None for a budget in steps. Where it
            is a time, the final goes on until it is over.
        is_done: whether the scores of a heat are known, from before the race was interrupted, so that it takes no time.
        keep_final: receives how many steps finalists run, and gives those that an interrupted race had decided on.
        tell: receives each round as it ends.
    """

    arms: Sequence[Arm]
    plan: RacePlan
    play: Play
    metric: str
    seed: int = 0
    draws: int = 10_000
    merge: Callable[[Sequence[Heat]], np.ndarray] | None = None
    affords: Callable[[float, float], bool] | None = None
    is_done: Callable[[Heat], bool] = lambda heat: False
    keep_final: Callable[[int], int] = lambda steps: steps
    tell: Callable[[Round], None] = lambda one: None
    spent: float = 0.0
    rounds: list[Round] = field(default_factory=list)

    def run(self) -> Outcome:
        """Sort arms out, run the finalists with several seeds, and decide."""
        default, *challengers = self.arms[: self.plan.arms]
        for number, steps in enumerate(self.plan.rounds):
            fitting = self._with_time(default, challengers, steps)
            if not fitting:
                break
            challengers = self._sorted_out(default, fitting, steps, self.plan.room_after(number))
        finalists = self._finalists(default, challengers)
        self.plan = self._fitted(finalists)
        finals = self._finals(finalists)
        costs = {arm.name: arm.cost for arm in finalists} | {MERGED: sum(arm.cost for arm in finalists)}
        decision = decide(finals, default.name, metric=self.metric, costs=costs, draws=self.draws, seed=self.seed)
        return Outcome(tuple(self.rounds), finals, decision, self.spent, self.plan.final)

    def _with_time(self, default: Arm, challengers: Sequence[Arm], steps: int) -> Sequence[Arm]:
        """The first challengers for whose round there is time; none, where it would sort out nobody.

        A round must leave time for one run of two finalists, which are scored alone and merged.
        """
        for count in range(len(challengers), 0, -1):
            fitting = challengers[:count]
            final = (default.price + max(one.price for one in fitting)) * self.plan.final
            if self._has_time(self._sorting_heats((default, *fitting), steps), fitting, then=final, scorings=3):
                return fitting if count > 1 or len(challengers) == 1 else ()
        return ()

    def _sorted_out(self, default: Arm, challengers: Sequence[Arm], steps: int, room: int) -> list[Arm]:
        """The challengers that stay, the best first."""
        scores = {heat.arm.name: self._run(heat) for heat in self._sorting_heats((default, *challengers), steps)}
        tests = tests_against_leader(scores, draws=self.draws, seed=self.seed)
        left: dict[str, Reason] = {test.name: "behind" for test in tests if test.leaves and test.name != default.name}
        means = {name: float(own.mean()) for name, own in scores.items()}
        places = {arm.name: place for place, arm in enumerate(challengers)}
        staying = sorted(
            (arm for arm in challengers if arm.name not in left),
            key=lambda arm: (-means[arm.name], arm.cost, places[arm.name]),
        )
        left |= dict.fromkeys((arm.name for arm in staying[room:]), "no room")
        found = Round(steps, means, tuple(tests), left)
        self.rounds.append(found)
        self.tell(found)
        return staying[:room]

    def _finalists(self, default: Arm, challengers: Sequence[Arm]) -> list[Arm]:
        """The default and the challengers whose first run, and its scoring alone and merged, there is time for."""
        finalists = [default]
        for arm in challengers:
            heats = [final_heat(one, self.plan, self.seed) for one in (*finalists, arm)]
            room = len(finalists) <= self.plan.challengers
            if room and self._has_time(heats, (*finalists[1:], arm), scorings=1):
                finalists.append(arm)
        return finalists

    def _fitted(self, finalists: Sequence[Arm]) -> RacePlan:
        """The plan with a final as long as what is left carries with the fewest seeds; full runs stay full.

        In a budget in steps it depends on steps and prices alone, so that a resumed race has the same final.
        """
        if not self.plan.in_full:
            return self.plan
        seed = sum(arm.cost for arm in finalists)
        fitting = int((self._steps_in_all(finalists[1:]) - self.spent) / (FEWEST_SEEDS * seed))
        final = min(self.plan.course, max(FEWEST_STEPS, fitting))
        least = max(FEWEST_STEPS, self.plan.final // 2)  # below that, most of the time would go into scoring
        while final > least and not self._has_time_for(finalists, final):
            final = max(least, 3 * final // 4)
        return replace(self.plan, final=self.keep_final(final))

    def _has_time_for(self, finalists: Sequence[Arm], final: int) -> bool:
        """Whether there is time for the fewest seeds of a final of so many steps."""
        plan, seeds = replace(self.plan, final=final), range(self.seed, self.seed + FEWEST_SEEDS)
        heats = [final_heat(arm, plan, seed) for seed in seeds for arm in finalists]
        return self._has_time(heats, finalists[1:], scorings=0)

    def _finals(self, finalists: Sequence[Arm]) -> dict[str, np.ndarray]:
        """Scores of finalists, (S, Q) each; one seed where there is nobody to compare with."""
        if len(finalists) == 1 and self.plan.in_full:  # trained anyway, and not at the cost of the race
            return {arm.name: self.play(full_heat(arm, self.plan, self.seed))[None] for arm in finalists}
        scores: dict[str, list[np.ndarray]] = {arm.name: [] for arm in finalists}
        seeds = self.plan.seeds if len(finalists) > 1 else 1
        merged = self.merge if len(finalists) > 1 else None
        for seed in range(self.seed, self.seed + seeds):
            heats = [final_heat(arm, self.plan, seed) for arm in finalists]
            found = self._of_seed(heats, needed=seed == self.seed)
            if found is None:
                break
            for name, own in found.items():
                scores[name].append(own)
            if merged is not None:
                scores.setdefault(MERGED, []).append(merged(heats))
        return {name: np.stack(own) for name, own in scores.items()}

    def _of_seed(self, heats: Sequence[Heat], *, needed: bool) -> dict[str, np.ndarray] | None:
        """Scores of one seed, (Q,) per finalist; None where the budget does not carry all of them to the end.

        Where time runs short in the middle, because the machine has become slow, the seed is given up: finalists are
        compared on the same seeds.
        """
        found: dict[str, np.ndarray] = {}
        challengers = [heat.arm for heat in heats[1:]]
        for number, heat in enumerate(heats):
            if not needed and not (
                self._has_time(heats[number:], challengers, scorings=1) and (found or self._has_steps(heats))
            ):
                return None
            found[heat.arm.name] = self._run(heat)
        return found

    def _has_time(self, heats: Sequence[Heat], challengers: Sequence[Arm], *, then: float = 0.0, scorings: int) -> bool:
        """Whether there is time for heats, so many steps after them, and scorings of more than the heats themselves,
        so that what follows a victory of the dearest challenger can still be paid.

        What was done before costs nothing now, however little time is left.
        """
        waiting = [heat for heat in heats if not self.is_done(heat)]
        if not waiting or self.affords is None:
            return True
        needed = sum(map(_cost, waiting)) + then + self._aside(challengers)
        watched = sum(is_full(heat, self.plan) for heat in waiting) + len(self.plan.after)
        return self.affords(needed, len(waiting) + scorings + len(self.plan.after) + watched * self.plan.watching)

    def _has_steps(self, heats: Sequence[Heat]) -> bool:
        """Whether a budget in steps carries all of them; what was put aside for a dearer winner may be spent."""
        whole = self._steps_in_all([heat.arm for heat in heats[1:]])
        return self.affords is not None or self.spent + sum(map(_cost, heats)) <= whole

    def _steps_in_all(self, challengers: Sequence[Arm]) -> float:
        """Steps of the race once only these may win: what was put aside for a dearer one is free."""
        return self.plan.budget + self._aside(self.arms[1 : self.plan.arms]) - self._aside(challengers)

    def _aside(self, challengers: Sequence[Arm]) -> float:
        """Steps to leave for the dearest of those that may still win."""
        return self.plan.aside(max((arm.cost for arm in challengers), default=0.0))

    def _run(self, heat: Heat) -> np.ndarray:
        scores = self.play(heat)
        self.spent += _cost(heat)
        return scores

    def _sorting_heats(self, arms: Sequence[Arm], steps: int) -> list[Heat]:
        return [Heat(arm, arm.steps(steps), self.seed + SORTING_SEED, steps) for arm in arms]


def _cost(heat: Heat) -> float:
    """Steps of the default recipe that a heat takes."""
    return heat.budget * heat.arm.price
