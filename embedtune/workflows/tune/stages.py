"""A race from its checked options to its report: settle the default, price the arms, race, test once, save, write."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from embedtune.config.recipe.load import dump_config, load
from embedtune.config.verbs.train import TrainConfig
from embedtune.config.verbs.tune import TuneConfig
from embedtune.durable import discard, write_text
from embedtune.errors import ConfigError
from embedtune.findings import Finding, counted
from embedtune.models.files.save import save_encoder
from embedtune.racing.arm import Arm, Heat
from embedtune.racing.more_data import LearningCurve, learning_curve
from embedtune.racing.plan import RacePlan, plan_race
from embedtune.racing.race import MERGED, Outcome, Race, Round
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.results.tune import TuneResult
from embedtune.reports.tune import tuning
from embedtune.workflows.shared.choosing.arms import ArmData, ArmTrainer
from embedtune.workflows.shared.scoring import SELECTION
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.tune.folder import RESULT, RaceFolder
from embedtune.workflows.tune.heats import Heats, final_heat
from embedtune.workflows.tune.opened_test import TestScores, open_test
from embedtune.workflows.tune.pricing import Clock, relative
from embedtune.workflows.tune.result import finished
from embedtune.workflows.tune.space import DEFAULT, arms_of

DEFAULT_RECIPE, RECIPE, MODEL = "default.yaml", "recipe.yaml", "model"
CHOOSING = 0.15
"""Share of a budget in steps that choosing the default's margin may take."""
SHARES = (0.25, 0.5)
"""Of the pairs, for the learning curve; the winner itself had all of them."""
HEATS_EXPECTED = 24
"""Scorings of dev that a race needs, about."""


@dataclass
class Tuning:
    """A race in progress.

    Args:
        opened: data and recipe.
        folder: of the race.
        started: `time.perf_counter()` when the command began.
    """

    config: TuneConfig
    opened: ArmData
    folder: RaceFolder
    talk: Talk
    started: float
    findings: list[Finding] = field(default_factory=list)

    def run(self) -> TuneResult:
        """All stages, in order."""
        trainer = self.opened.load(self.folder.heats, self.talk)
        clock = self._clock()
        default, chosen = self._default(trainer)
        entered = arms_of(default, self.config.tune.arms, trainer.encoder, self.opened.data, self._at(DEFAULT_RECIPE))
        arms, plan = self._planned(trainer, [arm for arm, _ in entered], dict(_named(entered)), clock)
        heats = Heats(trainer, dict(_named(entered)), self.folder.heats, default.training.seed)
        outcome = self._raced(arms, plan, heats, clock)
        curve = self._curve(outcome, arms, plan, heats)
        test = self._tested(outcome, arms, plan, heats)
        self._saved(outcome, arms, plan, heats)
        self.folder.note(spent_s=round(clock.spent_s, 2))
        result = finished(
            self.config, self.opened.data, self.folder.path, arms, plan, outcome, heats, test, curve, chosen, clock
        )
        result = replace(result, findings=(*self.findings, *result.findings))
        return _written(result, self.folder.path)

    def _at(self, name: str) -> Path:
        return self.folder.path / name

    def _clock(self) -> Clock:
        race = self.config.tune
        allowed = race.amount if race.unit == "seconds" else None
        return Clock(allowed, self.started, earlier_s=float(self.folder.facts().get("spent_s", 0.0)))

    def _default(self, trainer: ArmTrainer) -> tuple[TrainConfig, str]:
        """The default recipe with everything settled: as an interrupted race left it, or settled now."""
        facts = self.folder.facts()
        if "chosen" not in facts:
            race = self.config.tune
            trials = int(CHOOSING * race.amount) if race.unit == "steps" else 0
            chosen, steps = trainer.choose(trials, self.talk)
            nowhere = trainer.config.output.model_copy(update={"folder": None})
            write_text(self._at(DEFAULT_RECIPE), dump_config(trainer.config.model_copy(update={"output": nowhere})))
            self.folder.note(chosen=chosen, chosen_steps=steps)
            facts = self.folder.facts()
        default = load(TrainConfig, str(self._at(DEFAULT_RECIPE)))
        trainer.config = default
        if facts["chosen"]:
            self.talk.say(facts["chosen"])
        return default, str(facts["chosen"])

    def _planned(
        self, trainer: ArmTrainer, arms: Sequence[Arm], configs: dict[str, TrainConfig], clock: Clock
    ) -> tuple[list[Arm], RacePlan]:
        """The arms with their prices, and the plan; as noted by an interrupted race, or made now."""
        facts, course = self.folder.facts(), trainer.steps(configs[DEFAULT])
        if "plan" not in facts:
            prices = self._prices(trainer, arms, configs, clock) if clock.allowed_s else {}
            budget = self._budget(clock, course, float(facts["chosen_steps"]))
            plan = plan_race(budget, arms=len(arms), course=course, seeds=self.config.tune.seeds)
            self.folder.note(prices=prices, plan=asdict(plan), step_s=clock.step_s, score_s=clock.score_s)
            facts = self.folder.facts()
        plan = RacePlan(**facts["plan"] | {"rounds": tuple(facts["plan"]["rounds"])})
        clock.step_s, clock.score_s = facts["step_s"], facts["score_s"]
        priced = [replace(arm, price=facts["prices"].get(arm.name, 1.0)) for arm in arms]
        self._tell(priced, plan)
        return priced, plan

    def _prices(
        self, trainer: ArmTrainer, arms: Sequence[Arm], configs: dict[str, TrainConfig], clock: Clock
    ) -> dict[str, float]:
        """Cost of a pair of each arm, from a few steps of it; the first measurement warms up and is thrown away."""
        with self.talk.progress("pricing the arms", total=len(arms) + 1) as tell:
            trainer.step_s(configs[DEFAULT])
            step_s = {}
            for number, arm in enumerate(arms):
                tell(number + 1)
                step_s[arm.name] = trainer.step_s(configs[arm.name])
        clock.step_s, clock.score_s = step_s[DEFAULT], trainer.start.score_s
        test = self.opened.data.test
        ratio = 0 if test is None else (len(test.corpus) + len(test)) / max(1, trainer.dev_texts)
        clock.reserve_s += 3 * ratio * clock.score_s
        return relative(step_s, {arm.name: arm.batch for arm in arms}, DEFAULT)

    def _budget(self, clock: Clock, course: int, chosen_steps: float) -> int:
        """Steps for the race: what was asked for, less what the margin and the learning curve take."""
        race = self.config.tune
        steps = int(race.amount - chosen_steps) if race.unit == "steps" else clock.steps(HEATS_EXPECTED)
        return steps - (round(sum(SHARES) * course) if race.curve else 0)

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

    def _raced(self, arms: Sequence[Arm], plan: RacePlan, heats: Heats, clock: Clock) -> Outcome:
        """The race, each heat told as it ends."""
        total = len(arms) + 1
        with self.talk.progress("racing", total=plan.budget) as tell:
            race = Race(
                arms,
                plan,
                lambda heat: played(heat),
                SELECTION,
                seed=heats.seed,
                merge=heats.merged,
                affords=lambda steps: clock.affords(steps, total),
                tell=self._tell_round,
            )

            def played(heat: Heat) -> np.ndarray:
                tell(min(plan.budget, round(race.spent)), None, heat.arm.name)
                found = heats.play(heat)
                scores = heats.scores(heat)
                clock.learn(heat.budget * heat.arm.price, scores.train_s, scores.score_s)
                self.folder.note(spent_s=round(clock.spent_s, 2))
                return found

            outcome = race.run()
        self.talk.say(outcome.decision.sentence)
        return outcome

    def _tell_round(self, one: Round) -> None:
        behind = [name for name, why in one.left.items() if why == "behind"]
        waiting = [name for name, why in one.left.items() if why == "no room"]
        best = max(one.means, key=lambda name: one.means[name])
        said = [f"after {one.steps} steps {best} leads ({one.means[best]:.4f})"]
        said += [f"behind and out: {', '.join(behind)}"] if behind else []
        said += [f"no room for: {', '.join(waiting)}"] if waiting else []
        self.talk.say("; ".join(said))

    def _curve(self, outcome: Outcome, arms: Sequence[Arm], plan: RacePlan, heats: Heats) -> LearningCurve | None:
        """Scores of the winner's recipe on fewer pairs; of a merged winner, that of the default."""
        if not self.config.tune.curve:
            return None
        winner = next((arm for arm in arms if arm.name == outcome.decision.winner), arms[0])
        full, rows = final_heat(winner, plan, heats.seed), len(self.opened.data.train)
        scores = {rows: heats.play(full)}
        with self.talk.progress("learning curve", total=len(SHARES)) as tell:
            for number, share in enumerate(SHARES):
                tell(number)
                part = replace(full, steps=max(1, round(share * full.steps)), budget=round(share * full.budget))
                pairs = max(2, round(share * rows))
                scores[pairs] = heats.scores(part, pairs).scores[SELECTION]
        found = learning_curve(scores, seed=heats.seed)
        self.talk.say(found.sentence)
        return found

    def _tested(self, outcome: Outcome, arms: Sequence[Arm], plan: RacePlan, heats: Heats) -> TestScores | None:
        """Scores of the start, the default and the winner on the test split."""
        winner = self._winning(outcome, arms, plan, heats.seed)
        default = [final_heat(arms[0], plan, heats.seed)]
        ways = {"start": heats.trainer.restart, DEFAULT: lambda: heats.mix(default)}
        if outcome.decision.replaced:
            ways[outcome.decision.winner] = lambda: heats.mix(winner)
        return open_test(self.opened.data.test, heats.trainer.encoder, ways, self.folder.heats, self.talk)

    def _winning(self, outcome: Outcome, arms: Sequence[Arm], plan: RacePlan, seed: int) -> list[Heat]:
        """The heats whose weights make the winner's model: one, or all finalists' where merging won."""
        name = outcome.decision.winner
        names = [one for one in outcome.finals if one != MERGED] if name == MERGED else [name]
        return [final_heat(arm, plan, seed) for arm in arms if arm.name in names]

    def _saved(self, outcome: Outcome, arms: Sequence[Arm], plan: RacePlan, heats: Heats) -> None:
        """The winner's model and recipe; the weights of all heats are no longer needed."""
        heats.mix(self._winning(outcome, arms, plan, heats.seed))
        save_encoder(heats.trainer.encoder, self._at(MODEL))
        recipe = heats.configs.get(outcome.decision.winner, heats.configs[DEFAULT])
        write_text(self._at(RECIPE), dump_config(recipe))


def _named(entered: Sequence[tuple[Arm, TrainConfig]]) -> list[tuple[str, TrainConfig]]:
    names = [arm.name for arm, _ in entered]
    twice = {name for name in names if names.count(name) > 1} | ({MERGED} & set(names))
    if twice:
        raise ConfigError(
            f"an arm cannot be called {', '.join(sorted(twice))}", where="tune.arms", next="give it another name"
        )
    return [(arm.name, config) for arm, config in entered]


def _written(result: TuneResult, folder: Path) -> TuneResult:
    """Write the result and its report; the last file makes the race done, and only then the weights of heats go."""
    report = tuning(result)
    write_text(folder / "report.html", page(report))
    write_text(folder / "report.md", markdown(report))
    write_text(folder / RESULT, json.dumps(result.as_json(), ensure_ascii=False, indent=2) + "\n")
    discard(folder / "heats")
    return result
