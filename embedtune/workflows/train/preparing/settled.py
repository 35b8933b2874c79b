"""What a recipe leaves open (`auto`), settled for an encoder and its data: the run's own recipe says what was used."""

from collections.abc import Sequence

from embedtune.config.course import Course
from embedtune.config.recipe.load import dump_config
from embedtune.config.train import TrainConfig
from embedtune.losses.shared.base import Loss
from embedtune.models.encoder import Encoder
from embedtune.training.step.objective import suited_lr
from embedtune.workflows.shared.run_folder import RECIPE, RunFolder

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
    sections = {"training": config.training.settled(training), "guide": config.guide.settled(guide)}
    return config.model_copy(update=sections)


def record(config: TrainConfig, folder: RunFolder) -> None:
    """Write the recipe as it was settled, so that a resumed or a repeated run does the same."""
    folder.write(RECIPE, dump_config(config))
