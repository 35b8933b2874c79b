"""What the test split shows of a run: scored before training and after it, and judged by the two together."""

from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.distributed import is_first, of_first
from embedtune.evaluation.own_first import left_out, own_text_first
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.tasks.question import questions_of
from embedtune.evaluation.tasks.retrieval import score_ranking
from embedtune.evaluation.trec import blank_findings, write_run
from embedtune.findings import Finding, counted
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.shared.scoring import (
    AFTER_RUN,
    BEFORE_RUN,
    METRICS,
    NOT_JUDGED,
    PER_QUERY,
    PRIMARY,
    Measured,
    before_and_after,
    judge,
    measure,
)
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.train.kept.beside_words import beside_words, words_are_better
from embedtune.workflows.train.kept.smaller import SmallerVectors
from embedtune.workflows.train.kept.space_map import MappedQueries
from embedtune.workflows.train.sessions.first_ranking import keep_ranking, kept_ranking
from embedtune.workflows.train.sets.labelled import LabelledTest
from embedtune.workflows.train.sets.tests import SetTests


@dataclass
class JudgedSplit:
    """The test split of a run, and all that is measured on it.

    Args:
        config: of the run.
        data: of the run.
        folder: keeps what was measured before training, and gets rankings and values per query.
        talk: hears of scores and progress.
        findings: about test queries that are documents, too, and about BM25, once training is judged.
    """

    config: TrainConfig
    data: TrainingData
    folder: RunFolder
    talk: Talk
    findings: list[Finding] = field(default_factory=list)
    _before: Measured | None = None

    def begin(self, encoder: Encoder, store: VectorStore | None) -> None:
        """Measure the encoder before training."""
        self._before = self._first(encoder, store)
        self._sets.begin(encoder, store)
        of_first(lambda: self._space.begin(encoder, store))
        of_first(lambda: self._labelled.begin(encoder, store))

    def end(self, encoder: Encoder) -> dict[str, Any]:
        """The part of the result that comes from the test split, with the encoder after training."""
        after = self._measured(encoder, "after", None)
        judged = self._judged(after)
        self.findings = [*self._own_texts(after), *words_are_better(judged.get("beside_bm25"))]
        return {
            **judged,
            **self._sets.fields(encoder),
            "space": self._space.end(encoder),
            "clusters": self._labelled.end(encoder),
            "smaller": self._smaller.rows(),
        }

    @cached_property
    def _sets(self) -> SetTests:
        return SetTests(self.data, self.config.training.seed, self.talk)

    @cached_property
    def _test(self) -> JudgedSet | None:
        return None if self.data.test is None else as_arrays(self.data.test)

    @cached_property
    def _space(self) -> MappedQueries:
        return MappedQueries(self._test, self._unseen, self.folder, self.config.training.seed)

    @cached_property
    def _smaller(self) -> SmallerVectors:
        return SmallerVectors(self.config, self._unseen, self.folder)

    @property
    def _unseen(self) -> Set[str]:
        """Queries whose documents training never saw; without queries in training, there is nothing to remember."""
        return frozenset[str]() if self.data.unpaired else self.data.unseen

    @cached_property
    def _labelled(self) -> LabelledTest:
        return LabelledTest(self.data.test, self.config.training.seed, self.talk)

    def _first(self, encoder: Encoder, store: VectorStore | None) -> Measured | None:
        """The scores of the start, which a resumed run has measured already."""
        ranking = None if self._test is None or not is_first() else kept_ranking(self.folder, self._test)
        if not of_first(lambda: ranking is not None):
            measured = self._measured(encoder, "before", store)
            if self._test is not None and measured is not None and is_first():
                keep_ranking(self.folder, self._test, measured.ranking)
            return measured
        if self._test is None or ranking is None:  # the first process has it
            return None
        measured = Measured(ranking, score_ranking(ranking, self._test, METRICS))
        self._tell_scores(measured, "before", ", as measured when this run began")
        return measured

    def _measured(self, encoder: Encoder, when: str, store: VectorStore | None) -> Measured | None:
        if self._test is None:
            return None
        smaller = partial(self._smaller.before if when == "before" else self._smaller.after, self._test)
        with self.talk.progress(f"scoring the test split {when} training"):
            measured = measure(encoder, self._test, store=store, seen=smaller)
        self._tell_scores(measured, when)
        return measured

    def _tell_scores(self, measured: Measured, when: str, how: str = "") -> None:
        mean, queries = measured.scores.means[PRIMARY], counted(len(measured.scores), "query")
        self.talk.say(f"{when} training: test nDCG@10 {mean:.3f} over {queries}{how}")

    def _judged(self, after: Measured | None) -> dict[str, Any]:
        """The part of the result that comes from the test split; writes rankings and per-query values."""
        before = self._before
        if before is None or after is None or self._test is None or self.data.test is None:
            return NOT_JUDGED
        judgment = judge(before.scores, after.scores, self._unseen, seed=self.config.training.seed)
        self.folder.write(PER_QUERY, judgment.lines(self.data.test.queries, questions_of(self._test)))
        self._keep_rankings(self._test, ((BEFORE_RUN, before), (AFTER_RUN, after)))
        fields = {**judgment.fields(), "evidence": before_and_after(self._test, before, after, judgment)}
        with self.talk.progress("scoring beside BM25"):
            fields |= beside_words(self._test, before, after, self._unseen, seed=self.config.training.seed)
        return fields | ({"unseen_queries": len(before.scores)} if self.data.unpaired else {})

    def _own_texts(self, after: Measured | None) -> list[Finding]:
        """What to know about test queries that are documents, too."""
        if self._test is None or after is None:
            return []
        return [*left_out(self._test), *own_text_first("the trained model", after.ranking, self._test)]

    def _keep_rankings(self, judged: JudgedSet, found: Iterable[tuple[str, Measured]]) -> None:
        """Write both rankings."""
        for finding in blank_findings(judged):
            self.talk.say(f"the rankings that are kept: {finding.message}")
        for name, measured in found:
            write_run(self.folder.path / name, measured.ranking, judged, Path(name).stem)
