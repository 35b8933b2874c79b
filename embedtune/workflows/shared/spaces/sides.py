"""An encoder, or a file of vectors that an encoder elsewhere made (an API's): both give unit vectors of texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from embedtune.config.sections.encoder import ModelSection
from embedtune.data.guides.guide_file import guide_kind, is_guide_file
from embedtune.data.guides.guide_vectors import GuideVectors
from embedtune.data.sources.reading.remote import given_file
from embedtune.errors import ConfigError, EmbedtuneError
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder, Role
from embedtune.models.files.load import load_encoder, resolve
from embedtune.models.sources.on_hub import STARTER
from embedtune.workflows.shared.talk import Talk


@dataclass
class SpaceSide:
    """One of two encoders.

    Args:
        name: as the user named it.
        section: the model; unused for a file.
        device: where it computes.
        store: of vectors.
        talk: receives progress.
    """

    name: str
    section: ModelSection
    device: str
    store: VectorStore | None
    talk: Talk

    @property
    def is_file(self) -> bool:
        """Whether its vectors were made elsewhere."""
        return is_guide_file(self.name)

    @cached_property
    def encoder(self) -> Encoder:
        """The model, loaded once."""
        with self.talk.progress(f"loading {self.name}"):
            return load_encoder(self.section, device=self.device)

    @cached_property
    def _file(self) -> GuideVectors:
        return GuideVectors(given_file(self.name))

    def has(self, texts: Sequence[str], role: Role) -> np.ndarray:
        """Which texts it has vectors of: bool (n,)."""
        there = np.ones(len(texts), dtype=bool)
        if self.is_file:
            there[self._file.look_up(texts, role)] = False
        return there

    def vectors(self, texts: Sequence[str], role: Role) -> np.ndarray:
        """Unit vectors of texts: float32 (n, D)."""
        if self.is_file:
            return self._file.encode(texts, role)
        what = "queries" if role == "query" else "documents"
        with self.talk.progress(f"{self.name}: encoding {what}", total=len(texts)) as tell:
            return encode(self.encoder, texts, role=role, store=self.store, progress=tell)


def check_side(name: str, section: ModelSection, option: str) -> None:
    """Refuse an encoder or a file that cannot be used, before anything loads.

    Raises:
        EmbedtuneError: it cannot be found or used; says what to do.
    """
    if name == STARTER:
        raise ConfigError(
            "a starter is made from data and exists only in the run that made it",
            where=option,
            next="name the folder of a run: RUN/start or RUN/model",
        )
    try:
        if is_guide_file(name):
            if guide_kind(given_file(name)) != "vectors":
                raise ConfigError("this file holds scores; vectors are needed", next="columns: text, vector, role")
            return
        resolve(section)
    except EmbedtuneError as error:
        error.where = f"{option} {name}"
        raise
