"""One merge from checked options to its report: measure the parts, choose alpha, mix, measure again, save, judge."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from embedtune.config.verbs.merge import MergeConfig
from embedtune.durable import write_text
from embedtune.errors import ModelError
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.tasks.retrieval import RetrievalScores
from embedtune.evaluation.verdicts.significance import Comparison, adjusted
from embedtune.findings import Finding, counted
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore, open_store
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.models.merge.alike import demand_alike, differing_use
from embedtune.models.merge.mix import KeptWeights, keep_weights
from embedtune.models.similarity import declare_cosine
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.merge import merging
from embedtune.reports.results.base import AlphaPoint, GuardRow
from embedtune.reports.results.merge import MergedModel, MergeResult, MergeTest
from embedtune.workflows.merge.judged import MergeData
from embedtune.workflows.shared.evaluation_folder import REPORT
from embedtune.workflows.shared.guard.curve import Mixture, choose_alpha
from embedtune.workflows.shared.guard.sampled import sampled
from embedtune.workflows.shared.guard.score import Guard, guard_rows, open_guard
from embedtune.workflows.shared.guard.sets import GuardSet
from embedtune.workflows.shared.machine import machine_facts
from embedtune.workflows.shared.scoring import Judgment, dev_scores, judge, measure
from embedtune.workflows.shared.talk import Talk

MODEL, RESULT = "model", "merge.json"
PROBES = ("How do I reset my password?", "비밀번호를 어떻게 다시 설정하나요?")
TOLERANCE = 1e-5


@dataclass
class Merging:
    """A merge in progress.

    Args:
        sets: of the guard.
        folder: a new folder for everything.
        started: `time.perf_counter()` when the command began.
    """

    config: MergeConfig
    data: MergeData
    sets: Sequence[GuardSet]
    folder: Path
    talk: Talk
    started: float
    findings: list[Finding] = field(default_factory=list)
    guards: tuple[Guard, Guard] = (Guard(), Guard())
    parts: list[tuple[KeptWeights, RetrievalScores | None]] = field(default_factory=list)
    curve_s: float = 0.0

    def run(self) -> MergeResult:
        """All stages, in order."""
        store = open_store("auto")
        frame = self._gathered(store)
        alpha, curve = self._alpha(frame)
        for kept, _ in self.parts:
            kept.path.unlink()
        declare_cosine(frame)
        with self.talk.progress("scoring the merged model"):
            after = self._scores(frame, None)
            guard = guard_rows(self.guards[1].compare(frame))
        save_encoder(frame, self.folder / MODEL, to_use=True)
        self._demand_same(frame)
        return self._finish(alpha, curve, after, guard)

    def _gathered(self, store: VectorStore | None) -> Encoder:
        """Load, measure and put aside the weights of every part; the second model stays loaded, as the frame."""
        frame: Encoder | None = None
        for number, name in enumerate(self.config.models.names):
            with self.talk.progress(f"loading {name}"):
                encoder = load_encoder(self.config.models.section(name), device=self.config.run.device)
            kept = keep_weights(encoder, self.folder / f"weights-{number}.safetensors")
            if number:
                demand_alike(self.parts[0][0].build, kept.build)
                self._tell_differing(kept)
            else:
                self._open_guards(encoder, store)
            self.parts.append((kept, self._scores(encoder, store)))
            frame = encoder if number == 1 else frame
        if frame is None:
            raise ModelError("a merge needs two models")
        return frame

    def _open_guards(self, encoder: Encoder, store: VectorStore | None) -> None:
        """What must be kept of the first model: one part of each set to choose by, the other to report on."""
        if self.config.models.alpha != "auto":
            self.guards = (Guard(), open_guard(self.sets, encoder, self.talk, store))
            return
        halves = [one.divided() for one in self.sets]
        first, second = ([pair[place] for pair in halves] for place in (0, 1))
        self.guards = (open_guard(first, encoder, self.talk, store), open_guard(second, encoder, self.talk, store))

    def _tell_differing(self, kept: KeptWeights) -> None:
        found = differing_use(self.parts[0][0].build, kept.build)
        if found:
            message = f"the models are used differently: {'; '.join(found)}."
            fix = f"The merged model is used like {self.config.models.names[1]}."
            self.findings.append(Finding("differing-use", "note", len(found), message, fix))
            self.talk.say(f"{message} {fix}")

    @property
    def _mixture(self) -> Mixture:
        models = self.config.models
        first, *others = (kept for kept, _ in self.parts)
        return Mixture(models.method, first, others, models.weights or [1.0] * len(others))

    def _alpha(self, frame: Encoder) -> tuple[float, tuple[AlphaPoint, ...]]:
        """The alpha that was asked for, or the best on dev that holds the guard; the frame gets its weights."""
        asked = self.config.models.alpha
        if asked != "auto" or self.data.dev is None:
            alpha = 0.5 if asked == "auto" else float(asked)
            self._mixture.into(frame, alpha)
            return alpha, ()
        began = time.perf_counter()
        dev = dev_scores(frame, sampled(self.data.dev, self.config.run.seed))
        alpha, curve = choose_alpha(self._mixture, frame, dev, self.guards[0], self.talk)
        self.curve_s = round(time.perf_counter() - began, 2)
        self.talk.say(f"alpha {alpha:g} was chosen from {counted(len(curve), 'mixture')}")
        if not alpha:
            message = "no mixture is better on dev than the first model and holds the guard; the first model is kept."
            self.findings.append(Finding("first-kept", "warning", 1, message, "A larger dev set may show more."))
        return alpha, curve

    def _scores(self, encoder: Encoder, store: VectorStore | None) -> RetrievalScores | None:
        if self._test is None:
            return None
        with self.talk.progress(f"{encoder.name}: scoring the test queries"):
            return measure(encoder, self._test, store=store).scores

    @property
    def _test(self) -> JudgedSet | None:
        return None if self.data.test is None else as_arrays(self.data.test)

    def _demand_same(self, frame: Encoder) -> None:
        """Make sure that the saved model gives the vectors that were measured."""
        section = self.config.models.section(str(self.folder / MODEL))
        saved = load_encoder(section, device=str(frame.model.device))
        distance = float(np.abs(encode(frame, PROBES, role="query") - encode(saved, PROBES, role="query")).max())
        if not distance <= TOLERANCE:
            raise ModelError(f"the saved model is not the merged one: vectors differ by {distance:.2g}")

    def _finish(
        self,
        alpha: float,
        curve: tuple[AlphaPoint, ...],
        after: RetrievalScores | None,
        guard: tuple[GuardRow, ...],
    ) -> MergeResult:
        judgments = self._judgments(after)
        verdict = judgments[0].verdict if judgments else None
        result = MergeResult(
            output=str(self.folder),
            model=str(self.folder / MODEL),
            method=self.config.models.method,
            alpha=alpha,
            models=self._models(),
            curve=curve,
            verdict=verdict,
            comparisons=_tests(self.config.models.names, judgments),
            guard=guard,
            metrics=_means(after),
            elapsed_s=round(time.perf_counter() - self.started, 2),
            curve_s=self.curve_s,
            kept_share=self._kept_share(verdict),
            test_queries=0 if after is None else len(after),
            unseen_queries=verdict.queries if verdict is not None and verdict.on == "unseen" else 0,
            findings=(*self.data.findings, *self.findings),
            described=self.data.described,
            facts={
                **machine_facts(self.config.models.section(name) for name in self.config.models.names),
                "data_sha256": dict(self.data.hashes),
                "options": self.config.model_dump(),
            },
            report=str(self.folder / REPORT),
        )
        write_text(self.folder / RESULT, json.dumps(result.as_json(), ensure_ascii=False, indent=2) + "\n")
        report = merging(result)
        write_text(self.folder / REPORT, page(report))
        write_text((self.folder / REPORT).with_suffix(".md"), markdown(report))
        return result

    def _models(self) -> tuple[MergedModel, ...]:
        weights = [1.0, *self._mixture.weights]
        return tuple(
            MergedModel(model=kept.build.name, weight=weight, metrics=_means(scores))
            for weight, (kept, scores) in zip(weights, self.parts, strict=True)
        )

    def _judgments(self, after: RetrievalScores | None) -> list[Judgment]:
        """The merged model against each part, on the test queries."""
        if after is None:
            return []
        seed = self.config.run.seed
        return [judge(part, after, self.data.unseen, seed=seed) for _, part in self.parts if part is not None]

    def _kept_share(self, verdict: Comparison | None) -> float | None:
        """The merged model's gain as a share of the second model's, where that is a significant gain."""
        if verdict is None or len(self.parts) != 2:
            return None
        first, second = (scores for _, scores in self.parts)
        if first is None or second is None:
            return None
        full = judge(first, second, self.data.unseen, seed=self.config.run.seed).verdict
        return round(verdict.difference / full.difference, 4) if full.verdict == "better" else None


def _tests(names: Sequence[str], judgments: Sequence[Judgment]) -> tuple[MergeTest, ...]:
    found = [one.verdict for one in judgments]
    tested = zip(names, found, adjusted(found), strict=True) if found else ()
    return tuple(
        MergeTest(
            against=name,
            metric=one.metric,
            part=one.before,
            merged=one.after,
            difference=one.difference,
            interval=one.interval,
            p_value=one.p_value,
            p_holm=strict.p_value,
            verdict=strict.verdict,
            sentence=_sentence(strict.between(name, "the merged model")),
        )
        for name, one, strict in tested
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _means(scores: RetrievalScores | None) -> Mapping[str, float]:
    return {} if scores is None else scores.means
