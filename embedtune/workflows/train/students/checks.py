"""What cannot be asked of a teacher or of two encoders: refused before anything heavy loads."""

from embedtune.config.sections.learned_data import DataSection
from embedtune.config.sections.objective import LossSection
from embedtune.config.sections.several_sets import SetLoss, SetSection
from embedtune.config.sections.student import STATIC
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.guides.guide_file import guide_kind, is_guide_file
from embedtune.data.sources.reading.remote import given_file
from embedtune.data.views import parse_views
from embedtune.errors import ConfigError, ModelError
from embedtune.losses import loss_class
from embedtune.models.cut import demand_layers
from embedtune.models.endpoints.address import is_endpoint
from embedtune.models.sources.on_hub import STARTER
from embedtune.models.sources.resolve import resolve, resolve_trainable
from embedtune.models.speed.declared import declared_layers
from embedtune.models.speed.frozen_layers import demand_one_learns
from embedtune.workflows.shared.talk import Talk


def imitates(config: TrainConfig) -> bool:
    """Whether a loss of the recipe, or of one of its sets, learns from the vectors of a teacher."""
    return any("teacher" in loss_class(term.name).companions for term in terms_of(config))


def terms_of(config: TrainConfig) -> list[LossSection | SetLoss]:
    """The losses of the recipe, then those of its sets."""
    sets: list[DataSection | SetSection] = [config.data, *config.data.further]
    return [*config.loss, *(loss for one in sets for loss in one.loss)]


def check_layers(config: TrainConfig) -> None:
    """Refuse more layers to keep or to freeze than the model's files declare.

    Raises:
        ConfigError: says how many layers there are.
    """
    kept, frozen = config.model.layers, config.training.freeze_layers
    if not (kept or frozen):
        return
    has = 0 if config.model.name == STATIC else declared_layers(resolve(config.model))
    if has is None:  # found out once it is loaded
        return
    if kept:
        demand_layers(has, kept)
    if frozen and config.task != "reranker":
        demand_one_learns(0 if config.query_model.given else kept or has, frozen)


def check_teacher(config: TrainConfig, talk: Talk) -> None:
    """Refuse a loss without the teacher that it imitates, and a teacher that cannot be one; warn about an unused one.

    Raises:
        ConfigError: there is no teacher, or it does not go together with the rest of the recipe.
        ModelError: it cannot be loaded.
    """
    name, losses = config.teacher.name, " and ".join(term.name for term in config.loss)
    if name is None:
        if imitates(config) or config.model.name == STATIC:
            what = f"the loss {losses} imitates" if imitates(config) else "--model static is made of"
            raise ConfigError(
                f"{what} a teacher, and none is named",
                where="--teacher",
                next="name it: --teacher MODEL, or --teacher FILE with its vectors of the training texts",
            )
        return
    if not imitates(config) and config.model.name != STATIC:
        talk.warn(f"the teacher {name} is not used, because {losses} cannot use one; --loss align does")
        return
    _check_kind(config, name)
    _check_recipe(config)


def _check_kind(config: TrainConfig, name: str) -> None:
    """Refuse a teacher that does not give what it is asked for."""
    from_weights = config.model.name == STATIC
    if name in (STARTER, STATIC) or (from_weights and (is_guide_file(name) or is_endpoint(name))):
        raise ModelError(
            f"{name} cannot be the teacher" + (" of a static student, which is made of a model" * from_weights),
            where="--teacher",
            next="name a model that can be loaded" + ("; or use --model starter" if from_weights else ""),
        )
    if not is_guide_file(name):
        try:
            resolve(config.teacher)
        except ModelError as error:  # its advice is for the model that learns, which may be a starter
            error.where, error.next = "--teacher", "name a model that can be loaded, or a file with its vectors"
            raise
    elif guide_kind(given_file(name)) != "vectors":
        raise ConfigError(
            f"{name} has scores of pairs, and a teacher is imitated by its vectors",
            where="--teacher",
            next="give a file with the columns text and vector; --guide reads scores, for distill and margin_mse",
        )


def _check_recipe(config: TrainConfig) -> None:
    averaged = [term.name for term in terms_of(config) if "averaged" in loss_class(term.name).companions]
    if averaged and imitates(config):
        raise ConfigError(
            f"{' and '.join(averaged)} has a teacher of its own, the averaged encoder, and a run has one teacher",
            where="loss",
            next="use one of these losses",
        )
    views = config.data.views
    if imitates(config) and views is not None and parse_views(views).alters:
        raise ConfigError(
            f"the views {views} change texts in each epoch, and the teacher has read them as they are",
            where="--views",
            next="leave --views out: each text is imitated as it is; or use --views title",
        )


def check_query_model(config: TrainConfig) -> None:
    """Refuse what does not go together with two encoders.

    Raises:
        ConfigError: the recipe asks for it.
        ModelError: the encoder of queries cannot be loaded or trained.
    """
    if not config.query_model.given:
        return
    asked = {
        "--task reranker": config.task == "reranker",
        "--model starter, which is not pretrained": config.model.name == STARTER,
        "--model static": config.model.name == STATIC,
        "--texts-only": config.data.texts_only,
    }
    found = [name for name, is_asked in asked.items() if is_asked]
    if found:
        raise ConfigError(
            f"queries and documents have two encoders, so this cannot be used: {', '.join(found)}",
            where="--query-model",
            next="leave one of them out; --model names the encoder of documents",
        )
    if config.side == "query" and config.model.lora is not None:
        raise ConfigError(
            "these adapters are those of the documents' encoder, which keeps its vectors (--side query)",
            where="model.lora",
            next="give them to the encoder that learns: query_model.lora.rank=16",
        )
    if config.query_model.name == STATIC:
        raise ConfigError(
            "static is made of a teacher, and is one encoder for both sides",
            where="--query-model",
            next="train it first (--model static --teacher MODEL --loss align), then name RUN/model",
        )
    try:
        resolve_trainable(config.query_model, "trained")
    except ModelError as error:  # its advice is for the model that learns, which may be a starter
        error.where, error.next = "--query-model", "name a model that can be loaded and trained"
        raise
