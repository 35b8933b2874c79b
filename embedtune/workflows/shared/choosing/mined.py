"""What does not go together with negatives that are found before training: refused before anything heavy loads."""

from embedtune.config.verbs.train import TrainConfig
from embedtune.data.prepare import TrainingData
from embedtune.errors import ConfigError


def check_mined(config: TrainConfig, data: TrainingData) -> None:
    """Refuse to look for negatives where rows have their own, or are no pairs of texts.

    Raises:
        ConfigError: says which.
    """
    if not config.negatives.mined:
        return
    found = against_mining(config, data)
    if found:
        raise ConfigError(
            f"no negatives can be found for this run: {' and '.join(found)}",
            where="negatives.mined",
            next="leave it out",
        )


def against_mining(config: TrainConfig, data: TrainingData) -> list[str]:
    """Why no negatives can be found for these rows; empty where they can."""
    reasons = {
        "the rows have negatives of their own": data.train.has_negatives,
        "the pairs are views of one text": data.unpaired or data.views is not None,
        "a cross-encoder finds its own (reranker.negatives)": config.task == "reranker",
        "the rows are scored pairs": data.train.grades is not None,
        "there are several data sets": bool(config.data.further),
    }
    return [why for why, holds in reasons.items() if holds]
