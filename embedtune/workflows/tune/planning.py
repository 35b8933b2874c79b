"""What the arms cost, and who may run how far: decided before the first heat, and noted for a resumed race."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import ceil

from embedtune.config.verbs.train import TrainConfig
from embedtune.config.verbs.tune import RaceSection
from embedtune.data.rows import RetrievalSet
from embedtune.errors import ConfigError
from embedtune.findings import Finding, counted
from embedtune.racing.arm import Arm
from embedtune.racing.plan import FEWEST_SEEDS, SORTING, RacePlan, plan_race, smallest_budget
from embedtune.workflows.shared.choosing.arms import ArmTrainer, Priced
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.tune.folder import RaceFolder
from embedtune.workflows.tune.pricing import ENDING_S, RaceClock, relative
from embedtune.workflows.tune.space import DEFAULT

SHARES = (0.25, 0.5)
"""Of the pairs, for the learning curve; the winner itself had all of them."""
CHOOSING = 0.15
"""Share of a budget in steps, or of what is left of one in time, that the trials of margins may take."""
OF_FINALIST = (1 - SORTING) / (2 * FEWEST_SEEDS)
"""Share of the budget that one run of a finalist takes, at most."""
ROOM = 1.1
"""A time that is proposed is longer than the estimate by this factor."""
SORTED, FINALS = 1.5, 9
"""Heats that a race needs, about: so many per arm to sort them out, and those of the final, merged ones included."""
PRICING = 0.2
"""Share of the time that pricing may take; the arms for which there is none left do not race."""
FEWEST_ARMS = 2
FEW, MORE = 6, 16
"""Steps that are measured: of each arm, and of the default."""


@dataclass
class Planning:
    """A race that is about to start, or to go on.

    Args:
        race: the budget.
        configs: arm -> its recipe.
        test: the split that is opened at the end, which takes time too.
        findings: what the budget does not allow.
    """

    race: RaceSection
    trainer: ArmTrainer
    configs: Mapping[str, TrainConfig]
    test: RetrievalSet | None
    folder: RaceFolder
    clock: RaceClock
    talk: Talk
    findings: list[Finding] = field(default_factory=list)

    def planned(self, arms: Sequence[Arm]) -> tuple[list[Arm], RacePlan]:
        """The arms with their prices, and the plan; as noted by an interrupted race, or made now."""
        facts, course = self.folder.facts(), self.trainer.steps(self.configs[DEFAULT])
        if "plan" not in facts:
            prices = self._prices(arms, course, int(facts["chosen_steps"])) if self.clock.allowed_s else {}
            plan = self._plan(course, int(facts["chosen_steps"]), len(prices) or len(arms))
            clock = self.clock
            measured = {"step_s": clock.step_s, "score_s": clock.score_s, "reserve_s": clock.reserve_s}
            self.folder.note(prices=prices, plan=asdict(plan), **measured)
            facts = self.folder.facts()
        plan = RacePlan(**facts["plan"] | {"rounds": tuple(facts["plan"]["rounds"])})
        self.clock.step_s, self.clock.score_s, self.clock.reserve_s = (
            facts[name] for name in ("step_s", "score_s", "reserve_s")
        )
        priced = [replace(arm, price=facts["prices"].get(arm.name, 1.0)) for arm in arms]
        priced.sort(key=lambda arm: arm.name not in facts["prices"])  # those without a price do not race
        self._tell(priced, plan)
        return priced, plan

    def _prices(self, arms: Sequence[Arm], course: int, chosen_steps: int) -> dict[str, float]:
        """Cost of a pair of each arm, from a few steps of it; the first measurement warms up and is thrown away.

        Where there is no time for all, the last arms get none, and cannot race; nor can one for which something has to
        be made first that takes too long.

        Raises:
            ConfigError: the budget does not carry two arms.
        """
        found: dict[str, Priced] = {}
        until_s = self.clock.spent_s + PRICING * (self.clock.allowed_s or 0.0)
        with self.talk.progress("pricing the arms", total=len(arms) + 1) as tell:
            self.trainer.priced(self.configs[DEFAULT], FEW)
            for number, arm in enumerate(arms):
                tell(number + 1)
                if number and self.clock.spent_s + self.trainer.making_s(self.configs[arm.name]) > until_s:
                    continue
                found[arm.name] = self.trainer.priced(self.configs[arm.name], FEW if arm.changes else MORE)
                self._take(found)
                if not number:
                    self._plan(course, chosen_steps, FEWEST_ARMS)  # refuse before any more time is spent
        work = {name: one.work_s for name, one in found.items()}
        return relative(work, {arm.name: arm.batch for arm in arms if arm.name in work}, DEFAULT)

    def _take(self, found: Mapping[str, Priced]) -> None:
        """Let the clock know what was measured so far."""
        # Preparing a heat takes time however short it is; so does scoring it.
        before_s = sum(one.before_s for one in found.values()) / len(found)
        self.clock.step_s, self.clock.score_s = found[DEFAULT].step_s, self.trainer.start.score_s + before_s
        test = self.test
        ratio = 0 if test is None else (len(test.corpus) + len(test)) / max(1, self.trainer.dev_texts)
        # The test split is tokenized once, and scored for the start, the default and the winner.
        self.clock.reserve_s = ENDING_S + ratio * (self.trainer.reading_s + 3 * self.trainer.start.score_s)

    def _plan(self, course: int, chosen_steps: int, arms: int) -> RacePlan:
        """A race of as many arms as the budget carries; each takes time for scoring besides that of its steps.

        Raises:
            ConfigError: it does not carry two.
        """
        for count in range(arms, FEWEST_ARMS - 1, -1):
            budget = self._budget(course, chosen_steps, count)
            if budget < smallest_budget():
                continue
            plan = plan_race(budget, arms=count, course=course, seeds=self.race.seeds)
            if self.race.unit == "steps":
                return plan
            if plan.arms == count:
                return replace(plan, seeds=self.race.seeds)  # the clock says how many
        raise self._too_small(self._budget(course, chosen_steps, FEWEST_ARMS), chosen_steps)

    def _budget(self, course: int, chosen_steps: int, arms: int) -> int:
        """Steps for the race: what was asked for, less what the margin and the learning curve take."""
        race = self.race
        steps = int(race.amount - chosen_steps) if race.unit == "steps" else self.clock.steps(_heats(arms))
        # The curve trains on a quarter and on a half of the pairs, each as long in proportion as a finalist.
        finalist = min(course, OF_FINALIST * steps)
        return steps - (round(sum(SHARES) * finalist) if race.curve else 0)

    def _too_small(self, steps: int, chosen_steps: int) -> ConfigError:
        """What to give instead, in the unit of the budget, so that it is enough with everything that it has to pay."""
        race, clock = self.race, self.clock
        needed = smallest_budget() / (1 - (sum(SHARES) * OF_FINALIST if race.curve else 0))
        taken = {"the choice of a margin": chosen_steps, "the learning curve": race.curve}
        paid = " and ".join(name for name, own in taken.items() if own)
        if race.unit == "steps":
            enough = f"{ceil(needed / (1 - CHOOSING))}steps"
        else:
            paid = " and ".join(filter(None, ("reading, pricing and scoring", paid)))
            enough = f"{5 * ceil(ROOM * clock.seconds(needed, _heats(FEWEST_ARMS)) / 5)}s"
        after = f" after {paid}" if paid else ""
        return ConfigError(
            f"{race.budget} leaves {counted(max(0, steps), 'step')} for the race{after}; it needs {smallest_budget()}",
            where="--budget",
            next=f"give {enough} or more",
        )

    def _tell(self, arms: Sequence[Arm], plan: RacePlan) -> None:
        racing = ", ".join(arm.name for arm in arms[: plan.arms])
        self.talk.say(
            f"{counted(plan.arms, 'arm')} race for {plan.budget:,} steps: {racing}. Rounds of "
            f"{' and '.join(map(str, plan.rounds))} steps sort them out; then the default and up to "
            f"{counted(plan.challengers, 'challenger')} train {plan.final:,} steps with up to "
            f"{counted(plan.seeds, 'seed')} each"
        )
        if plan.arms < len(arms):
            named = ", ".join(arm.name for arm in arms[plan.arms :])
            self.talk.say(f"the budget has no room for: {named}")
        if plan.shortened:
            message = f"finalists train {plan.final:,} steps; a full run of the default takes {plan.course:,}."
            fix = (
                "What is best for short runs, such as a high rate, may not be best for full ones: raise --budget."
                " `embedtune train recipe.yaml` trains the winner in full."
            )
            self.findings.append(Finding("short-runs", "warning", plan.final, message, fix))


def _heats(arms: int) -> int:
    """Heats of a race, each of which is scored."""
    return round(SORTED * arms) + FINALS
