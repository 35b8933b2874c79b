"""The encoder that a run imitates: a model, loaded when its vectors are first needed, or a file of vectors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.guides.guide_file import is_guide_file
from embedtune.data.guides.guide_vectors import GuideVectors
from embedtune.data.prepare import TrainingData
from embedtune.data.sources.base import Source
from embedtune.data.sources.reading.remote import given_file
from embedtune.data.sources.streams import sha256
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder, Role
from embedtune.models.files.load import load_encoder
from embedtune.progress import Progress
from embedtune.reports.document.short_names import short_name
from embedtune.training.batch.row_texts import RowTexts
from embedtune.training.guide.vectors import GuideTable, on_disk
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.train.preparing.frozen_vectors import fill
from embedtune.workflows.train.students.checks import imitates


@dataclass
class Teacher:
    """Gives the vectors that a student is to have.

    Args:
        config: the recipe, which names it.
        talk: hears what is to be known about it.
        store: keeps its vectors.
        file: its vectors, where a file has them.
    """

    config: TrainConfig
    talk: Talk
    store: VectorStore | None = None
    file: GuideVectors | None = None

    @property
    def name(self) -> str:
        """As the user named it."""
        return str(self.config.teacher.name)

    @cached_property
    def encoder(self) -> Encoder:
        """The model; there is none where a file has the vectors."""
        training = self.config.training
        with self.talk.progress(f"loading the teacher {short_name(self.name)}"):
            encoder = load_encoder(self.config.teacher, device=training.device, precision=training.precision)
        for note in encoder.notes:
            self.talk.say(f"teacher: {note}")
        return encoder

    @property
    def dimensions(self) -> int:
        """G, the length of its vectors."""
        return self.encoder.dimensions if self.file is None else self.file.dimensions

    def encode(
        self, texts: Sequence[str], *, role: Role, into: np.ndarray | None = None, progress: Progress | None = None
    ) -> np.ndarray:
        """Its vectors of these texts in a role: (n, G) of length 1."""
        if self.file is not None:
            return self.file.encode(texts, role, into)
        return encode(self.encoder, texts, role=role, store=self.store, into=into, progress=progress)

    def table(self, texts: RowTexts, folder: Path) -> GuideTable:
        """Its vectors of all training texts, in a nameless file of this folder."""
        table = GuideTable(texts, frozen=True)

        def into_folder(own: Sequence[str], *, role: Role, progress: Progress | None = None) -> np.ndarray:
            return self.encode(own, role=role, into=on_disk(folder, len(own), self.dimensions), progress=progress)

        fill(table, into_folder, f"vectors of the teacher {short_name(self.name)}", self.talk)
        return table


def teacher_file(config: TrainConfig, source: Source) -> GuideVectors | None:
    """The vectors of the teacher's file; None without such a file or a use for it."""
    name = config.teacher.name
    if name is None or not is_guide_file(name) or not imitates(config):
        return None
    return GuideVectors(given_file(name), source.text_names())


def taught_data(data: TrainingData, file: GuideVectors | None) -> TrainingData:
    """The data with the hash of the teacher's file, which a resumed run compares.

    Raises:
        DataError: a training text has no vector in the file.
    """
    if file is None:
        return data
    rows = data.train
    documents = [*rows.positives, *chain.from_iterable(rows.negatives)]
    file.check({"query": list(dict.fromkeys(rows.anchors)), "document": list(dict.fromkeys(documents))})
    return replace(data, hashes={**data.hashes, f"teacher/{file.path.name}": sha256(file.path)})
