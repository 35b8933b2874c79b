"""Which recipes race unless a recipe lists them: those that suit the kind of encoder and what the data can serve.

The order is the order in which arms deserve a place where the budget has no room for all.
"""

from collections.abc import Iterator

from embedtune.config.sections.encoder import Lora
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.losses import build_loss, loss_class
from embedtune.models.encoder import Encoder
from embedtune.models.files.adapters import can_adapt
from embedtune.models.files.load import LORA_LR
from embedtune.models.speed.frozen_layers import layers_of
from embedtune.workflows.shared.choosing.mined import against_mining

SELF_MARGINS = {True: (0.0, 0.1), False: (0.1, 0.2)}
"""Margins of a guide `self` by whether the encoder is pretrained."""
WEIGHT_OF_SCORES = 0.5
WEIGHT_OF_SIGREG = 0.05
CONTRAST = {"gist", "infonce"}
"""Losses that learn from negatives of the rows where there are any."""
MINED = 4
"""Negatives per row that are looked for."""
Changes = tuple[str, tuple[str, ...]]
"""The name of an arm, and what it changes."""


def suited(config: TrainConfig, encoder: Encoder, data: TrainingData) -> Iterator[Changes]:
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
    yield from _parts(config, encoder)
    if not any(term.name == "sigreg" for term in config.loss):
        yield "sigreg added", _added(config, "sigreg", WEIGHT_OF_SIGREG)


def _parts(config: TrainConfig, encoder: Encoder) -> Iterator[Changes]:
    """A transformer of which a part learns, or adapters do."""
    if not encoder.has_products:
        return
    if config.training.embeddings not in ("frozen", "sparse") and not config.training.freeze_layers:
        yield "frozen token embeddings", ("training.embeddings=frozen",)
    half = len(layers_of(encoder.model)) // 2
    if half and not config.training.freeze_layers:
        yield "frozen lower layers", ("training.embeddings=frozen", f"training.freeze_layers={half}")
    if can_adapt(encoder.model):
        yield "LoRA", (f"model.lora.rank={Lora().rank}", f"training.lr={LORA_LR}", "training.embeddings=train")


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
    """With negatives that are looked for where rows have none, and without where they have and losses do not need them.

    Mined negatives hold false ones, so that either may be better.
    """
    losses = [build_loss(term.name, **term.args) for term in config.loss]
    if (
        not config.negatives.mined
        and not against_mining(config, data)
        and CONTRAST & {term.name for term in config.loss}
    ):
        yield "mined negatives", (f"negatives.mined={MINED}",)
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
