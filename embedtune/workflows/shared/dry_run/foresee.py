"""`--dry-run`: what the data of a command hold, and about what the command would take."""

from collections.abc import Sequence

from embedtune.config.section import RecipeSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.config.verbs.tune import TuneConfig
from embedtune.data.look import Reading
from embedtune.data.sources.reading.unchanged import declare_encoding, declare_read_besides, unchanged_inputs
from embedtune.findings import Finding
from embedtune.workflows.shared.choosing.vocabulary import declared_vocabulary
from embedtune.workflows.shared.dry_run.data import look_at
from embedtune.workflows.shared.dry_run.price import price
from embedtune.workflows.shared.talk import Talk, tell_findings


def foresee(config: RecipeSection, talk: Talk, models: Sequence[str] = ()) -> None:
    """Read the data of a command, and say what it holds and what the command would take.

    Args:
        config: of the verb.
        talk: receives the sentences.
        models: encoders that are arguments of the command, and not in its configuration.

    Raises:
        DataError: the command could not use the data.
        ConfigError: an option does not fit the data.
    """
    with unchanged_inputs():
        declare_encoding(getattr(getattr(config, "data", None), "encoding", None))
        declare_read_besides(getattr(getattr(config, "domains", None), "column", None))
        seen = look_at(config)
    for sentence in seen.described:
        talk.say(sentence)
    tell_findings(talk, [*seen.findings, *_unfit(config, seen.readings)])
    for sentence in price(config, seen.readings, models):
        talk.say(sentence)


def _unfit(config: RecipeSection, readings: Sequence[Reading]) -> list[Finding]:
    """The scripts that an encoder would learn from, and that its vocabulary does not fit."""
    recipe = config.recipe if isinstance(config, TuneConfig) else config
    if not isinstance(recipe, TrainConfig):
        return []
    texts = [text for one in readings if one.learned for text in one.sample]
    return declared_vocabulary(recipe.model, {"learned": texts})
