"""A race against a clock on a machine that others use too: it is fast now and slow later."""

from math import sin

import numpy as np
import pytest

from embedtune.racing.arm import Arm, Heat
from embedtune.racing.plan import plan_race
from embedtune.racing.race import Race
from embedtune.workflows.tune.pricing import RaceClock

STEP_S, SCORE_S, ENDING_S = 0.2, 1.0, 3.0
ALLOWED_S = 180.0


class Machine:
    """A clock that only work moves; the work of a second takes between a second and almost two."""

    def __init__(self, world: int) -> None:
        self.now, self.world = 0.0, world

    def work(self, seconds: float) -> None:
        for _ in range(int(seconds * 10)):
            self.now += 0.1 * (1.45 + 0.45 * sin(self.now / (7 + 3 * self.world) + self.world))


@pytest.mark.parametrize("world", range(20))
def test_the_budget_is_kept_although_the_load_changes(world: int) -> None:
    machine = Machine(world)
    started = machine.now
    machine.work(8)  # reading, loading and pricing, at whose end the prices are known
    clock = RaceClock(ALLOWED_S, started, now=lambda: machine.now)
    before = machine.now
    machine.work(STEP_S * 16)
    clock.step_s, clock.score_s = (machine.now - before) / 16, SCORE_S
    arms = [Arm("default"), *(Arm(f"arm {n}") for n in range(8))]
    random = np.random.default_rng(world)

    def play(heat: Heat) -> np.ndarray:
        began = machine.now
        machine.work(heat.steps * STEP_S + SCORE_S)
        clock.learn(heat.budget, machine.now - began)
        return random.normal(0.5, 0.1, 60)

    def merged(_: object) -> np.ndarray:
        machine.work(SCORE_S)
        return random.normal(0.5, 0.1, 60)

    plan = plan_race(clock.steps(23), arms=len(arms), course=30)
    race = Race(arms, plan, play, "m", draws=100, merge=merged, affords=clock.affords)
    race.plan = plan.__class__(**{**vars(plan), "seeds": 8})
    found = race.run()
    machine.work(ENDING_S)
    assert machine.now <= 1.05 * ALLOWED_S
    # It ends early only where all seeds are trained, or one more would not have fitted.
    seeds = found.decision.seeds
    one_more = len(found.finals) * (plan.final * STEP_S * 1.9 + SCORE_S * 1.9)
    assert seeds == 8 or machine.now + one_more >= 0.9 * ALLOWED_S
