"""A recipe and its data, read and checked before anything heavy loads: the first half of training arms."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from embedtune.config.section import AUTO
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.guides.guide_vectors import GuideVectors
from embedtune.data.prepare import TrainingData
from embedtune.data.sources.source import open_source
from embedtune.errors import DataError
from embedtune.losses.shared.base import Loss
from embedtune.workflows.shared.choosing.arms import RACED_QUERIES
from embedtune.workflows.shared.choosing.mined import check_mined
from embedtune.workflows.shared.talk import Talk
from embedtune.workflows.train.guide.guide_files import guide_vectors, guided_data
from embedtune.workflows.train.plan import plan_config
from embedtune.workflows.train.recipe_checks import check_needs
from embedtune.workflows.train.run import check_recipe, read_data

if TYPE_CHECKING:
    from embedtune.workflows.train.arms.trainer import TrainArms


@dataclass(frozen=True)
class TrainArmData:
    """A recipe that suits its data.

    Args:
        config: the recipe, with what is proposed for the data.
        losses: of the recipe.
        data: read and split.
        vectors: of the guide's file, where a file guides.
    """

    config: TrainConfig
    losses: Sequence[Loss]
    data: TrainingData
    vectors: GuideVectors | None

    def load(self, folder: Path, talk: Talk) -> "TrainArms":
        """The encoder, and everything that all arms share."""
        from embedtune.models.encode.store import open_store
        from embedtune.models.files.load import load_encoder
        from embedtune.models.similarity import declare_cosine
        from embedtune.workflows.train.arms.trainer import TrainArms
        from embedtune.workflows.train.guide.distilling import to_scale
        from embedtune.workflows.train.preparing.scoring_precision import to_be_scored
        from embedtune.workflows.train.preparing.settled import settled

        training = self.config.training
        with talk.progress("loading the encoder"):
            encoder = load_encoder(self.config.model, device=training.device, texts=self.data.texts, seed=training.seed)
        for note in encoder.notes:
            talk.say(note)
        declare_cosine(encoder)
        encoder = to_be_scored(encoder, self.config)
        config = settled(to_scale(self.config, self.data.train), self.losses, encoder, len(self.data.train))
        store, rate_is_open = open_store(config.output.store), training.lr == AUTO
        return TrainArms(config, self.data, encoder, folder, store, self.vectors, rate_is_open)


def open_arms(config: TrainConfig, talk: Talk) -> TrainArmData:
    """Read the data of a recipe, and refuse what no arm could do.

    Raises:
        EmbedtuneError: anything the user can fix; says what to do.
    """
    plan = plan_config(config, talk=talk)
    check_recipe(plan, talk)
    source = plan.source or open_source(plan.config.data.source)
    vectors = guide_vectors(plan.config, source)
    data = guided_data(plan.config, read_data(plan.config, source, talk), vectors)
    check_needs(plan.config, plan.losses, data)
    check_mined(plan.config, data)
    if data.dev is None or len(data.dev) < RACED_QUERIES:
        count = 0 if data.dev is None else len(data.dev)
        raise DataError(
            f"a race of recipes is decided on dev queries, and there are {count}; it needs at least {RACED_QUERIES}",
            where="--data",
            next="give more pairs, or a judged set with a dev split: --eval-data SET",
        )
    return TrainArmData(plan.config, plan.losses, data, vectors)
