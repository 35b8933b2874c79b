"""Training between the two measurements of a run: what, how and with whom is decided part by part, then it trains.

Why in this order:
- What is learned from comes first, because the number of steps follows from it, and so does everything printed
  (`preparing/preparation.py`).
- Texts are tokenized before the margin is chosen: each of its trials uses the tokens of the run.
- The vectors before training (`reference`) are computed before the trials, which compare with them too.
- The objective is built after the margin, which is one of its arguments, so it is built once.
- The guide comes last: its vectors take the most time, and none are needed if the trials end with "no guide".
- Memory is given back before the first step, which is when the most is needed.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from embedtune.config.section import AUTO
from embedtune.config.sections.objective import LossSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.guides.guide_vectors import GuideVectors
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import RetrievalSet
from embedtune.distributed import of_first
from embedtune.findings import Finding
from embedtune.losses import loss_class
from embedtune.losses.shared.base import Loss
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.runtime import give_back
from embedtune.training.run.fit import Fit, FitResult, PreparedFit
from embedtune.training.run.guard_watch import GuardWatch
from embedtune.training.run.loop import DevScores
from embedtune.training.run.trainer import fit
from embedtune.training.step.matryoshka import recipe_objective
from embedtune.workflows.shared.choosing.teacher import teaches
from embedtune.workflows.shared.guard.harm import harm_finding
from embedtune.workflows.shared.run_folder import FACTS, RunFolder
from embedtune.workflows.shared.scoring import SELECTION, dev_scores
from embedtune.workflows.shared.talk import Talk, tell_findings
from embedtune.workflows.train.guide.distilling import (
    choose_teaching,
    is_untold,
    to_scale,
    unused_scores,
    with_term,
)
from embedtune.workflows.train.guide.guiding import Guiding, choose_guide
from embedtune.workflows.train.guide.margin import choose_margin, decided, is_open
from embedtune.workflows.train.guide.trials import TrialGround
from embedtune.workflows.train.kept.query_side import query_side_scores
from embedtune.workflows.train.preparing.begun_texts import begun_dev
from embedtune.workflows.train.preparing.frozen_vectors import start_vectors
from embedtune.workflows.train.preparing.near_negatives import with_near_negatives
from embedtune.workflows.train.preparing.preparation import Preparation
from embedtune.workflows.train.preparing.rate import can_choose, choose_rate, with_rate
from embedtune.workflows.train.preparing.settled import record
from embedtune.workflows.train.sessions.time_spent import TimeSpent
from embedtune.workflows.train.sets.dev import SetsDev, has_dev
from embedtune.workflows.train.students.teacher import Teacher

CONTRAST = {"gist", "infonce"}
"""Losses that learn by contrast alone."""
NO_TEACHER = "--distill none learns without it; --loss gist --loss distill:WEIGHT learns with the weight that you give."


@dataclass
class Fitting:
    """Training, from the encoder as it was loaded to the best model in it.

    Args:
        encoder: trained in place.
        store: keeps vectors of encoders that do not learn.
        findings: what is odd about encoder, texts and learning rate together, once it ran.
        spent: the time of each part, counted here.
        watch: ends the run where it loses what it must keep.
        teacher: the encoder that a loss imitates.
    """

    config: TrainConfig
    losses: Sequence[Loss]
    data: TrainingData
    folder: RunFolder
    talk: Talk
    encoder: Encoder
    store: VectorStore | None
    guide: GuideVectors | None
    findings: list[Finding] = field(default_factory=list)
    spent: TimeSpent = field(default_factory=TimeSpent)
    watch: GuardWatch | None = None
    teacher: Teacher | None = None

    def run(self, *, resumed: bool) -> tuple[FitResult, Guiding]:
        """Decide how the run goes, part by part, and train."""
        rate_is_open = self.config.training.lr == AUTO
        with self.spent.on("preparing"):
            self.data = with_near_negatives(self.config, self.data, self.encoder, self.store, self.talk)
            plan, dev = self._prepared()
            self.config = to_scale(self.config, plan.rows)
            reference = start_vectors(plan.table.texts, self.losses, self.encoder, self.store, self.talk)
        ground = TrialGround(plan, dev, self.encoder, self.talk, self.store, self.guide, reference)
        if rate_is_open and not self.data.unpaired:
            with self.spent.on("choosing the learning rate"):
                plan = self._paced(ground)
                ground = replace(ground, plan=plan)
        record(self.config, self.folder)  # with all that was settled, so not before
        with self.spent.on("choosing the margin"):
            config, chosen = self._decided(ground)
        with self.spent.on("choosing how much to learn from the teacher"):
            config = self._taught(config, ground)
        with self.spent.on("preparing"):
            self._warn_of_harm(config)
        objective = recipe_objective(config, self.encoder.dimensions)
        with self.spent.on("guide"):
            guiding = choose_guide(
                config,
                plan,
                dev,
                self.encoder,
                talk=self.talk,
                store=self.store,
                vectors=self.guide,
                chosen=chosen,
                spent=self.spent,
            )
        scores = self._dev_scores(dev)
        give_back()  # memory that tokenizing the texts and encoding the guide's took
        with self.spent.on("training"), self.talk.progress("training", total=plan.steps) as tell:
            run = Fit(
                **vars(plan),
                objective=objective,
                guide=guiding.table,
                reference=reference,
                dev=scores,
                dev_metric=scores.metric if isinstance(scores, SetsDev) else SELECTION,
                callbacks=(*guiding.callbacks, *([self.watch] if self.watch else ())),
                progress=tell,
                warn=self.talk.warn,
                say=self.talk.say,
            )
            return fit(self.encoder, run, resume=resumed), guiding

    def _prepared(self) -> tuple[PreparedFit, RetrievalSet | None]:
        """The run with everything settled that its recipe leaves open, and what dev is scored on."""
        preparation = Preparation(
            self.config, self.losses, self.data, self.folder, self.talk, self.encoder, self.store, self.teacher
        )
        plan, dev = preparation.settle()
        self.config = preparation.config
        self.findings += preparation.findings
        return plan, dev

    def _paced(self, ground: TrialGround) -> PreparedFit:
        """The run at the learning rate that dev shows to be best, where higher ones are worth a try."""
        if not can_choose(ground, self.losses):
            return ground.plan
        choice = choose_rate(self.config, ground, self.losses)
        self.talk.say(f"learning rate: {choice.reason}")
        self.config = with_rate(self.config, choice.lr)
        return replace(ground.plan, section=self.config.training, lr=choice.lr)

    def _decided(self, ground: TrialGround) -> tuple[TrainConfig, dict[str, Any] | None]:
        """The recipe with its margin chosen, now or before a resumed run was interrupted; and the choice, if any."""
        if not is_open(self.config):
            return self.config, None
        chosen = self._once("margin", lambda: asdict(choose_margin(self.config, ground)))
        self.talk.say(f"guide: {chosen['reason']}")
        return decided(self.config, chosen["margin"]), chosen

    def _taught(self, config: TrainConfig, ground: TrialGround) -> TrainConfig:
        """The recipe with what is learned from the teacher, chosen now or before a resumed run was interrupted."""
        rows = ground.plan.rows
        if not is_untold(self.config, rows):
            unused = unused_scores(self.config, rows)
            self.findings += unused
            tell_findings(self.talk, unused)
            return config
        chosen = self._once("teacher", lambda: asdict(choose_teaching(config, ground)))
        said = f"teacher: {chosen['reason']}."
        self.talk.say(said)
        self.findings.append(Finding("teacher", "note", len(rows), said, NO_TEACHER))
        term = None if chosen["term"] is None else LossSection(**chosen["term"])
        self.config = with_term(self.config, term)
        return with_term(config, term)

    def _once(self, name: str, choose: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A choice of this run, made now or before it was interrupted; of several processes, each makes the same."""
        facts = of_first(self.folder.facts)
        if name not in facts:
            facts[name] = choose()
            self.folder.write_json(FACTS, facts)
        found: dict[str, Any] = facts[name]
        return found

    def _warn_of_harm(self, config: TrainConfig) -> None:
        """Say where contrast alone is likely to hurt an encoder that knows these pairs already."""
        names = {term.name for term in config.loss}
        if self.data.unpaired or not names & CONTRAST or any(loss_class(name).needs_teacher for name in names):
            return
        rows = self.data.train
        if teaches(rows):  # it has a teacher, and dev has shown what that is worth
            return
        seed = config.training.seed
        found = harm_finding(self.encoder, rows.anchors, rows.positives, len(rows), seed=seed, store=self.store)
        if found is not None:
            self.findings.append(found)
            tell_findings(self.talk, [found])

    def _dev_scores(self, dev: RetrievalSet | None) -> DevScores | None:
        if has_dev(self.data.sets):
            with self.talk.progress("tokenizing the dev texts"):
                return SetsDev(self.encoder, self.data.sets, self.config.training.seed)
        if dev is None:
            return None
        if self.config.side == "query":
            return query_side_scores(self.encoder, dev, self.store)
        judged, known = begun_dev(self.encoder, dev, self.config.training.freeze_layers, self.folder.path, self.talk)
        return self.spent.timed("dev evaluations", dev_scores(self.encoder, judged, known))
