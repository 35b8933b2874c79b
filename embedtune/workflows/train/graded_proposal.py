"""What is proposed for scored pairs (sentence1, sentence2, score): a loss that learns from the scores, and why."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

from embedtune.config.sections.learned_data import DataSection
from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.several_sets import SetLoss
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.formats.shared.find import read_part
from embedtune.data.sets.several import set_names, sets_of
from embedtune.data.sources.base import Source
from embedtune.data.sources.source import open_source
from embedtune.errors import DataError, raise_machine_fault
from embedtune.losses import loss_class
from embedtune.workflows.shared.choosing.losses import GRADED
from embedtune.workflows.train.unpaired_proposal import LOOKED_AT

LOSS = GRADED
SAID = (
    f"loss: {LOSS} (the data has scored pairs, and it learns from every score; --loss gist would learn from the most "
    f"similar pairs only, and --loss {LOSS} --loss gist:0.1 does both)"
)


def with_grades(config: TrainConfig, source: Source | None) -> tuple[TrainConfig, tuple[str, ...]]:
    """The recipe, learning from scores where a loss does or, where none is named, where the data has them; and why.

    Faults of the data are not reported here but when all of it is read.
    """
    if config.data.further:
        return _of_several(config, source)
    if any(loss_class(term.name).learns_grades for term in config.loss):
        return _graded(config), ()
    if "loss" in config.model_fields_set or not _has_scores(config.data, source):
        return config, ()
    return _graded(config.model_copy(update={"loss": [LossSection(name=LOSS)]})), (SAID,)


def _of_several(config: TrainConfig, source: Source | None) -> tuple[TrainConfig, tuple[str, ...]]:
    """The same for each of several sets: scored pairs get a loss of their own where the recipe names none."""
    said: list[str] = []
    changes: list[dict[str, object]] = []
    shared = any(loss_class(term.name).learns_grades for term in config.loss)
    for section, name in zip(sets_of(config.data), set_names(config.data), strict=True):
        opened = source if section.source == config.data.source else _opened(section)
        own, scored = section.loss, _has_scores(section, opened)
        if scored and not own and not shared and "loss" not in config.model_fields_set:
            own = [SetLoss(name=LOSS)]
            said.append(f"{name}: {SAID}")
        learns = any(loss_class(term.name).learns_grades for term in own) or (shared and scored and not own)
        changes.append({"loss": own, "grades": learns})
    further = [one.model_copy(update=own) for one, own in zip(config.data.further, changes[1:], strict=True)]
    data = config.data.model_copy(update={**changes[0], "further": further})
    return config.model_copy(update={"data": data}), tuple(said)


def _graded(config: TrainConfig) -> TrainConfig:
    return config.model_copy(update={"data": config.data.model_copy(update={"grades": True})})


def _opened(section: DataSection) -> Source | None:
    """A further set; None where it cannot be opened, which is reported when it is read."""
    try:
        return open_source(section.source)
    except DataError as error:
        raise_machine_fault(error, Path(section.source))
        return None


def _has_scores(section: DataSection, source: Source | None) -> bool:
    """Whether the first rows of a set are scored pairs, of which any two differ in their score."""
    if source is None or section.texts_only or source.has_corpus:
        return False
    try:
        table = source.texts_table(section.split, texts_only=False)
        if table is None:
            return False
        scored = read_part(replace(table, records=islice(table.records, LOOKED_AT)), section.columns).scored
    except DataError as error:
        raise_machine_fault(error, Path(section.source))
        return False
    return scored is not None and len(set(scored.scores)) > 1
