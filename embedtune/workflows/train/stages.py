"""One training run from a checked recipe to its report: load, measure, train, measure again, save, judge.

Why in this order:
- A starter is saved before it learns: it exists nowhere else, and a resumed run must begin from it.
- The encoder is measured before anything trains, so that a test set that cannot be scored ends the run at once.
- Training itself (`fitting`) has an order of its own.
- The process that will read the saved model starts before the last measurement, which takes as long as its imports.
- The model is saved and checked before the report is written: `report.json` is what makes a run done.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from subprocess import Popen
from typing import Any

from embedtune.config.recipe.load import dump_config
from embedtune.config.sections.encoder import EncoderSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.guides.guide_vectors import GuideVectors
from embedtune.data.prepare import TrainingData
from embedtune.distributed import is_first, of_first, ranks, same_weights
from embedtune.findings import Finding
from embedtune.losses.shared.base import Loss
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import open_store
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.models.merge.mix import without_adapters
from embedtune.models.similarity import declare_cosine, similarity_findings
from embedtune.models.towers.standardised import out_of_training
from embedtune.models.towers.two_sides import are_apart, two_sides
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.results.train import TrainResult, WeightedLoss
from embedtune.reports.train import training
from embedtune.training.run.fit import FitResult
from embedtune.training.step.matryoshka import check_sizes
from embedtune.workflows.shared.guard.sets import GuardSet
from embedtune.workflows.shared.machine import peak_memory_bytes
from embedtune.workflows.shared.run_folder import METRICS, PAGE, REPORT, SESSIONS, STARTED_IN, RunFolder, how_to_use
from embedtune.workflows.shared.run_space import size_bytes, tell_space
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.train.curves import training_curves
from embedtune.workflows.train.findings import run_findings
from embedtune.workflows.train.fitting import Fitting
from embedtune.workflows.train.guide.guiding import Guiding
from embedtune.workflows.train.judged_split import JudgedSplit
from embedtune.workflows.train.kept.card import started_from, write_card
from embedtune.workflows.train.kept.keeping import Keeping
from embedtune.workflows.train.preparing.scoring_precision import exact, to_be_scored
from embedtune.workflows.train.preparing.towers import probes_of, tower_for
from embedtune.workflows.train.recipe_checks import check_layers_learn, check_second_pass, check_tokens, check_views
from embedtune.workflows.train.saved_check import check_saved, reader
from embedtune.workflows.train.sessions.time_spent import TimeSpent
from embedtune.workflows.train.sets.dev import disagreement
from embedtune.workflows.train.students.checks import imitates
from embedtune.workflows.train.students.opened import Opening
from embedtune.workflows.train.students.teacher import Teacher

CARD = "README.md"
"""The model's card, whose length depends on names."""
PROBES = 16
"""How many training texts the saved model is compared on with the model in memory."""


@dataclass
class TrainingRun:
    """A run in progress.

    Args:
        losses: of the recipe, built to check it; asked what they need.
        started: `time.perf_counter()` when the command began.
        guide: the vectors of the guide's file, where a file guides.
        sets: the guard, which must not become worse.
        taught: the vectors of the teacher's file, where a file teaches.
        made: the encoder before training, where it was made for several runs.
    """

    config: TrainConfig
    losses: Sequence[Loss]
    data: TrainingData
    folder: RunFolder
    talk: Talk
    started: float
    guide: GuideVectors | None = None
    sets: Sequence[GuardSet] = ()
    taught: GuideVectors | None = None
    made: Path | None = None
    findings: list[Finding] = field(default_factory=list)
    spent: TimeSpent = field(default_factory=TimeSpent)

    def run(self, *, resumed: bool) -> TrainResult:
        """All stages, in order."""
        store = open_store(self.config.output.store)
        with self.spent.on("loading"):
            encoder = self._encoder(resumed=resumed)
        with self.spent.on("scoring the test split"):
            test = JudgedSplit(self.config, self.data, self.folder, self.talk)
            test.begin(encoder, store)
        keeping = Keeping(self.config, self.sets, self.folder.path, self.talk)
        with self.spent.on("guard"):
            of_first(lambda: keeping.begin(encoder, store))
        keeping.watch_for(encoder)
        fitting = Fitting(
            self.config, self.losses, self.data, self.folder, self.talk, encoder, store, self.guide, spent=self.spent
        )
        fitting.watch = keeping.watch
        fitting.teacher = self._teacher if imitates(self.config) else None
        fitted, guiding = fitting.run(resumed=resumed)
        self.config = fitting.config
        # From here on the first process works alone, and the others get its result.
        end = partial(self._ended, encoder, test, keeping, fitting, fitted, guiding)
        return end() if ranks() == 1 else TrainResult.from_json(of_first(lambda: end().as_json()))

    def _ended(
        self,
        encoder: Encoder,
        test: JudgedSplit,
        keeping: Keeping,
        fitting: Fitting,
        fitted: FitResult,
        guiding: Guiding,
    ) -> TrainResult:
        """The end of a run, from the trained encoder to the report."""
        with self.spent.on("guard"):
            keeping.demand_kept()
            encoder = out_of_training(keeping.settled(encoder, self.data.dev))
        if self.config.side == "query" and not are_apart(encoder.model):
            encoder = two_sides(without_adapters(encoder), self._encoder(resumed=True))
        self.findings += [*fitting.findings, *keeping.findings]
        with reader(wanted=self.config.output.check_saved == "process") as process:
            with self.spent.on("scoring the test split"):
                judged = test.end(encoder)
            with self.spent.on("saving and checking"):
                self._save(encoder, process)
        with self.spent.on("guard"):
            kept = {"guard": keeping.rows(encoder), "alpha": keeping.alpha, "alphas": keeping.alphas}
        self.findings += test.findings
        result = self._finish(judged, fitted, guiding, kept)
        tell_space(self.folder, self.talk, keep=self.config.output.keep_checkpoints)
        return result

    def _encoder(self, *, resumed: bool) -> Encoder:
        store = open_store(self.config.output.store)
        opening = Opening(self.config, self.data, self.folder, self.talk, self._teacher, store, self.made)
        with self.talk.progress("loading the encoder"):
            encoder = opening.encoder(resumed=resumed)
        encoder = tower_for(self.config, encoder, self.data.train, self.talk)
        check_views(self.config, has_dropout=encoder.has_dropout)
        check_tokens(self.config, encoder)
        check_layers_learn(self.config, encoder)
        check_second_pass(self.config, encoder)
        check_sizes(self.config.matryoshka, encoder.dimensions)
        said = similarity_findings(encoder, "cosine", "it is trained and judged, and the saved model compares,")
        self.findings += said
        for finding in said:
            self.talk.say(finding.message)
        declare_cosine(encoder)
        same_weights(encoder.model)
        if is_first() and not encoder.pretrained and not self.folder.start.is_dir():
            save_encoder(encoder, self.folder.start)
        return to_be_scored(encoder, self.config)

    @cached_property
    def _teacher(self) -> Teacher | None:
        if not self.config.teacher.given:
            return None
        return Teacher(self.config, self.talk, open_store(self.config.output.store), self.taught)

    def _save(self, encoder: Encoder, process: Popen[bytes] | None) -> None:
        """Save the model and verify that the saved one gives the vectors that were measured."""
        save_encoder(encoder, self.folder.model, to_use=True, started_from=started_from(self.config))
        trusted, device = self.config.model.trust_remote_code, str(encoder.model.device)
        section = EncoderSection(name=str(self.folder.model), trust_remote_code=trusted)
        reason = check_saved(
            self.folder.model,
            probes_of(self.data.train, PROBES),
            lambda texts, role: encode(exact(encoder), texts, role=role),
            lambda texts, role: encode(load_encoder(section, device=device), texts, role=role),
            process=process,
            device=device,
            trust_remote_code=trusted,
        )
        if reason is not None and self.config.output.check_saved == "process":
            self.talk.say(f"the saved model was checked in this process only: {reason}")

    def _finish(
        self,
        judged: Mapping[str, Any],
        fitted: FitResult,
        guiding: Guiding,
        kept: Mapping[str, Any],
    ) -> TrainResult:
        # Negatives that become harder or more numerous during the run make the loss grow.
        grows = self.config.queue is not None or self.config.negatives.schedule == "easy_to_hard"
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
            time_spent=self.spent.seconds,
            peak_memory_bytes=peak_memory_bytes(),
            **judged,
            **kept,
            findings=(
                *self.data.findings,
                *self.findings,
                *run_findings(fitted, guiding, self.folder.path / METRICS, grows=grows),
                *disagreement(fitted.curve, fitted.best_step),
            ),
            described=self.data.described,
            guide=guiding.facts(),
            dev_curve=fitted.curve,
            best_step=fitted.best_step,
            how_to_use=how_to_use(self.folder.model),
            recipe=dump_config(self.config),
            facts={name: value for name, value in self.folder.facts().items() if name not in (STARTED_IN, SESSIONS)},
            curves=training_curves(self.folder.path / METRICS),
            model_bytes=size_bytes(self.folder.model) - size_bytes(self.folder.model / CARD),
            report=str(self.folder.path / PAGE),
            date=f"{datetime.now():%Y-%m-%d}",
        )
        write_card(self.folder, self.config, result)
        report = training(result)
        self.folder.write(PAGE, page(report))
        self.folder.write("report.md", markdown(report))
        self.folder.write_json(REPORT, result.as_json())
        return result
