"""Domains learned one after the other: a stage for each, all domains scored after each, and what was forgotten.

Why in this order:
- The encoder is scored before anything trains, so that an exam that cannot be scored ends the run at once.
- What is kept of a domain is drawn from its own rows by seed and number, so that a resumed run keeps the same.
- The model that learned all domains at once comes last: it is the ceiling, and nothing depends on it.
- The model of the run is that of the last stage, saved again with a card of the whole run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from embedtune.data.domains.cut import Domain
from embedtune.data.domains.store import kept_rows, with_replay
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import Rows
from embedtune.evaluation.domains.forgetting import Forgetting, forgetting_of, matrix_of
from embedtune.evaluation.metrics import metric_label
from embedtune.evaluation.tasks.retrieval import RetrievalScores
from embedtune.findings import counted
from embedtune.models.files.save import save_encoder
from embedtune.reports.document.short_names import folder_part
from embedtune.reports.results.train import TrainResult
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.train.domains.outcome import DomainsOutcome, finished
from embedtune.workflows.train.domains.stage import StageRunner
from embedtune.workflows.train.kept.card import started_from


@dataclass
class DomainsRun:
    """A run over domains.

    Args:
        stages: trains and scores one.
        data: of all domains.
        domains: in the order in which they are learned.
        folder: of the run.
        started: `time.perf_counter()` when the command began, earlier sessions included.
    """

    stages: StageRunner
    data: TrainingData
    domains: Sequence[Domain]
    folder: RunFolder
    talk: Talk
    started: float

    def run(self) -> TrainResult:
        """All stages, in order."""
        exam = self.stages.exam
        said = " → ".join(f"{one.name} ({counted(len(one.data.train), 'pair')})" for one in self.domains)
        self.talk.say(f"domains one after the other: {said}")
        made = self.stages.made(self.folder.domains / "0-start", self._data(0))
        scores = [self.stages.answers(self.folder.domains / "0-start", made, self.data)]
        results: list[TrainResult] = []
        for number, one in enumerate(self.domains):
            path, before = self._path(number), self._path(number - 1) if number else None
            self.talk.say(f"domain {number + 1} of {len(self.domains)}: {one.name}{self._kept_words(number)}")
            start = None if before is None else RunFolder(before).model
            results.append(self.stages.train(path, self._data(number), start, made if start is None else None))
            scores.append(self.stages.answers(path, RunFolder(path).model, self.data))
            self._tell(scores[-1])
        joint = self._joint(made) if self.stages.config.domains.joint else None
        with self.talk.progress("saving the model"):
            last = self.stages.load(RunFolder(self._path(len(results) - 1)).model, self.data)
            save_encoder(last, self.folder.model, started_from=started_from(self.stages.config))
        found = self._forgetting(scores, joint)
        matrix = matrix_of(np.stack([own.per_query[exam.metric] for own in scores[1:]]), exam.domains)
        outcome = DomainsOutcome(self.stages.config, self.data, exam, results, scores[0], scores[-1], matrix, found)
        return finished(outcome, self.folder, self.started)

    @cached_property
    def _kept(self) -> list[Rows]:
        """What is kept of each domain."""
        asked, seed = self.stages.config.domains, self.stages.config.training.seed
        return [
            kept_rows(one.data.train, asked.replay, asked.choice, [seed, number])
            for number, one in enumerate(self.domains)
        ]

    def _data(self, number: int) -> TrainingData:
        """The data of a stage: its domain, and what was kept of those before."""
        asked = self.stages.config.domains
        kept = self._kept[:number] if asked.replay else []
        return with_replay(self.domains[number].data, kept, asked.share, self.data.known_positives)

    def _kept_words(self, number: int) -> str:
        kept = sum(map(len, self._kept[:number])) if self.stages.config.domains.replay else 0
        return f", with {counted(kept, 'pair')} kept of earlier domains" if kept else ""

    def _path(self, number: int) -> Path:
        return self.folder.domains / f"{number + 1}-{folder_part(self.domains[number].name)[:40]}"

    def _joint(self, made: Path | None) -> RetrievalScores:
        """The scores of a model that learned all domains at once, from the same start."""
        self.talk.say("all domains at once, to see what could be reached")
        path = self.folder.domains / "all-at-once"
        self.stages.train(path, self.data, None, made)
        return self.stages.answers(path, RunFolder(path).model, self.data)

    def _tell(self, scores: RetrievalScores) -> None:
        exam = self.stages.exam
        means = matrix_of(scores.per_query[exam.metric][None], exam.domains)[0]
        shown = ", ".join(f"{one.name} {mean:.3f}" for one, mean in zip(self.domains, means, strict=True))
        self.talk.say(f"test {metric_label(exam.metric)} of every domain: {shown}")

    def _forgetting(self, scores: Sequence[RetrievalScores], joint: RetrievalScores | None) -> Forgetting:
        exam = self.stages.exam
        return forgetting_of(
            np.stack([own.per_query[exam.metric] for own in scores]),
            exam.domains,
            [one.name for one in self.domains],
            metric=exam.metric,
            groups=exam.groups,
            joint=None if joint is None else joint.per_query[exam.metric],
            items=exam.items,
            seed=self.stages.config.training.seed,
        )
