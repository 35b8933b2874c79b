"""One training of a cross-encoder, from checked data to its report: the encoder ranks, the cross-encoder reranks.

The verdict compares the encoder's ranking of the test queries with the same ranking whose first documents the
cross-encoder has put in a new order, so it says what reranking adds and nothing else.
"""

import time
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from embedtune.config.course import Course, reason_of_course
from embedtune.config.recipe.load import dump_config
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.errors import ModelError
from embedtune.evaluation.reranking import reranked
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.tasks.question import questions_of
from embedtune.evaluation.tasks.retrieval import score_ranking
from embedtune.evaluation.trec import write_run
from embedtune.evaluation.verdicts.significance import Comparison
from embedtune.findings import Finding, counted
from embedtune.models.cross.cross_encoder import PairScorer
from embedtune.models.cross.cross_start import cross_start, load_trained, save_cross_encoder
from embedtune.models.encode.store import VectorStore, open_store
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.speed.precision import FP32, Precision, choose_precision
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.results.train import TrainResult, WeightedLoss
from embedtune.reports.train import training
from embedtune.training.reranker.fit import LOSS, RerankerFit, RerankerResult, fit_reranker
from embedtune.training.run.log import read_log
from embedtune.workflows.shared.machine import peak_memory_bytes
from embedtune.workflows.shared.run_folder import METRICS as LOG
from embedtune.workflows.shared.run_folder import PAGE, REPORT, SESSIONS, STARTED_IN, RunFolder, how_to_use
from embedtune.workflows.shared.run_space import size_bytes, tell_space
from embedtune.workflows.shared.scoring import (
    AFTER_RUN,
    BEFORE_RUN,
    METRICS,
    NOT_JUDGED,
    PER_QUERY,
    PRIMARY,
    SELECTION,
    Measured,
    before_and_after,
    judge,
    measure,
)
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.train.curves import training_curves
from embedtune.workflows.train.findings import course_findings
from embedtune.workflows.train.preparing.scoring_precision import to_be_scored
from embedtune.workflows.train.preparing.settled import record
from embedtune.workflows.train.reranker.dev import DevReranking, some_of
from embedtune.workflows.train.reranker.negatives import lists_to_learn
from embedtune.workflows.train.sessions.time_spent import TimeSpent

RATE = 3
"""Times the encoder's learning rate, since the head starts from nothing: of 600 pairs of medquad, all-MiniLM-L6-v2 made
a cross-encoder of 0.734 (dev nDCG@10) at three times the rate, and of 0.671 at the rate itself."""
PROBES, SAME = 16, 1e-4
"""Pairs that the saved model is compared on, and how much their scores may differ."""


@dataclass
class RerankerRun:
    """A run in progress.

    Args:
        started: `time.perf_counter()` when the command began.
    """

    config: TrainConfig
    data: TrainingData
    folder: RunFolder
    talk: Talk
    started: float
    spent: TimeSpent = field(default_factory=TimeSpent)

    def run(self, *, resumed: bool) -> TrainResult:
        """All stages, in order."""
        store = open_store(self.config.output.store)
        with self.spent.on("loading"):
            encoder, scorer = self._models()
        test = None if self.data.test is None else as_arrays(self.data.test)
        with self.spent.on("scoring the test split"):
            before = self._first_stage(encoder, test, store, "the test queries")
        with self.spent.on("preparing"):
            lists = lists_to_learn(self.config, self.data, encoder, store, self.talk)
            self._settle(encoder, len(lists))
            dev = self._dev(encoder, scorer, store)
        fit = RerankerFit(
            lists=lists,
            section=self.config.training,
            folder=self.folder.path,
            metric=SELECTION,
            dev=None if dev is None else self.spent.timed("dev evaluations", dev.scores),
            dev_queries=0 if dev is None else len(dev.judged.query_ids),
            depth=self.config.reranker.depth,
            precision=self._precision(encoder).name,
            warn=self.talk.warn,
        )
        with self.spent.on("training"), self.talk.progress("training, in pairs read", total=fit.work.total) as tell:
            fitted = fit_reranker(scorer.model, replace(fit, progress=tell), resume=resumed)
        scorer = replace(scorer, mix=fitted.mix)
        on_dev = self._on_dev(fitted, dev)
        with self.spent.on("scoring the test split"):
            after = self._second_stage(scorer, test, before)
        with self.spent.on("saving and checking"):
            save_cross_encoder(scorer, self.folder.model)
            self._check_saved(scorer)
        result = self._finish(test, before, after, fitted, on_dev)
        tell_space(self.folder, self.talk, keep=self.config.output.keep_checkpoints)
        return result

    def _models(self) -> tuple[Encoder, PairScorer]:
        section, training_section = self.config.model, self.config.training
        with self.talk.progress("loading the encoder"):
            encoder = load_encoder(section, device=training_section.device, seed=training_section.seed)
        for note in encoder.notes:
            self.talk.say(note)
        encoder = to_be_scored(encoder, self.config)
        scorer = cross_start(encoder, seed=training_section.seed, max_length=section.max_length)
        return encoder, replace(scorer, products=encoder.products)

    def _precision(self, encoder: Encoder) -> Precision:
        return choose_precision(self.config.training.precision, str(encoder.model.device), has_products=True)

    def _settle(self, encoder: Encoder, pairs: int) -> None:
        """Settle what the recipe leaves open, write it there, and say it."""
        asked = self.config.training
        course = Course.of(asked, pairs, static=False, cross=True)
        reason = reason_of_course(asked, pairs, static=False, cross=True)
        settled = {"epochs": course.epochs, "batch_size": course.batch_size, "lr": RATE * encoder.default_lr}
        self.config = self.config.model_copy(update={"training": self.config.training.settled(settled)})
        record(self.config, self.folder)
        precision = self._precision(encoder)
        scored = "" if encoder.products == FP32 else f", dev and test in {encoder.products}, too"
        self.talk.say(
            f"training a cross-encoder: {course.in_words(pairs)}, learning rate {float(self.config.training.lr):g}, "
            f"{precision.name} ({precision.reason}){scored}{f'; {reason}' if reason else ''}"
        )

    def _first_stage(
        self, encoder: Encoder, judged: JudgedSet | None, store: VectorStore | None, of: str
    ) -> Measured | None:
        if judged is None:
            return None
        with self.talk.progress(f"ranking the documents of {of} with the encoder"):
            return measure(encoder, judged, store=store)

    def _dev(self, encoder: Encoder, scorer: PairScorer, store: VectorStore | None) -> DevReranking | None:
        """What scores the cross-encoder in its current state on some dev queries; None without dev."""
        if self.data.dev is None:
            return None
        judged = as_arrays(some_of(self.data.dev, self.config.training.seed))
        first = self._first_stage(encoder, judged, store, "the dev queries")
        return None if first is None else DevReranking(judged, first, scorer, self.config.reranker.depth)

    def _on_dev(self, fitted: RerankerResult, dev: DevReranking | None) -> tuple[str, ...]:
        """What reranking brings on dev, by the cross-encoder alone and beside the encoder: said, and returned."""
        if dev is None or not fitted.curve:
            return ()
        at = fitted.best_step or fitted.curve[-1][0]
        first, best = dev.first.scores.means[PRIMARY], dict(fitted.curve)[at][PRIMARY]
        together = f"; {fitted.alone:.3f} by its score alone" if fitted.mix and fitted.alone is not None else ""
        order = f"by its score + {fitted.mix:.3g} x the encoder's cosine" if fitted.mix else "by its score"
        said = f"dev nDCG@10 {first:.3f} as the encoder ranks, {best:.3f} reranked {order}{together}"
        self.talk.say(said)
        if best <= first:
            self.talk.warn(
                "on dev, nothing was better than the encoder's own order; before reranking with it, give it more "
                "pairs, more --epochs, or negatives from `embedtune mine`"
            )
        chosen = "; step and weight were chosen on the same " + counted(len(dev.judged.query_ids), "query")
        return (f"{said}{chosen}, so expect less elsewhere",)

    def _second_stage(self, scorer: PairScorer, judged: JudgedSet | None, first: Measured | None) -> Measured | None:
        """The encoder's ranking of the test queries with its first documents in the cross-encoder's order."""
        if judged is None or first is None:
            return None
        depth = self.config.reranker.depth
        with self.talk.progress(f"reranking the first {depth} documents", total=len(judged.query_ids)) as tell:
            ranking = reranked(first.ranking, judged, scorer.scores, depth, mix=scorer.mix, progress=tell)
        after = Measured(ranking, score_ranking(ranking, judged, METRICS))
        means = (one.scores.means[PRIMARY] for one in (first, after))
        self.talk.say(
            "test nDCG@10 {:.3f} as the encoder ranks, {:.3f} with the first {} reranked".format(*means, depth)
        )
        return after

    def _check_saved(self, scorer: PairScorer) -> None:
        """Verify that the saved model gives the scores that were measured.

        Raises:
            ModelError: it does not.
        """
        rows = self.data.train
        pairs = list(zip(rows.anchors, rows.positives, strict=True))[:PROBES]
        saved = load_trained(self.folder.model, str(scorer.model.device))
        apart = float(np.abs(saved.scores(pairs) - replace(scorer, products=FP32).scores(pairs)).max())
        if apart > SAME:
            raise ModelError(
                f"the saved cross-encoder gives other scores than the one in memory: they differ by up to {apart:g}",
                where=str(self.folder.model),
                next=f"embedtune train --resume {self.folder.path}",
            )

    def _judged(self, test: JudgedSet | None, before: Measured | None, after: Measured | None) -> dict[str, Any]:
        """The part of the result that comes from the test split; writes rankings and values per query."""
        if test is None or before is None or after is None or self.data.test is None:
            return NOT_JUDGED
        judgment = judge(before.scores, after.scores, self.data.unseen, seed=self.config.training.seed)
        self.folder.write(PER_QUERY, judgment.lines(self.data.test.queries, questions_of(test)))
        for name, one in ((BEFORE_RUN, before), (AFTER_RUN, after)):
            write_run(self.folder.path / name, one.ranking, test, name.partition(".")[0])
        return {**judgment.fields(), "evidence": before_and_after(test, before, after, judgment)}

    def _finish(
        self,
        test: JudgedSet | None,
        before: Measured | None,
        after: Measured | None,
        fitted: RerankerResult,
        on_dev: tuple[str, ...],
    ) -> TrainResult:
        log = self.folder.path / LOG
        facts = {name: value for name, value in self.folder.facts().items() if name not in (STARTED_IN, SESSIONS)}
        depth = self.config.reranker.depth
        order = f"by its score + {fitted.mix:.4g} x the encoder's cosine" if fitted.mix else "in its order"
        what = f"a cross-encoder; after training means the encoder's first {depth} documents {order}"
        judged = self._judged(test, before, after)
        result = TrainResult(
            run=str(self.folder.path),
            model=str(self.folder.model),
            losses=(WeightedLoss(LOSS, 1.0),),
            steps=fitted.steps,
            epochs=fitted.epochs,
            examples_per_s=round(fitted.examples_per_s, 1),
            elapsed_s=round(time.perf_counter() - self.started, 2),
            time_spent=self.spent.seconds,
            peak_memory_bytes=peak_memory_bytes(),
            **judged,
            findings=(
                *self.data.findings,
                *weak_reranker(judged["verdict"], len(self.data.train)),
                *course_findings(read_log(log), grows=False),
            ),
            described=(what, *on_dev, *self.data.described),
            dev_curve=fitted.curve,
            best_step=fitted.best_step,
            how_to_use=how_to_use(self.folder.model),
            recipe=dump_config(self.config),
            facts=facts,
            curves=training_curves(log),
            model_bytes=size_bytes(self.folder.model),
            report=str(self.folder.path / PAGE),
            date=f"{datetime.now():%Y-%m-%d}",
        )
        report = training(result)
        self.folder.write(PAGE, page(report))
        self.folder.write("report.md", markdown(report))
        self.folder.write_json(REPORT, result.as_json())
        return result


def weak_reranker(verdict: Comparison | None, pairs: int) -> list[Finding]:
    """A warning where reranking lowered the scores: what ranks worse than the encoder cannot teach it either."""
    if verdict is None or verdict.verdict != "worse":
        return []
    message = f"this cross-encoder ranks worse than the encoder that it starts from; it learned from {pairs:,} pairs."
    fix = "Neither rerank nor teach with it. Give it more pairs, more --epochs, or negatives from `embedtune mine`."
    return [Finding("weak-reranker", "warning", 1, message, fix)]
