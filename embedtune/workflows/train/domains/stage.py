"""One domain of a run as a run of its own: recipe, checkpoints, report and model in a folder within the run's.

Nothing in an ordinary run knows of domains. A stage that was interrupted is resumed as any run is, and one that is done
is not repeated, so the whole resumes to the same bytes.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from embedtune.config.recipe.load import dump_config
from embedtune.config.sections.domains import DomainsSection
from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.several_sets import SetLoss
from embedtune.config.sections.student import QueryEncoderSection, TeacherSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.guides.guide_vectors import GuideVectors
from embedtune.data.prepare import TrainingData
from embedtune.durable import remove_all_unfinished
from embedtune.errors import OutputError
from embedtune.evaluation.tasks.retrieval import RetrievalScores
from embedtune.models.encode.store import open_store
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.reports.results.train import TrainResult
from embedtune.workflows.shared.guard.sets import GuardSet
from embedtune.workflows.shared.run_folder import RECIPE, RunFolder
from embedtune.workflows.shared.talk import Silence, Talk
from embedtune.workflows.train.changes import as_begun, models_of, record_data
from embedtune.workflows.train.domains.exam import Exam
from embedtune.workflows.train.preparing.scoring_precision import to_be_scored
from embedtune.workflows.train.preparing.towers import tower_for
from embedtune.workflows.train.recipe_checks import built_terms
from embedtune.workflows.train.sessions.timed import TimedTalk
from embedtune.workflows.train.stages import TrainingRun
from embedtune.workflows.train.students.opened import Opening, as_made, makes, maps
from embedtune.workflows.train.students.teacher import Teacher

ANSWERS = "all_domains.json"
"""In the folder of a stage: what its model scores on every query of every domain."""


@dataclass(frozen=True)
class StageRunner:
    """What all stages of a run share.

    Args:
        config: the recipe of the run.
        exam: the test queries of all domains.
        vectors: of the guide's file, where a file guides.
        guards: what each stage must not make worse.
        taught: the vectors of the teacher's file, where a file teaches.
    """

    config: TrainConfig
    exam: Exam
    talk: Talk
    vectors: GuideVectors | None
    guards: Sequence[GuardSet]
    taught: GuideVectors | None = None

    def made(self, path: Path, data: TrainingData) -> Path | None:
        """The start of the recipe, where it is made and not only loaded: made once, as if for a run on these data.

        Args:
            path: whose `start` keeps it.
            data: of the first domain.

        Returns: its folder; None where the recipe names a model, or the starter.
        """
        if not makes(self.config):
            return None
        folder = RunFolder(path)
        if not folder.start.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            # Adapters are each stage's own.
            config = self.config.model_copy(update={"model": self.config.model.model_copy(update={"lora": None})})
            store = open_store(config.output.store)
            teacher = Teacher(config, self.talk, store, self.taught) if config.teacher.given else None
            with self.talk.progress("making the start"):
                encoder = Opening(config, data, folder, self.talk, teacher, store).encoder(resumed=False)
            save_encoder(encoder, folder.start)
        return folder.start

    def train(self, path: Path, data: TrainingData, start: Path | None, made: Path | None = None) -> TrainResult:
        """Train a stage, go on with it, or read what it did.

        Args:
            path: its folder.
            data: of its domain, with what was kept of those before.
            start: the model of the stage before; None: that of the recipe.
            made: the latter, where it was made.
        """
        folder, config = RunFolder(path), self._recipe(path, start)
        if folder.done:
            return folder.result()
        resumed = folder.begun
        if resumed:
            config = as_begun(config, folder)
        else:
            path.mkdir(parents=True, exist_ok=True)
            folder.write(RECIPE, dump_config(config))
        remove_all_unfinished(path)
        record_data(folder, data.hashes, data.train, models=models_of(config))
        timed = TimedTalk(self.talk, folder, time.perf_counter())
        run = TrainingRun(
            config,
            built_terms(config),
            data,
            folder,
            timed,
            time.perf_counter() - timed.earlier_s,
            self.vectors,
            self.guards,
            self.taught,
            made,
        )
        result = run.run(resumed=resumed)
        timed.note()
        return result

    def answers(self, path: Path, model: Path | None, data: TrainingData) -> RetrievalScores:
        """What a stage's model scores on the exam, as kept in its folder or measured now.

        Args:
            path: where the answers are kept.
            model: the folder of the model; None: the start of the recipe.
            data: of all domains, which a start is made for.
        """
        folder, ids = RunFolder(path), list(self.exam.query_ids)
        if (path / ANSWERS).is_file():
            kept: dict[str, Any] = folder.read_json(ANSWERS)
            if kept.get("query_ids") != ids:
                raise OutputError(
                    f"{ANSWERS} of this stage is of other test queries",
                    where=str(path),
                    next="restore the data that the run was started with, or start a new run with another --output",
                )
            return self.exam.scores({name: np.array(values) for name, values in kept["values"].items()})
        with self.talk.progress("scoring all domains"):
            scores = self.exam.score(self.load(model, data))
        path.mkdir(parents=True, exist_ok=True)
        values = {name: own.tolist() for name, own in scores.per_query.items()}
        folder.write_json(ANSWERS, {"query_ids": ids, "values": values})
        return scores

    def load(self, model: Path | None, data: TrainingData) -> Encoder:
        """The model of a stage, or the start of the recipe, as it is used."""
        section = self.config.model if model is None else as_made(self.config, model)
        section = section.model_copy(update={"lora": None})
        training = self.config.training
        encoder = load_encoder(section, device=training.device, texts=data.texts, seed=training.seed)
        encoder = to_be_scored(encoder, self.config)
        has_tower = model is not None and encoder.signals is not None
        return encoder if has_tower else tower_for(self.config, encoder, data.train, Silence())

    def _recipe(self, path: Path, start: Path | None) -> TrainConfig:
        """The recipe of a stage: that of the run, from another start and into another folder."""
        config = self.config
        output = config.output.model_copy(update={"folder": str(path), "check_saved": "here"})
        update: dict[str, Any] = {"domains": DomainsSection(), "output": output}
        if start is not None:
            update |= _going_on(start, config)
            if config.domains.text == "first":
                update["tower"] = config.tower.model_copy(update={"text": "frozen"})
            if config.domains.distill:
                update |= _taught_by(start, config)
        return config.model_copy(update=update)


def _going_on(start: Path, config: TrainConfig) -> dict[str, Any]:
    """What a recipe says to start from the model before as it is: one model, with no matrix behind it but its own."""
    data = config.data.model_copy(update={"loss": _without_matrix(config.data.loss)})
    loss = _without_matrix(config.loss)
    return {"model": as_made(config, start), "query_model": QueryEncoderSection(), "loss": loss, "data": data}


Term = TypeVar("Term", LossSection, SetLoss)


def _without_matrix(terms: Sequence[Term]) -> list[Term]:
    """Losses that compare the student's own vectors with the teacher's, in whose space the start is already."""
    own = {"projection": "none"}
    return [one.model_copy(update={"args": {**one.args, **own}}) if maps(one) else one for one in terms]


def _taught_by(start: Path, config: TrainConfig) -> dict[str, Any]:
    """What a recipe says besides, so that texts and signals keep the vectors that this model gives them.

    Source: Li and Hoiem 2016, arXiv:1606.09282 (learning without forgetting), with vectors in place of class scores.
    """
    term = LossSection(name="align", weight=config.domains.distill, args={"projection": "none"})
    return {"loss": [*config.loss, term], "teacher": TeacherSection(name=str(start))}
