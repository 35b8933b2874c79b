"""Which recipes race: those that a recipe lists, or those that suit the kind of encoder and what the data can serve.

The order is the order in which arms deserve a place where the budget has no room for all.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from embedtune.config.course import Course
from embedtune.config.recipe.load import load
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.errors import ConfigError
from embedtune.losses import build_loss, loss_class, loss_names
from embedtune.models.encoder import Encoder
from embedtune.racing.arm import Arm
from embedtune.racing.race import MERGED

DEFAULT = "default"
SELF_MARGINS = {True: (0.0, 0.1), False: (0.1, 0.2)}
"""Margins of a guide `self` by whether the encoder is pretrained."""
WEIGHT_OF_SCORES = 0.5
WEIGHT_OF_SIGREG = 0.05
SHARED = ("data", "model", "guard", "output", "matryoshka", "quantize_aware", "side")
"""Sections that are the same for all arms: they share the encoder, the data, their vectors and their tests."""
Changes = tuple[str, tuple[str, ...]]
"""The name of an arm, and what it changes."""


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
    taken = sorted({DEFAULT, MERGED} & listed.keys())
    if taken:
        raise ConfigError(f"an arm cannot be called {taken[0]}", where="tune.arms", next="give it another name")
    wanted = [(name, tuple(changes)) for name, changes in listed.items()] or list(_suited(config, encoder, data))
    for name, changes in wanted:
        shared = [one for one in changes if one.partition("=")[0].partition(".")[0] in SHARED]
        if shared:
            raise ConfigError(
                f"the arm {name} changes {shared[0].partition('=')[0]}, which all arms of a race share",
                where="tune.arms",
                next="race what is trained (training, loss, guide, negatives), or run `embedtune tune` once for each",
            )
    rows = len(data.train)
    course = Course.of(config.training, rows, static=False)
    found = [(Arm(DEFAULT), config)]
    for name, changes in wanted:
        own = load(
            TrainConfig,
            str(default),
            changes,
            known_losses=loss_names(),
            check_args=_check,
        )
        of_arm = Course.of(own.training, rows, static=False)
        batch = of_arm.batch_size / course.batch_size
        length = of_arm.steps(rows) * of_arm.batch_size / (course.steps(rows) * course.batch_size)
        found.append((Arm(name, changes, batch=batch, course=round(length, 3)), own))
    return found


def _check(loss: str, args: Mapping[str, Any]) -> None:
    """Let a loss refuse its arguments."""
    build_loss(loss, **args)


def _suited(config: TrainConfig, encoder: Encoder, data: TrainingData) -> Iterator[Changes]:
    """The space that suits, the most promising first."""
    lr = float(config.training.lr)
    yield "rate x2", (f"training.lr={lr * 2:.3g}",)
    yield from _guides(config, encoder)
    if not encoder.has_products:
        yield "rate x4", (f"training.lr={lr * 4:.3g}",)
    yield "rate x1/2", (f"training.lr={lr / 2:.3g}",)
    yield from _scores(config, data)
    yield from _negatives(config, data)
    yield from _temperatures(config)
    yield from _batches(config, len(data.train))
    epochs = config.training.epochs
    if isinstance(epochs, int) and config.training.max_steps is None:
        yield "twice the epochs", (f"training.epochs={2 * epochs}",)
    if encoder.has_products and config.training.embeddings not in ("frozen", "sparse"):
        yield "frozen token embeddings", ("training.embeddings=frozen",)
    if not any(term.name == "sigreg" for term in config.loss):
        yield "sigreg added", _added(config, "sigreg", WEIGHT_OF_SIGREG)


def _guides(config: TrainConfig, encoder: Encoder) -> Iterator[Changes]:
    """With a guide where the default has none, and without one where it has."""
    place = next((i for i, term in enumerate(config.loss) if loss_class(term.name).needs_guide), None)
    if place is None:
        return
    key = f"loss.{place}.args.margin"
    if config.guide.name == "none":
        for margin in SELF_MARGINS[encoder.pretrained]:
            yield f"self guide {margin:g}", ("guide.name=self", f"{key}={margin}")
        return
    yield "no guide", ("guide.name=none",)
    margin = float(config.loss[place].args.get("margin", 0.0))
    yield f"margin {margin + 0.1:g}", (f"{key}={margin + 0.1:g}",)


def _scores(config: TrainConfig, data: TrainingData) -> Iterator[Changes]:
    """With the scores of a teacher, where the data have them."""
    scored = data.train.teacher_scores is not None and any(len(own) > 1 for own in data.train.teacher_scores)
    complete = scored and all(own[0] == own[0] for own in data.train.teacher_scores or () if len(own))
    if complete and not any(term.name == "distill" for term in config.loss):
        yield "teacher's scores added", _added(config, "distill", WEIGHT_OF_SCORES)


def _negatives(config: TrainConfig, data: TrainingData) -> Iterator[Changes]:
    """Without the rows' own negatives, where the losses can do without: mined ones hold false negatives."""
    losses = [build_loss(term.name, **term.args) for term in config.loss]
    able = not any(loss.needs_negatives or loss.needs_teacher for loss in losses)
    if data.train.has_negatives and able and config.negatives.per_row is None:
        yield "no own negatives", ("negatives.per_row=0",)


def _temperatures(config: TrainConfig) -> Iterator[Changes]:
    own = config.loss[0]
    value = getattr(build_loss(own.name, **own.args), "temperature", None)
    if isinstance(value, float):
        for word, factor in (("x1/2", 0.5), ("x2", 2.0)):
            yield f"temperature {word}", (f"loss.0.args.temperature={value * factor:g}",)


def _batches(config: TrainConfig, rows: int) -> Iterator[Changes]:
    size = config.training.batch_size
    if isinstance(size, int):
        if size >= 16:
            yield "half batches", (f"training.batch_size={size // 2}",)
        if 4 * size <= rows:
            yield "double batches", (f"training.batch_size={2 * size}",)


def _added(config: TrainConfig, loss: str, weight: float) -> tuple[str, ...]:
    place = len(config.loss)
    return f"loss.{place}.name={loss}", f"loss.{place}.weight={weight:g}"
