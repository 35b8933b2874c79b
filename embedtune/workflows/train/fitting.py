"""Training between the two measurements of a run: what, how and with whom is decided part by part, then it trains.

Why in this order:
- What is learned from comes first, because the number of steps follows from it, and so does everything printed.
- Texts are tokenized before the margin is chosen: each of its trials uses the tokens of the run.
- The vectors before training (`reference`) are computed before the trials, which compare with them too.
- The objective is built after the margin, which is one of its arguments, so it is built once.
- The guide comes last: its vectors take the most time, and none are needed if the trials end with "no guide".
- Memory is given back before the first step, which is when the most is needed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from typing import Any

from embedtune.config.course import Course, reason_of_course
from embedtune.config.verbs.train import LossSection, TrainConfig
from embedtune.data.guides.guide_vectors import GuideVectors
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import RetrievalSet, Rows
from embedtune.distributed import of_first, ranks
from embedtune.errors import ConfigError
from embedtune.findings import Finding, counted
from embedtune.losses import loss_class
from embedtune.losses.shared.base import Loss
from embedtune.models.encode.lengths import truncation
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder, Role
from embedtune.models.speed.precision import choose_precision
from embedtune.reports.document.wording import duration
from embedtune.runtime import give_back
from embedtune.training.batch.curriculum import Curriculum
from embedtune.training.batch.row_table import build_table
from embedtune.training.batch.row_texts import KnownTexts
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.run.fit import Fit, FitResult, PreparedFit, TrainingTask
from embedtune.training.run.guard_watch import GuardWatch
from embedtune.training.run.loop import DevScores
from embedtune.training.run.trainer import fit
from embedtune.training.step.matryoshka import recipe_objective
from embedtune.workflows.shared.guard.harm import harm_finding
from embedtune.workflows.shared.run_folder import FACTS, RunFolder
from embedtune.workflows.shared.scoring import SELECTION, dev_scores
from embedtune.workflows.shared.talk import Talk, tell_findings
from embedtune.workflows.shared.truncation import truncation_findings
from embedtune.workflows.train.findings import rate_finding
from embedtune.workflows.train.guide.distilling import choose_teaching, is_untold, teaches, trials_of, with_term
from embedtune.workflows.train.guide.guiding import Guiding, choose_guide
from embedtune.workflows.train.guide.margin import choose_margin, decided, is_open, trials_for
from embedtune.workflows.train.kept.query_side import frozen_documents, query_side_scores
from embedtune.workflows.train.preparing.begun_texts import begun_dev, begun_texts
from embedtune.workflows.train.preparing.dev_evaluations import dev_tokens, with_evaluations, with_fewer_evaluations
from embedtune.workflows.train.preparing.forecast import Work, rounded, seconds
from embedtune.workflows.train.preparing.frozen_vectors import start_vectors
from embedtune.workflows.train.preparing.settled import record, settled, suited_embeddings, suited_rate
from embedtune.workflows.train.preparing.tokenizing import tokenized
from embedtune.workflows.train.recipe_checks import guided_term
from embedtune.workflows.train.sessions.time_spent import TimeSpent
from embedtune.workflows.train.sets.dev import SetsDev, as_texts, has_dev
from embedtune.workflows.train.sets.mixing import mixing_of

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

    def run(self, *, resumed: bool) -> tuple[FitResult, Guiding]:
        """Decide how the run goes, part by part, and train."""
        with self.spent.on("preparing"):
            plan, dev = self._settled()
            reference = start_vectors(plan.table.texts, self.losses, self.encoder, self.store, self.talk)
        with self.spent.on("choosing the margin"):
            config, chosen = self._decided(plan, dev, reference)
        with self.spent.on("choosing how much to learn from the teacher"):
            config = self._taught(config, plan, dev, reference)
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

    def _task(self) -> TrainingTask:
        """What is learned from."""
        config, rows = self.config, self.data.train
        closure = config.data.known_positives == "closure"
        table = build_table(rows, self.data.known_positives, closure=closure, curriculum=curriculum_of(config, rows))
        frozen = None
        if config.side == "query":
            frozen = frozen_documents(table.texts, self.encoder, self.store, self.talk)
        return TrainingTask(
            rows=rows,
            table=table,
            section=config.training,
            folder=self.folder.path,
            views=self.data.views,
            frozen=frozen,
            mixing=mixing_of(config.data),
        )

    def _settled(self) -> tuple[PreparedFit, RetrievalSet | None]:
        """The run with everything that its recipe leaves open settled and written there, and what dev is scored on."""
        asked, rows = self.config.training, len(self.data.train)
        _, token_vectors = suited_embeddings(self.config, self.losses, self.encoder)
        self.config = settled(self.config, self.losses, self.encoder, rows)
        self._demand_rows(rows)
        reason = reason_of_course(asked, rows, static=not self.encoder.has_products)
        plan, tokens = self._prepared(self._task(), reason)
        if token_vectors:
            self.talk.say(token_vectors)
        dev = self.data.dev
        if has_dev(self.data.sets):
            texts = as_texts(self.data.sets)
            self.config = with_fewer_evaluations(self.config, texts, self.encoder, plan.steps, tokens)
        elif dev is not None:
            self.config, dev = with_evaluations(self.config, dev, self.encoder, plan.steps, tokens, self.talk)
        record(self.config, self.folder)
        plan = replace(plan, section=self.config.training)
        if self.encoder.has_products and isinstance(plan.texts, KnownTexts) and ranks() == 1:
            self._tell_forecast(plan, plan.texts, tokens, dev)
        return plan, dev

    def _demand_rows(self, rows: int) -> None:
        """Refuse more processes than the smallest batch has pairs.

        Raises:
            ConfigError: a process would have nothing to learn from.
        """
        course = Course.of(self.config.training, rows, static=not self.encoder.has_products)
        smallest = rows // max(1, course.steps_per_epoch(rows))
        if smallest < ranks():
            raise ConfigError(
                f"{ranks()} processes share each batch, and the smallest has {counted(smallest, 'pair')}",
                where="training.batch_size",
                next=f"start at most {smallest} processes, or use a larger --batch-size: it is that of all together",
            )

    def _tell_forecast(self, plan: PreparedFit, texts: KnownTexts, tokens: float, dev: RetrievalSet | None) -> None:
        """Print about how long training will take, with everything that goes with it."""
        trials = trials_for(self.encoder, plan.steps) if dev is not None and is_open(self.config) else None
        guided = guided_term(self.config) is not None and self.config.guide.name != "none"
        arms = 0 if trials is None else len(trials.margins)
        arms += 0 if dev is None else trials_of(self.config, plan.rows)
        every = plan.section.evaluate_every
        work = Work(
            dev=0 if dev is None else dev_tokens(self.encoder, dev),
            evaluations=1 + -(-plan.steps // (every if isinstance(every, int) else plan.steps_per_epoch)),
            guide=int(texts.queries.lengths.sum() + texts.documents.lengths.sum()) if guided else 0,
            trials=arms * trials_for(self.encoder, plan.steps).steps,
            arms=arms,
        )
        estimated = seconds(self.encoder, plan, texts, tokens, work)
        self.talk.say(
            f"about {duration(rounded(estimated))} from here to the end of training (from a few steps just now)"
        )

    def _prepared(self, task: TrainingTask, reason: str) -> tuple[PreparedFit, float]:
        """How the run computes, printed as it is decided, and the tokens of a step."""
        section, device = self.config.training, str(self.encoder.model.device)
        precision = choose_precision(section.precision, device, has_products=self.encoder.has_products)
        lr = float(section.lr)
        self._tell_setup(task, lr, f"{precision.name} ({precision.reason})", reason)
        texts, held, tokens = tokenized(
            task, self.encoder, self.folder, self.talk, precision=precision.name, device=device
        )
        texts = begun_texts(texts, self.encoder, section.freeze_layers, precision.name, self.folder.path, self.talk)
        plan = PreparedFit(
            **vars(task),
            lr=lr,
            precision=precision.name,
            device=device,
            texts=texts,
            held=held,
            queue=self.config.queue,
            momentum=self.config.averaged_teacher.momentum,
            trackers=self.config.output.trackers,
        )
        return plan, tokens

    def _tell_setup(self, task: TrainingTask, lr: float, precision: str, reason: str) -> None:
        """Print how the run is going to train, and what looks odd about it."""
        self.talk.say(
            f"training on {counted(len(task.rows), 'pair')}: {counted(task.course.epochs, 'epoch')}, "
            f"{counted(task.steps, 'step')} of up to {task.course.batch_size}, "
            f"learning rate {lr:g}, {precision}{f'; {reason}' if reason else ''}"
        )
        rate = rate_finding(lr, suited_rate(self.losses, self.encoder, len(task.rows)))
        self.findings += [*self._cut(), *([rate] if rate else [])]
        tell_findings(self.talk, self.findings)
        if ranks() > 1:
            self.talk.say(
                f"{ranks()} processes train together, one per device; the batch size is that of all of them: each gets "
                f"about {task.course.batch_size / ranks():g} pairs of a batch of {task.course.batch_size}"
            )
        if self.config.matryoshka.dimensions:
            listed = ", ".join(str(size) for size in self.config.matryoshka.dimensions)
            self.talk.say(f"trained to be cut to {listed} of {self.encoder.dimensions} dimensions")
        if self.config.queue is not None:
            self.talk.say(f"at most {self.config.queue:,} positives of past steps join the candidates")

    def _cut(self) -> Iterator[Finding]:
        """The parts of the training texts that the encoder cuts off."""
        rows = self.data.train
        texts: dict[Role, Sequence[str]] = {
            "query": rows.anchors,
            "document": [*rows.positives, *chain.from_iterable(rows.negatives)],
        }
        found = {role: truncation(self.encoder, own, role) for role, own in texts.items()}
        cut = {role: one for role, one in found.items() if one is not None}
        return truncation_findings(self.config.model.name, cut)

    def _decided(
        self, plan: PreparedFit, dev: RetrievalSet | None, reference: GuideTable | None
    ) -> tuple[TrainConfig, dict[str, Any] | None]:
        """The recipe with its margin chosen, now or before a resumed run was interrupted; and the choice, if any."""
        if not is_open(self.config):
            return self.config, None
        facts = of_first(self.folder.facts)
        if "margin" not in facts:
            choice = choose_margin(
                self.config,
                plan,
                dev,
                self.encoder,
                self.talk,
                store=self.store,
                vectors=self.guide,
                reference=reference,
            )
            facts["margin"] = asdict(choice)
            self.folder.write_json(FACTS, facts)
        self.talk.say(f"guide: {facts['margin']['reason']}")
        return decided(self.config, facts["margin"]["margin"]), facts["margin"]

    def _taught(
        self, config: TrainConfig, plan: PreparedFit, dev: RetrievalSet | None, reference: GuideTable | None
    ) -> TrainConfig:
        """The recipe with what is learned from the teacher, chosen now or before a resumed run was interrupted."""
        if not is_untold(self.config, plan.rows):
            return config
        facts = self.folder.facts()
        if "teacher" not in facts:
            choice = choose_teaching(
                config,
                plan,
                dev,
                self.encoder,
                self.talk,
                store=self.store,
                vectors=self.guide,
                reference=reference,
            )
            facts["teacher"] = asdict(choice)
            self.folder.write_json(FACTS, facts)
        said = f"teacher: {facts['teacher']['reason']}."
        self.talk.say(said)
        self.findings.append(Finding("teacher", "note", len(plan.rows), said, NO_TEACHER))
        chosen = facts["teacher"]["term"]
        term = None if chosen is None else LossSection(**chosen)
        self.config = with_term(self.config, term)
        return with_term(config, term)

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


def curriculum_of(config: TrainConfig, rows: Rows) -> Curriculum:
    """Which negatives are used in which epoch of the run."""
    section, course = config.training, Course.of(config.training, len(rows), static=False)
    epochs = course.epochs
    if section.max_steps is not None:
        epochs = min(epochs, -(-section.max_steps // course.steps_per_epoch(len(rows))))
    return Curriculum(
        rows, config.negatives.per_row, schedule=config.negatives.schedule, seed=section.seed, epochs=epochs
    )
