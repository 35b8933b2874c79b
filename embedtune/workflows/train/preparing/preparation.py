"""How a run is going to train: what its recipe leaves open is settled, its texts are tokenized, and it is told.

The number of steps follows from what is learned from, and everything printed and forecast from that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from embedtune.config.course import Course, reason_of_course
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import RetrievalSet, Rows
from embedtune.distributed import ranks
from embedtune.errors import ConfigError
from embedtune.findings import Finding, counted
from embedtune.losses.shared.base import Loss
from embedtune.models.encode.lengths import truncation
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder, Role
from embedtune.models.speed.precision import FP32, choose_precision
from embedtune.reports.document.wording import roughly
from embedtune.training.batch.curriculum import Curriculum
from embedtune.training.batch.row_table import build_table
from embedtune.training.batch.row_texts import KnownTexts
from embedtune.training.run.fit import PreparedFit, TrainingTask
from embedtune.workflows.shared.choosing.vocabulary import vocabulary
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.shared.talk import Talk, tell_findings
from embedtune.workflows.shared.truncation import truncation_findings
from embedtune.workflows.train.findings import rate_finding
from embedtune.workflows.train.guide.distilling import trials_of
from embedtune.workflows.train.guide.margin import is_open, margins_for
from embedtune.workflows.train.guide.trials import trial_steps
from embedtune.workflows.train.kept.query_side import frozen_documents
from embedtune.workflows.train.preparing.begun_texts import begun_texts
from embedtune.workflows.train.preparing.dev_evaluations import dev_tokens, with_evaluations, with_fewer_evaluations
from embedtune.workflows.train.preparing.forecast import Work, seconds
from embedtune.workflows.train.preparing.settled import settled, suited_embeddings, suited_rate
from embedtune.workflows.train.preparing.tokenizing import tokenized
from embedtune.workflows.train.recipe_checks import guided_term
from embedtune.workflows.train.sets.dev import as_texts, has_dev
from embedtune.workflows.train.sets.mixing import mixing_of
from embedtune.workflows.train.students.teacher import Teacher


@dataclass
class Preparation:
    """A run before anything is tried or trained.

    Args:
        config: its recipe; everything is settled in it afterwards.
        encoder: as it was loaded.
        store: keeps vectors of encoders that do not learn.
        teacher: the encoder that a loss imitates.
        findings: what is odd about encoder, texts and learning rate together, once it is settled.
    """

    config: TrainConfig
    losses: Sequence[Loss]
    data: TrainingData
    folder: RunFolder
    talk: Talk
    encoder: Encoder
    store: VectorStore | None
    teacher: Teacher | None
    findings: list[Finding] = field(default_factory=list)

    def settle(self) -> tuple[PreparedFit, RetrievalSet | None]:
        """The run with everything settled that its recipe leaves open, and what dev is scored on."""
        asked, rows = self.config.training, len(self.data.train)
        _, token_vectors = suited_embeddings(self.config, self.losses, self.encoder)
        self.config = settled(self.config, self.losses, self.encoder, rows)
        self._demand_rows(rows)
        static, tower = not self.encoder.has_products, self.encoder.is_new_tower
        reason = reason_of_course(asked, rows, static=static, tower=tower)
        plan, tokens = self._prepared(self._task(), reason)
        if token_vectors:
            self.talk.say(token_vectors)
        dev = self.data.dev
        if has_dev(self.data.sets):
            texts = as_texts(self.data.sets)
            self.config = with_fewer_evaluations(self.config, texts, self.encoder, plan.steps, tokens)
        elif dev is not None:
            self.config, dev = with_evaluations(self.config, dev, self.encoder, plan.steps, tokens, self.talk)
        plan = replace(plan, section=self.config.training)
        if self.encoder.has_products and isinstance(plan.texts, KnownTexts) and ranks() == 1:
            self._tell_forecast(plan, plan.texts, tokens, dev)
        return plan, dev

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
            mixing=mixing_of(config.data, self.data.replay_share),
            teacher=None if self.teacher is None else self.teacher.table(table.texts, self.folder.path),
        )

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
        guided = guided_term(self.config) is not None and self.config.guide.name != "none"
        arms = len(margins_for(self.encoder)) if dev is not None and is_open(self.config) else 0
        arms += 0 if dev is None else trials_of(self.config, plan.rows)
        every = plan.section.evaluate_every
        work = Work(
            dev=0 if dev is None else dev_tokens(self.encoder, dev),
            evaluations=1 + -(-plan.steps // (every if isinstance(every, int) else plan.steps_per_epoch)),
            guide=int(texts.queries.lengths.sum() + texts.documents.lengths.sum()) if guided else 0,
            trials=arms * trial_steps(self.encoder, plan.steps),
            arms=arms,
        )
        estimated = seconds(self.encoder, plan, texts, tokens, work)
        whole = ", in which no text was skipped" if plan.section.skip_below else ""
        self.talk.say(f"about {roughly(estimated)} from here to the end of training (from a few steps just now{whole})")

    def _prepared(self, task: TrainingTask, reason: str) -> tuple[PreparedFit, float]:
        """How the run computes, printed as it is decided, and the tokens of a step."""
        section, device = self.config.training, str(self.encoder.model.device)
        precision = choose_precision(section.precision, device, has_products=self.encoder.has_products)
        lr = float(section.lr)
        scored = "" if self.encoder.products == FP32 else f", dev and test in {self.encoder.products}, too"
        self._tell_setup(task, lr, f"{precision.name} ({precision.reason}){scored}", reason)
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
            f"training on {counted(len(task.rows), 'pair')}: {task.course.in_words(len(task.rows))}, "
            f"learning rate {lr:g}, {precision}{f'; {reason}' if reason else ''}"
        )
        rate = rate_finding(lr, suited_rate(self.losses, self.encoder, len(task.rows)))
        self.findings += [*self._cut(), *self._unfit(), *([rate] if rate else [])]
        tell_findings(self.talk, self.findings)
        if ranks() > 1:
            self.talk.say(
                f"{ranks()} processes train together, one per device; the batch size is that of all of them: each gets "
                f"about {task.course.batch_size / ranks():g} pairs of a batch of {task.course.batch_size}"
            )
        if self.config.matryoshka.dimensions:
            listed = ", ".join(str(size) for size in self.config.matryoshka.dimensions)
            self.talk.say(f"trained to be cut to {listed} of {self.encoder.dimensions} dimensions")
        if self.config.quantize_aware.kinds:
            self.talk.say(f"trained to be stored as {' and '.join(self.config.quantize_aware.kinds)} too")
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

    def _unfit(self) -> list[Finding]:
        """The scripts of the training texts that the encoder's vocabulary does not fit; a starter's is made of them."""
        rows = self.data.train
        columns = {"anchor": rows.anchors, "positive": rows.positives}
        return vocabulary(self.encoder, columns)[1] if self.encoder.pretrained else []


def curriculum_of(config: TrainConfig, rows: Rows) -> Curriculum:
    """Which negatives are used in which epoch of the run."""
    section, course = config.training, Course.of(config.training, len(rows), static=False)
    epochs = course.epochs
    if section.max_steps is not None:
        epochs = min(epochs, -(-section.max_steps // course.steps_per_epoch(len(rows))))
    return Curriculum(
        rows, config.negatives.per_row, schedule=config.negatives.schedule, seed=section.seed, epochs=epochs
    )
