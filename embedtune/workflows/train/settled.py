"""What a recipe leaves open (`auto`), settled for an encoder and its data: the run's own recipe says what was used."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from embedtune.config.recipe.load import dump_config
from embedtune.config.section import RecipeSection
from embedtune.config.train import TrainConfig
from embedtune.losses.shared.base import Loss
from embedtune.models.encoder import Encoder
from embedtune.training.run.course import Course
from embedtune.training.step.objective import suited_lr
from embedtune.workflows.shared.run_folder import RECIPE, RunFolder

AUTO = "auto"
Section = TypeVar("Section", bound=RecipeSection)
LEARNS_FIRST = 0.1
"""Share of the run that an untrained encoder learns before it guides itself."""


def settled(config: TrainConfig, losses: Sequence[Loss], encoder: Encoder, rows: int) -> TrainConfig:
    """The recipe with its course, learning rate and the start of a `self` guide as they suit encoder and data."""
    static, known = not encoder.has_products, encoder.pretrained
    course = Course.of(config.training, rows, static=static)
    training = {
        "epochs": course.epochs,
        "batch_size": course.batch_size,
        "lr": suited_lr(losses, encoder.default_lr, static=static),
    }
    guide = {"warmup_share": 0.0 if known else LEARNS_FIRST, "refresh": "once" if known else "every_epoch"}
    sections = {"training": _completed(config.training, training), "guide": _completed(config.guide, guide)}
    return config.model_copy(update=sections)


def record(config: TrainConfig, folder: RunFolder) -> None:
    """Write the recipe as it was settled, so that a resumed or a repeated run does the same."""
    folder.write(RECIPE, dump_config(config))


def as_begun(config: TrainConfig, folder: RunFolder) -> TrainConfig:
    """The recipe of a run to resume, where what it leaves open is as the run had settled it."""
    then = folder.recipe()
    sections = {"training": then.training.model_dump(), "guide": then.guide.model_dump()}
    return config.model_copy(update={name: _completed(getattr(config, name), own) for name, own in sections.items()})


def _completed(section: Section, values: Mapping[str, Any]) -> Section:
    """The section, with these values where its own are `auto`."""
    open_keys = [name for name, value in section.model_dump().items() if value == AUTO]
    return section.model_copy(update={name: values[name] for name in open_keys if name in values})
