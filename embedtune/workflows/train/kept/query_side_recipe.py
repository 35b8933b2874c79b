"""What a recipe must leave out, and what suits it, where only the query side learns (`--side query`)."""

from embedtune.config.sections.objective import LossSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.errors import ConfigError
from embedtune.models.sources.on_hub import STARTER
from embedtune.workflows.train.recipe_checks import built_term

STORED = 512
"""Stored documents that each anchor is contrasted with besides those of its batch."""
TEMPERATURE = 0.015
"""Of contrast. Documents that stay as they are cannot move apart, so the softmax has to be sharper to tell them apart.

Dev nDCG@10 of a starter with infonce at 0.05, at 0.015, and at 0.015 with stored documents: welfare-ko 0.636, 0.632 and
0.651 (all weights: 0.667), medquad 0.596, 0.671 and 0.690; a step of medquad took 17, 17 and 24 ms of CPU.
What did not help: three times the rate, twice the epochs, a matrix fitted from queries to their positives as a start.
"""
CONTRAST = {"gist", "infonce"}


def for_query_side(config: TrainConfig) -> tuple[TrainConfig, list[str]]:
    """The recipe as it suits documents that stay as they are, and sentences about what was changed.

    No guide `self`: its snapshots would read documents as the query side does, which is not where their vectors are.
    """
    if config.side != "query" or config.task == "reranker":
        return config, []
    said = []
    if config.guide.name == "self":
        config = config.model_copy(update={"guide": config.guide.model_copy(update={"name": "none"})})
        said.append("guide: none (only the query side learns, so the encoder itself cannot judge documents)")
    if _learner(config) != STARTER:  # sharper contrast was measured with starters alone
        return config, said
    losses = [_sharper(term) for term in config.loss]
    if losses != config.loss:
        config = config.model_copy(update={"loss": losses})
        said.append(f"temperature: {TEMPERATURE:g} (documents keep their vectors, so contrast has to be sharper)")
    if config.queue is None and any(map(_uses_queue, losses)):
        config = config.model_copy(update={"queue": STORED})
        said.append(f"queue: {STORED} (documents of the store, which cost no encoding, are candidates in each step)")
    return config, said


def _learner(config: TrainConfig) -> str | None:
    """The name of the encoder that reads queries."""
    return config.query_model.name if config.query_model.given else config.model.name


def _uses_queue(term: LossSection) -> bool:
    """Whether a contrast takes further candidates, as its arguments are."""
    return term.name in CONTRAST and built_term(term.name, term.args).uses_queue


def _sharper(term: LossSection) -> LossSection:
    """A contrast at the temperature that suits, unless the recipe gives one."""
    if term.name not in CONTRAST or {"temperature", "learnable_temperature"} & term.args.keys():
        return term
    return term.model_copy(update={"args": {**term.args, "temperature": TEMPERATURE}})


def check_side(config: TrainConfig, data: TrainingData) -> None:
    """Refuse what does not go together with documents that do not learn.

    Raises:
        ConfigError: the recipe asks for it.
    """
    if config.side != "query":
        return
    asked = {
        "pairs of views": data.unpaired or data.views is not None,
        "--merge auto or --guard-policy choose": config.guard.mixes,
    }
    found = [name for name, is_asked in asked.items() if is_asked]
    if found:
        raise ConfigError(
            f"only the query side learns, so this cannot be used: {', '.join(found)}",
            where="--side query",
            next="leave one of them out",
        )
