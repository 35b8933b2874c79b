"""A race from its checked options to its report: settle the default, price the arms, race, test once, save, write."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from embedtune.config.recipe.load import dump_config, load
from embedtune.config.verbs.train import TrainConfig
from embedtune.config.verbs.tune import TuneConfig
from embedtune.durable import discard, write_text
from embedtune.findings import Finding
from embedtune.models.files.save import save_encoder
from embedtune.racing.arm import Arm, Heat, Play, full_heat, is_full
from embedtune.racing.full_runs import with_full_runs
from embedtune.racing.more_data import LearningCurve, learning_curve
from embedtune.racing.outcome import Outcome, Round
from embedtune.racing.plan import RacePlan
from embedtune.racing.race import MERGED, Race
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.results.tune import TuneResult
from embedtune.reports.tune import tuning
from embedtune.workflows.shared.choosing.arms import ArmData, ArmTrainer
from embedtune.workflows.shared.relocation import found_again
from embedtune.workflows.shared.scoring import SELECTION
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.tune.checks import DEFAULT
from embedtune.workflows.tune.folder import RESULT, RaceFolder
from embedtune.workflows.tune.heats import Heats
from embedtune.workflows.tune.memory import within_memory
from embedtune.workflows.tune.opened_test import TestScores, open_test
from embedtune.workflows.tune.planning import SHARES, Planning
from embedtune.workflows.tune.pricing import RaceClock
from embedtune.workflows.tune.result import finished
from embedtune.workflows.tune.space import arms_of

DEFAULT_RECIPE, RECIPE, MODEL = "default.yaml", "recipe.yaml", "model"


@dataclass
class Tuning:
    """A race in progress.

    Args:
        opened: data and recipe.
        folder: of the race.
        started: `runtime.began()` of the command.
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
        default, chosen = self._default(trainer, clock)
        every = arms_of(default, self.config.tune.arms, trainer.encoder, self.opened.data, self._at(DEFAULT_RECIPE))
        entered, found = within_memory(every, self.config.tune.memory_bytes, trainer, self.folder, self.talk)
        self.findings += found
        configs = {arm.name: own for arm, own in entered}
        planning = self._planning(trainer, configs, clock)
        arms, plan = planning.planned([arm for arm, _ in entered])
        heats = Heats(trainer, configs, self.folder.heats, default.training.seed)
        outcome = self._raced(arms, plan, heats, clock)
        curve = self._curve(outcome, arms, plan, heats, clock)
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

    def _clock(self) -> RaceClock:
        race = self.config.tune
        allowed = race.amount if race.unit == "seconds" else None
        return RaceClock(allowed, self.started, earlier_s=float(self.folder.facts().get("spent_s", 0.0)))

    def _planning(self, trainer: ArmTrainer, configs: Mapping[str, TrainConfig], clock: RaceClock) -> Planning:
        return Planning(self.config.tune, trainer, configs, self.opened.data.test, self.folder, clock, self.talk)

    def _default(self, trainer: ArmTrainer, clock: RaceClock) -> tuple[TrainConfig, str]:
        """The default recipe with everything settled: as an interrupted race left it, or settled now."""
        facts = self.folder.facts()
        if "chosen" not in facts:
            choice = trainer.open_choice
            if choice is not None:
                self._planning(trainer, {DEFAULT: choice.plain}, clock).demand_room_for(choice)
            chosen = trainer.choose(self.talk)
            nowhere = trainer.config.output.model_copy(update={"folder": None})
            write_text(self._at(DEFAULT_RECIPE), dump_config(trainer.config.model_copy(update={"output": nowhere})))
            self.folder.note(chosen=chosen, chosen_steps=choice.all_steps if choice else 0)
            facts = self.folder.facts()
        default = found_again(load(TrainConfig, str(self._at(DEFAULT_RECIPE))), self.folder.started_in)
        write_text(self._at(DEFAULT_RECIPE), dump_config(default))  # arms and the winner's recipe are made of this file
        trainer.config = default
        if facts["chosen"]:
            self.talk.say(facts["chosen"])
        return default, str(facts["chosen"])

    def _raced(self, arms: Sequence[Arm], plan: RacePlan, heats: Heats, clock: RaceClock) -> Outcome:
        """The race and its full runs, each heat told as it ends.

        Where the default is trained in full besides, that comes first: whatever happens later, its model is there, and
        what a full run really takes is known.
        """
        affords = None if clock.allowed_s is None else clock.affords
        merge = None if plan.in_full else heats.merged  # means of the weights of shorter runs are no model to leave
        seed, is_done = heats.seed, heats.is_done
        allowed = clock.allowed_s
        whole = plan.budget + (plan.course + round(plan.aside(1.0)) if plan.in_full else 0)
        what, total = ("racing", whole) if allowed is None else ("racing, in seconds of the budget", round(allowed))
        with self.talk.progress(what, total=total) as tell:
            played = self._played(
                heats,
                plan,
                clock,
                lambda steps, name: tell(min(total, round(steps if allowed is None else clock.spent_s)), None, name),
            )
            if plan.in_full:
                played(full_heat(arms[0], plan, seed))
            race = Race(
                arms, plan, played, SELECTION, seed=seed, merge=merge, affords=affords, is_done=is_done,
                keep_final=self._final, tell=self._tell_round,
            )  # fmt: skip
            outcome = with_full_runs(
                race.run(), arms, plan, played, SELECTION, seed=seed, affords=affords, is_done=is_done
            )
        self.talk.say(outcome.decision.sentence)
        return outcome

    def _played(self, heats: Heats, plan: RacePlan, clock: RaceClock, tell: Callable[[float, str], None]) -> Play:
        """Lets an arm run, unless it did: tells how far all are, and what it took."""
        run: dict[Heat, np.ndarray] = {}

        def play(heat: Heat) -> np.ndarray:
            if heat not in run:
                tell(sum(one.budget * one.arm.price for one in run), heat.arm.name)
                run[heat] = heats.play(heat)
                scores = heats.scores(heat)
                watched = 1 + is_full(heat, plan) * plan.watching
                clock.learn(heat.budget * heat.arm.price, scores.train_s + scores.score_s, watched)
                self.folder.note(spent_s=round(clock.spent_s, 2))
            return run[heat]

        return play

    def _final(self, steps: int) -> int:
        """Steps of a finalist: as an interrupted race had decided, or as decided now."""
        decided = self.folder.facts().get("final")
        if decided is None:
            self.folder.note(final=steps)
        return int(decided or steps)

    def _tell_round(self, one: Round) -> None:
        behind = [name for name, why in one.left.items() if why == "behind"]
        waiting = [name for name, why in one.left.items() if why == "no room"]
        best = max(one.means, key=lambda name: one.means[name])
        said = [f"after {one.steps} steps {best} leads ({one.means[best]:.4f})"]
        said += [f"behind and out: {', '.join(behind)}"] if behind else []
        said += [f"no room for: {', '.join(waiting)}"] if waiting else []
        self.talk.say("; ".join(said))

    def _curve(
        self, outcome: Outcome, arms: Sequence[Arm], plan: RacePlan, heats: Heats, clock: RaceClock
    ) -> LearningCurve | None:
        """Scores of the winner's recipe on fewer pairs; of a merged winner, that of the default."""
        if not self.config.tune.curve:
            return None
        winner = next((arm for arm in arms if arm.name == outcome.decision.winner), arms[0])
        full, rows = full_heat(winner, plan, heats.seed), len(self.opened.data.train)
        if not clock.affords(sum(SHARES) * full.budget * winner.price, len(SHARES) * (1 + plan.watching)):
            self.talk.say("no time was left for the learning curve")
            return None
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
        default = [full_heat(arms[0], plan, heats.seed)]
        ways = {"start": heats.trainer.restart, DEFAULT: lambda: heats.mix(default)}
        if outcome.decision.replaced:
            ways[outcome.decision.winner] = lambda: heats.mix(winner)
        return open_test(self.opened.data.test, heats.trainer.encoder, ways, self.folder.heats, self.talk)

    def _winning(self, outcome: Outcome, arms: Sequence[Arm], plan: RacePlan, seed: int) -> list[Heat]:
        """The heats whose weights make the winner's model: one, or all finalists' where merging won."""
        name = outcome.decision.winner
        names = [one for one in outcome.finals if one != MERGED] if name == MERGED else [name]
        return [full_heat(arm, plan, seed) for arm in arms if arm.name in names]

    def _saved(self, outcome: Outcome, arms: Sequence[Arm], plan: RacePlan, heats: Heats) -> None:
        """The winner's model and recipe; the weights of all heats are no longer needed."""
        heats.mix(self._winning(outcome, arms, plan, heats.seed))
        save_encoder(heats.trainer.encoder, self._at(MODEL), to_use=True)
        recipe = heats.configs.get(outcome.decision.winner, heats.configs[DEFAULT])
        write_text(self._at(RECIPE), dump_config(recipe))


def _written(result: TuneResult, folder: Path) -> TuneResult:
    """Write the result and its report; the last file makes the race done, and only then the weights of heats go."""
    report = tuning(result)
    write_text(folder / "report.html", page(report))
    write_text(folder / "report.md", markdown(report))
    write_text(folder / RESULT, json.dumps(result.as_json(), ensure_ascii=False, indent=2) + "\n")
    discard(folder / "heats")
    return result
