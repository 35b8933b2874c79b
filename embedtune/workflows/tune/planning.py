"""What the arms cost, and who may run how far: decided before the first heat, and noted for a resumed race."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil

from embedtune.config.verbs.train import TrainConfig
from embedtune.config.verbs.tune import RaceSection
from embedtune.data.rows import RetrievalSet
from embedtune.errors import ConfigError
from embedtune.racing.arm import Arm
from embedtune.racing.division import DividedBudget, Purse
from embedtune.racing.plan import RacePlan, smallest_budget
from embedtune.workflows.shared.choosing.arms import ArmTrainer, OpenChoice, Priced
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.tune.checks import DEFAULT
from embedtune.workflows.tune.folder import RaceFolder
from embedtune.workflows.tune.plan_said import say_plan, too_small
from embedtune.workflows.tune.pricing import ENDING_S, RaceClock, relative

SHARES = (0.25, 0.5)
"""Of the pairs, for the learning curve; the winner itself had all of them."""
ROOM = 1.1
"""A time that is proposed is longer than the estimate by this factor."""
SORTED, FINALS = 1.5, 9
"""Heats that a race needs, about: so many per arm to sort them out, and those of the final, merged ones included."""
PRICING = 0.2
"""Share of the time that pricing may take; the arms for which there is none left do not race."""
UNPRICED = 1.5
"""Price of an arm that was not measured, where a budget is proposed: most cost less."""
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
        choosing: steps for what the default leaves open, while it is open.
    """

    race: RaceSection
    trainer: ArmTrainer
    configs: Mapping[str, TrainConfig]
    test: RetrievalSet | None
    folder: RaceFolder
    clock: RaceClock
    talk: Talk
    choosing: float = 0.0

    def demand_room_for(self, choice: OpenChoice) -> None:
        """Refuse a budget that would not carry a race after what is to be chosen, before that takes its time.

        Raises:
            ConfigError: it would not.
        """
        self.choosing = choice.all_steps
        if self.race.unit != "steps":
            guided, plain = (self.trainer.priced(own, MORE) for own in (choice.guided, choice.plain))
            self._take({DEFAULT: plain})
            trials = ((plain, choice.plain_trials), (guided, choice.guided_trials))
            score_s = self.trainer.start.score_s
            taken_s = sum(count * (one.before_s + score_s + choice.steps * one.step_s) for one, count in trials)
            self.choosing = taken_s / self.clock.step_s
        self._demand_enough([Arm(DEFAULT), Arm("another")])
        self.choosing = 0.0

    def planned(self, arms: Sequence[Arm]) -> tuple[list[Arm], RacePlan]:
        """The arms with their prices, those that race first, and the plan: as an interrupted race noted it, or made
        now.
        """
        facts = self.folder.facts()
        if "racing" not in facts:
            prices = self._prices(arms) if self.clock.allowed_s else {}
            of_pairs = prices or dict.fromkeys(self.configs, 1.0)
            able = [replace(arm, price=of_pairs[arm.name]) for arm in arms if arm.name in of_pairs]
            found, clock = self._divided(able), self.clock
            measured = {"step_s": clock.step_s, "score_s": clock.score_s, "reserve_s": clock.reserve_s}
            racing = [arm.name for arm in found.arms]
            self.folder.note(prices=prices, plan=asdict(found.plan), racing=racing, dear=found.dear, **measured)
            facts = self.folder.facts()
        lists = {name: tuple(facts["plan"][name]) for name in ("rounds", "after")}
        plan = RacePlan(**facts["plan"] | lists)
        self.clock.step_s, self.clock.score_s, self.clock.reserve_s = (
            facts[name] for name in ("step_s", "score_s", "reserve_s")
        )
        priced = [replace(arm, price=facts["prices"].get(arm.name, 1.0)) for arm in arms]
        priced.sort(key=lambda arm: arm.name not in facts["racing"])
        say_plan(self.talk, priced, plan, facts["dear"])
        return priced, plan

    def _prices(self, arms: Sequence[Arm]) -> dict[str, float]:
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
                    self._demand_enough(arms)  # refuse before any more time is spent
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

    def _divided(self, arms: Sequence[Arm], most: int | None = None) -> DividedBudget:
        """A race of as many arms as the budget carries; each takes time for scoring besides that of its steps.

        Raises:
            ConfigError: it does not carry two.
        """
        if self.race.unit == "steps":
            found = self._purse.divide(self._steps(0), arms, most)
            if found is not None:
                return found
        else:
            for count in range(most or len(arms), FEWEST_ARMS - 1, -1):
                found = self._purse.divide(self._steps(count), arms, count)
                if found is not None and len(found.arms) == count:
                    # The clock says how many seeds.
                    plan = replace(found.plan, seeds=self.race.seeds, watching=self._watching)
                    return replace(found, plan=plan)
        raise self._too_small(arms)

    def _demand_enough(self, arms: Sequence[Arm]) -> None:
        """Refuse a budget that would not carry the default and a challenger that costs as much.

        Raises:
            ConfigError: what is proposed is enough for a dearer one.
        """
        try:
            self._divided(arms, FEWEST_ARMS)
        except ConfigError:
            unpriced = arms if self.race.unit == "steps" else [replace(arm, price=UNPRICED) for arm in arms]
            raise self._too_small(unpriced) from None

    @property
    def _purse(self) -> Purse:
        """What full runs and the learning curve cost."""
        curve, clock = SHARES if self.race.curve else (), self.clock
        scoring = clock.score_s / clock.step_s if clock.step_s else 0.0
        return Purse(
            self.trainer.steps(self.configs[DEFAULT]), curve, scoring, self._watching * scoring, self.race.seeds
        )

    @property
    def _watching(self) -> float:
        """What scorings of dev within a full run take, in scorings of a heat."""
        if not self.clock.score_s:
            return 0.0
        return self.trainer.evaluations(self.configs[DEFAULT]) * self.trainer.start.score_s / self.clock.score_s

    @property
    def _chosen_steps(self) -> int:
        """Steps that the choice of what was open took."""
        return int(self.folder.facts().get("chosen_steps", 0))

    def _steps(self, arms: int) -> int:
        """Steps for everything that is still to be trained, where so many arms race."""
        race = self.race
        whole = race.amount - self._chosen_steps if race.unit == "steps" else self.clock.steps(_heats(arms))
        return int(whole - self.choosing)

    def _too_small(self, arms: Sequence[Arm]) -> ConfigError:
        """What to give instead, in the unit of the budget, so that it is enough with everything that it has to pay."""
        race, clock, purse = self.race, self.clock, self._purse
        needed, left, chosen = purse.fewest(arms), self._steps(FEWEST_ARMS), self.choosing + self._chosen_steps
        if race.unit == "steps":
            paid, enough = [], f"{ceil(needed + chosen)}steps"
        else:
            paid = ["reading", "pricing", "scoring"]
            seconds = ROOM * clock.seconds(needed + self.choosing, _heats(FEWEST_ARMS))
            enough = f"{5 * ceil(seconds / 5)}s"
        paid += ["the choice of rate and margin"] if chosen else []
        paid += ["the learning curve"] if race.curve else []
        paid += ["full runs of the default and of a winner"] if needed > smallest_budget() else []
        return too_small(race.budget, left - needed + smallest_budget(), paid, enough, purse.course)


def _heats(arms: int) -> int:
    """Heats of a race, each of which is scored."""
    return round(SORTED * arms) + FINALS
