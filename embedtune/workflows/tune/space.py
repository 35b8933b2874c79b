"""Which recipes race, each checked: those that a recipe lists, or those that suit encoder and data."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from embedtune.config.course import Course
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.errors import ConfigError
from embedtune.models.encoder import Encoder
from embedtune.models.files.adapters import can_adapt
from embedtune.racing.arm import Arm
from embedtune.workflows.shared.choosing.mined import against_mining
from embedtune.workflows.tune.checks import DEFAULT, recipe_of_arm
from embedtune.workflows.tune.suited import suited


def arms_of(
    config: TrainConfig, listed: Mapping[str, Sequence[str]], encoder: Encoder, data: TrainingData, default: Path
) -> list[tuple[Arm, TrainConfig]]:
    """The default and the arms against it, each with its recipe.

    Args:
        config: the default, settled.
        listed: what the recipe lists; empty: the space that suits.
        encoder: as loaded.
        data: that is learned from.
        default: a file with the default recipe.

    Raises:
        ConfigError: an arm changes what does not exist, or to what is not allowed.
    """
    wanted = [(name, tuple(changes)) for name, changes in listed.items()] or list(suited(config, encoder, data))
    rows = len(data.train)
    course = Course.of(config.training, rows, static=False)
    found = [(Arm(DEFAULT), config)]
    for name, changes in wanted:
        own = recipe_of_arm(name, changes, default)
        _demand_possible(name, own, encoder, data)
        of_arm = Course.of(own.training, rows, static=False)
        batch = of_arm.batch_size / course.batch_size
        length = of_arm.steps(rows) * of_arm.batch_size / (course.steps(rows) * course.batch_size)
        found.append((Arm(name, changes, batch=batch, course=round(length, 3)), own))
    return found


def _demand_possible(name: str, config: TrainConfig, encoder: Encoder, data: TrainingData) -> None:
    """Refuse an arm that this encoder or these data cannot serve.

    Raises:
        ConfigError: says why.
    """
    if config.model.lora is not None and not can_adapt(encoder.model):
        raise ConfigError(
            f"the arm {name} has adapters, for which this encoder has no layers, or peft is not installed",
            where="tune.arms",
            next="leave it out, or pip install 'embedtune[lora]'",
        )
    reasons = against_mining(config, data) if config.negatives.mined else []
    if reasons:
        raise ConfigError(
            f"the arm {name} looks for negatives, and {' and '.join(reasons)}", where="tune.arms", next="leave it out"
        )
