"""The encoder that a run starts from: loaded, made of its teacher, or two of them; in the space that it is to be in.

What was made is kept in the run folder (`start`), so that a resumed run starts from the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from embedtune.config.sections.encoder import ModelSection
from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.several_sets import SetLoss
from embedtune.config.sections.student import STATIC, StudentSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.distributed import is_first
from embedtune.models.encode.encode import encode
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder, Role
from embedtune.models.files.adapters import add_lora
from embedtune.models.files.load import LORA_LR, load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.models.maps.into_space import into_space
from embedtune.models.sources.on_hub import STARTER
from embedtune.models.towers.two_sides import two_sides
from embedtune.reports.document.short_names import short_name
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.train.recipe_checks import built_term
from embedtune.workflows.train.students.checks import terms_of
from embedtune.workflows.train.students.teacher import Teacher

MOST_FITTED = 5_000
"""Texts of each role that a map is fitted on: 10 or more per dimension of the vectors of small encoders."""


@dataclass
class Opening:
    """How the encoder of a run comes about.

    Args:
        data: whose texts a starter is made from, and maps are fitted on.
        folder: keeps what was made.
        teacher: None where nothing is imitated.
        made: the folder of an encoder that was made by this recipe for several runs, outside of theirs.
    """

    config: TrainConfig
    data: TrainingData
    folder: RunFolder
    talk: Talk
    teacher: Teacher | None = None
    store: VectorStore | None = None
    made: Path | None = None

    def encoder(self, *, resumed: bool) -> Encoder:
        """The encoder before training, under the name that the recipe gives it."""
        encoder = replace(self._opened(resumed=resumed), name=self._name)
        return self._adapted(encoder) if self.config.query_model.given else encoder

    @property
    def _name(self) -> str:
        made_of = short_name(str(self.config.teacher.name))
        return f"{STATIC} of {made_of}" if self.config.model.name == STATIC else self.config.model.name

    def _opened(self, *, resumed: bool) -> Encoder:
        """The encoder before training; of two, without their adapters."""
        section = self.config.model
        if self.config.query_model.given:
            section = section.model_copy(update={"lora": None})
        kept = self.folder.start if resumed and self.folder.start.is_dir() else self.made
        if kept is not None:
            encoder = self._told(self._loaded(as_made(self.config, kept)))
            return replace(encoder, pretrained=section.name != STARTER)
        made = section.name == STATIC
        if made and self.teacher is not None:
            encoder = first = self._table_of(self.teacher)
        else:
            encoder = first = self._told(self._loaded(section))
        if self.config.query_model.given:
            encoder = self._with_queries(encoder)
        elif self.teacher is not None and may_map(self.config):
            encoder = self._mapped(encoder, self.teacher.encode, self.teacher.name)
        if made or encoder is not first:
            self._keep(encoder)
        return encoder

    def _adapted(self, encoder: Encoder) -> Encoder:
        """Two encoders with the adapters that either is to have."""
        wanted = {"query": self.config.query_model.lora, "document": self.config.model.lora}
        for side, lora in wanted.items():
            if lora is not None:
                add_lora(encoder.model, lora, self.config.training.seed, side)
        # A rate for adapters alone; where another transformer learns as well, that of the latter.
        alone = all(wanted.values()) or (self.config.side == "query" and wanted["query"] is not None)
        return replace(encoder, default_lr=LORA_LR) if alone else encoder

    def _loaded(self, section: ModelSection) -> Encoder:
        training = self.config.training
        return load_encoder(section, device=training.device, texts=self.data.texts, seed=training.seed)

    def _table_of(self, teacher: Teacher) -> Encoder:
        """The static student, through a folder, so that it is read as any other static encoder."""
        from embedtune.models.static_student import static_student

        with TemporaryDirectory() as folder:
            static_student(teacher.encoder, self.data.texts).save(folder, create_model_card=False)
            found = self._loaded(self.config.model.model_copy(update={"name": folder}))
        return self._told(replace(found, name=self._name))

    def _told(self, encoder: Encoder, whose: str = "") -> Encoder:
        """The encoder, once the user has heard about it: before anything is said of what is made of it."""
        for note in encoder.notes:
            self.talk.say(f"{whose}{note}")
        return replace(encoder, notes=())

    def _with_queries(self, documents: Encoder) -> Encoder:
        """Two encoders as one, that of queries in the space of the other."""
        queries = self._told(self._loaded(self.config.query_model), "queries: ")
        vectors = partial(encode, documents, store=self.store)
        return replace(two_sides(self._mapped(queries, vectors, documents.name), documents), name=documents.name)

    def _mapped(self, encoder: Encoder, target: Callable[..., np.ndarray], name: str) -> Encoder:
        """The encoder with a matrix into the space of the vectors that `target` gives, where that brings it closer."""
        own, other = [], []
        with self.talk.progress(f"bringing {short_name(encoder.name)} into the space of {short_name(name)}"):
            for role, texts in self._sample().items():
                own.append(encode(encoder, texts, role=role))  # (n, D)
                other.append(target(texts, role=role))  # (n, G)
            sample = np.concatenate(own), np.concatenate(other)
            found, cosine = into_space(encoder, *sample, seed=self.config.training.seed)
        if cosine is None:
            return encoder
        own_teacher = self.config.model.layers is not None and encoder.name == name
        self.talk.say(
            f"a matrix from {encoder.dimensions} to {found.dimensions} dimensions brings "
            + (f"what is left of {short_name(name)} back" if own_teacher else short_name(encoder.name))
            + f" into the space of {short_name(name)}: mean cosine {cosine:.3f} on held-out texts, before training"
        )
        return found

    def _sample(self) -> dict[Role, list[str]]:
        """Distinct training texts by role, evenly spaced where there are many."""
        rows = self.data.train
        texts: dict[Role, list[str]] = {
            "query": list(dict.fromkeys(rows.anchors)),
            "document": list(dict.fromkeys(rows.positives)),
        }
        return {role: own[:: -(-len(own) // MOST_FITTED)] for role, own in texts.items()}

    def _keep(self, encoder: Encoder) -> None:
        """Keep what was made in the run folder."""
        if is_first():
            save_encoder(encoder, self.folder.start)


def makes(config: TrainConfig) -> bool:
    """Whether the encoder before training is made, and not only loaded: of a teacher, of two, or with a matrix."""
    is_mapped = config.teacher.given and may_map(config)
    return config.model.name == STATIC or config.query_model.given or is_mapped


def as_made(config: TrainConfig, folder: Path) -> StudentSection:
    """The section that loads what a recipe made as it is: it has its layers, and two encoders how each reads texts."""
    model, queries = config.model, config.query_model
    section = model.model_copy(update={"name": str(folder), "layers": None})
    if not queries.given:
        return section
    may = {key: getattr(model, key) or getattr(queries, key) for key in ("trust_remote_code", "allow_pickle")}
    return section.model_copy(update={"lora": None, "prompts": {}, "max_length": None, "lengths": {}, **may})


def may_map(config: TrainConfig) -> bool:
    """Whether a loss that imitates a teacher lets a matrix bring the student into its space."""
    return any(maps(term) for term in terms_of(config))


def maps(term: LossSection | SetLoss) -> bool:
    """Whether a loss lets a matrix bring the student into the space of the teacher that it imitates."""
    return bool(getattr(built_term(term.name, term.args), "maps", False))
