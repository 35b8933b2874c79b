"""One training run from a checked recipe to its report: load, measure, train, measure again, save, judge."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from subprocess import Popen
from typing import Any

from embedtune.config.encoder import EncoderSection
from embedtune.config.recipe.load import dump_config
from embedtune.config.train import TrainConfig
from embedtune.data.rows import Rows, TrainingData
from embedtune.data.splits.leakage import unseen_queries
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.trec import unwritable_id, write_run
from embedtune.findings import Finding, counted
from embedtune.models.encode.encode import encode
from embedtune.models.encode.lengths import truncation
from embedtune.models.encode.store import VectorStore, open_store
from embedtune.models.encoder import Encoder, Role
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.models.speed.precision import choose_precision
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.results.base import from_plain
from embedtune.reports.results.train import Curves, GuideFacts, TrainResult, WeightedLoss
from embedtune.reports.train import training
from embedtune.runtime import give_back
from embedtune.training.batch.curriculum import Curriculum
from embedtune.training.batch.row_table import build_table
from embedtune.training.run.fit import Fit, FitResult
from embedtune.training.run.loop import DevScores
from embedtune.training.run.trainer import fit
from embedtune.training.step.matryoshka import recipe_objective
from embedtune.workflows.shared.machine import peak_memory_bytes
from embedtune.workflows.shared.run_folder import FACTS, METRICS, PAGE, REPORT, STARTED_IN, RunFolder
from embedtune.workflows.shared.scoring import (
    AFTER_RUN,
    BEFORE_RUN,
    NOT_JUDGED,
    PER_QUERY,
    PRIMARY,
    SELECTION,
    Measured,
    before_and_after,
    dev_scores,
    judge,
    measure,
)
from embedtune.workflows.shared.talk import Talk, tell_findings
from embedtune.workflows.shared.truncation import truncation_findings
from embedtune.workflows.train.course import rate_finding
from embedtune.workflows.train.curves import training_curves
from embedtune.workflows.train.findings import run_findings
from embedtune.workflows.train.guide.guiding import Guiding, choose_guide
from embedtune.workflows.train.guide.margin import choose_margin, decided, is_open
from embedtune.workflows.train.needs import check_tokens, check_views
from embedtune.workflows.train.reading import read_plan
from embedtune.workflows.train.result import how_to_use
from embedtune.workflows.train.saved_check import check_saved, reader
from embedtune.workflows.train.starts import start_vectors

PROBES = 16
"""How many training texts the saved model is compared on with the model in memory."""


@dataclass
class TrainingRun:
    """A run in progress.

    Args:
        config: the resolved recipe.
        data: rows and judged sets.
        folder: where everything goes.
        talk: told what happens.
        started: `time.perf_counter()` when the command began.
        findings: what is odd about encoder, texts and learning rate together, as it is found.
    """

    config: TrainConfig
    data: TrainingData
    folder: RunFolder
    talk: Talk
    started: float
    findings: list[Finding] = field(default_factory=list)

    def run(self, *, resumed: bool) -> TrainResult:
        """Everything, in order."""
        store = open_store(self.config.output.store)
        encoder = self._encoder(resumed=resumed)
        before = self._measured(encoder, "before", store)
        fitted, guiding = self._fit(encoder, store, resumed=resumed)
        with reader(wanted=self.config.output.check_saved == "process") as process:
            after = self._measured(encoder, "after", None)
            self._save(encoder, process)
        return self._finish(before, after, fitted, guiding)

    def _encoder(self, *, resumed: bool) -> Encoder:
        section = self.config.model
        if resumed and self.folder.start.is_dir():
            section = section.model_copy(update={"name": str(self.folder.start)})
        with self.talk.progress("loading the encoder"):
            encoder = load_encoder(
                section, device=self.config.training.device, texts=self.data.texts, seed=self.config.training.seed
            )
        check_views(self.config, has_dropout=encoder.has_dropout)
        check_tokens(self.config, encoder)
        for note in encoder.notes:
            self.talk.say(note)
        if not encoder.pretrained and not self.folder.start.is_dir():
            save_encoder(encoder, self.folder.start)
        return encoder

    @property
    def _loss_grows(self) -> bool:
        """Whether negatives become harder or more in the course of the run, and the loss with them."""
        return self.config.queue is not None or self.config.negatives.schedule == "easy_to_hard"

    @cached_property
    def _test(self) -> JudgedSet | None:
        return None if self.data.test is None else as_arrays(self.data.test)

    def _measured(self, encoder: Encoder, when: str, store: VectorStore | None) -> Measured | None:
        if self._test is None:
            return None
        with self.talk.progress(f"scoring the test split {when} training"):
            measured = measure(encoder, self._test, store=store)
        scores = measured.scores
        self.talk.say(f"{when} training: test nDCG@10 {scores.means[PRIMARY]:.3f} over {counted(len(scores), 'query')}")
        return measured

    def _fit(self, encoder: Encoder, store: VectorStore | None, *, resumed: bool) -> tuple[FitResult, Guiding]:
        config, rows = self.config, self.data.train
        closure = config.data.known_positives == "closure"
        table = build_table(rows, self.data.known_positives, closure=closure, curriculum=curriculum_of(config, rows))
        device = str(encoder.model.device)
        precision = choose_precision(config.training.precision, device, has_products=encoder.has_products)
        objective = recipe_objective(decided(config, None), encoder.dimensions)
        suited = objective.suited_lr(encoder.default_lr, static=not encoder.has_products)
        plan = Fit(
            rows=rows,
            table=table,
            objective=objective,
            section=config.training,
            queue=config.queue,
            momentum=config.averaged_teacher.momentum,
            views=self.data.views,
            folder=self.folder.path,
            lr=suited if config.training.lr == "auto" else config.training.lr,
            dev=self._dev_scores(encoder),
            dev_metric=SELECTION,
            precision=precision.name,
            device=device,
            tensorboard=config.output.tensorboard,
            warn=self.talk.warn,
        )
        self.talk.say(
            f"training on {len(rows):,} pairs: {plan.steps:,} steps of up to {config.training.batch_size}, "
            f"learning rate {plan.lr:g}, {precision.name} ({precision.reason})"
        )
        rate = rate_finding(plan.lr, encoder.default_lr)
        self.findings += [*self._cut(encoder), *([rate] if rate else [])]
        tell_findings(self.talk, self.findings)
        if config.matryoshka.dimensions:
            listed = ", ".join(str(size) for size in config.matryoshka.dimensions)
            self.talk.say(f"trained to be cut to {listed} of {encoder.dimensions} dimensions")
        if config.queue is not None:
            self.talk.say(f"the positives of past steps, {config.queue:,} at most, join the candidates")
        plan = read_plan(plan, encoder, self.folder, self.talk)
        plan = replace(plan, reference=start_vectors(plan, encoder, store, self.talk))
        config, chosen = self._decided(plan, encoder, store)
        plan = replace(plan, objective=recipe_objective(config, encoder.dimensions))
        guiding = choose_guide(config, plan, self.data.dev, encoder, talk=self.talk, store=store, chosen=chosen)
        give_back()  # what reading the texts and encoding the guide's took
        with self.talk.progress("training", total=plan.steps) as tell:
            plan = replace(plan, guide=guiding.table, callbacks=guiding.callbacks, progress=tell)
            return fit(encoder, plan, resume=resumed), guiding

    def _cut(self, encoder: Encoder) -> Iterator[Finding]:
        """What the encoder never reads of the training texts."""
        rows = self.data.train
        texts: dict[Role, Sequence[str]] = {
            "query": rows.anchors,
            "document": [*rows.positives, *chain.from_iterable(rows.negatives)],
        }
        found = {role: truncation(encoder, own, role) for role, own in texts.items()}
        cut = {role: one for role, one in found.items() if one is not None}
        return truncation_findings(self.config.model.name, cut)

    def _decided(
        self, plan: Fit, encoder: Encoder, store: VectorStore | None
    ) -> tuple[TrainConfig, dict[str, Any] | None]:
        """The recipe with its margin chosen, now or, in a resumed run, before; and the choice, where there was one."""
        if not is_open(self.config):
            return self.config, None
        facts = self.folder.facts()
        if "margin" not in facts:
            facts["margin"] = asdict(choose_margin(self.config, plan, self.data.dev, encoder, self.talk, store))
            self.folder.write_json(FACTS, facts)
        self.talk.say(f"guide: {facts['margin']['reason']}")
        return decided(self.config, facts["margin"]["margin"]), facts["margin"]

    def _dev_scores(self, encoder: Encoder) -> DevScores | None:
        if self.data.dev is None:
            return None
        with self.talk.progress("reading the dev texts"):
            return dev_scores(encoder, self.data.dev)

    def _save(self, encoder: Encoder, process: Popen[bytes] | None) -> None:
        """Save the model and make sure that what was saved gives the vectors that were measured."""
        save_encoder(encoder, self.folder.model)
        trusted, device = self.config.model.trust_remote_code, str(encoder.model.device)
        section = EncoderSection(name=str(self.folder.model), trust_remote_code=trusted)
        reason = check_saved(
            self.folder.model,
            list(dict.fromkeys(self.data.train.positives))[:PROBES],
            lambda texts, role: encode(encoder, texts, role=role),
            lambda texts, role: encode(load_encoder(section, device=device), texts, role=role),
            process=process,
            device=device,
            trust_remote_code=trusted,
        )
        if reason is not None and self.config.output.check_saved == "process":
            self.talk.say(f"the saved model was checked in this process alone: {reason}")

    def _judged(self, before: Measured | None, after: Measured | None) -> dict[str, Any]:
        """The part of the result that the test split decides; writes rankings and values per query."""
        if before is None or after is None or self._test is None or self.data.test is None:
            return NOT_JUDGED
        # Texts learnt from without their queries are neither unseen nor answers that could be remembered.
        unseen = set() if self.data.unpaired else unseen_queries(self.data.test, self.data.train, self.data.dev)
        judgment = judge(before.scores, after.scores, unseen, seed=self.config.training.seed)
        self.folder.write(PER_QUERY, judgment.lines(self.data.test.queries))
        self._keep_rankings(self._test, ((BEFORE_RUN, before), (AFTER_RUN, after)))
        fields = {**judgment.fields(), "evidence": before_and_after(self._test, before, after, judgment)}
        return fields | ({"unseen_queries": len(before.scores)} if self.data.unpaired else {})

    def _keep_rankings(self, judged: JudgedSet, found: Iterable[tuple[str, Measured]]) -> None:
        """Write both rankings; an id that cannot stand in a run file costs them, and not the run."""
        odd = unwritable_id(judged)
        if odd is not None:
            self.talk.warn(f"the rankings are not kept: the id {odd!r} holds a tab or a line end")
            return
        for name, measured in found:
            write_run(self.folder.path / name, measured.ranking, judged, Path(name).stem)

    def _finish(
        self, before: Measured | None, after: Measured | None, fitted: FitResult, guiding: Guiding
    ) -> TrainResult:
        result = TrainResult(
            run=str(self.folder.path),
            model=str(self.folder.model),
            losses=tuple(WeightedLoss(one.name, one.weight) for one in self.config.loss),
            steps=fitted.steps,
            epochs=fitted.epochs,
            examples_per_s=round(fitted.examples_per_s, 1),
            tokens_per_s=round(fitted.tokens_per_s, 1),
            flops_per_s=fitted.flops_per_s,
            share_of_peak=fitted.share_of_peak,
            elapsed_s=round(time.perf_counter() - self.started, 2),
            peak_memory_bytes=peak_memory_bytes(),
            **self._judged(before, after),
            findings=(
                *self.data.findings,
                *self.findings,
                *run_findings(fitted, guiding, self.folder.path / METRICS, grows=self._loss_grows),
            ),
            described=self.data.described,
            guide=from_plain(GuideFacts, guide) if (guide := guiding.as_json()) else None,
            dev_curve=fitted.curve,
            best_step=fitted.best_step,
            how_to_use=how_to_use(self.folder.model),
            recipe=dump_config(self.config),
            facts={name: value for name, value in self.folder.facts().items() if name != STARTED_IN},
            curves=from_plain(Curves, curves) if (curves := training_curves(self.folder.path / METRICS)) else None,
            report=str(self.folder.path / PAGE),
        )
        report = training(result)
        self.folder.write(PAGE, page(report))
        self.folder.write("report.md", markdown(report))
        self.folder.write_json(REPORT, result.as_json())
        return result


def curriculum_of(config: TrainConfig, rows: Rows) -> Curriculum:
    """Which negatives take part in which of the epochs that the run will have."""
    section = config.training
    epochs = section.epochs
    if section.max_steps is not None:
        epochs = min(epochs, -(-section.max_steps // -(-len(rows) // section.batch_size)))
    return Curriculum(
        rows, config.negatives.per_row, schedule=config.negatives.schedule, seed=section.seed, epochs=epochs
    )
