"""What a run optimises: the sections of losses, nested dimensions, negatives, and the guide.

Loss arguments are free here: a loss's own file knows them, and they are checked against it before anything heavy loads.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from embedtune.config.options import option
from embedtune.config.section import Auto, Name, RecipeSection, Share
from embedtune.config.sections.encoder import ModelSection

LossArgs = dict[str, Any]


class LossSection(RecipeSection):
    """One term of the objective."""

    heading = "Objective"

    name: str
    weight: float = Field(1.0, gt=0)
    args: LossArgs = option(
        {},
        "margin of the first loss; auto chooses it on the dev split",
        "auto|NUMBER",
        flag="margin",
        shown="what the loss declares",
        under="margin",
        reads="scalar",
    )


class MatryoshkaSection(RecipeSection):
    """Nested dimensions: the objective on the first components of the vectors too, so that they can be cut later."""

    heading = "Objective"

    dimensions: list[Annotated[int, Field(ge=1)]] = option(
        [],
        "smaller vector sizes to train as well, so that vectors can be cut to them",
        "256,128,...",
        flag="matryoshka",
        shown="full size only",
    )
    weights: list[Annotated[float, Field(gt=0)]] = Field(
        default_factory=list, description="one per dimension; empty: 1 each"
    )

    @model_validator(mode="after")
    def _one_weight_each(self) -> Self:
        if len(set(self.dimensions)) < len(self.dimensions):
            raise ValueError("a dimension is given more than once")
        if self.weights and len(self.weights) != len(self.dimensions):
            raise ValueError(
                f"{len(self.weights)} weights for {len(self.dimensions)} dimensions; give one each or none"
            )
        return self


class NegativesSection(RecipeSection):
    """How the negatives of a row are used."""

    per_row: int | None = Field(None, ge=0, description="most negatives of a row per epoch; null: all")
    mined: int = Field(
        0,
        ge=0,
        description="negatives to find for each row before training, where rows have none: the training documents that "
        "the encoder ranks highest, at up to 95% of the positive's score; 0: none",
    )
    schedule: Literal["fixed", "random", "easy_to_hard"] = Field(
        "fixed",
        description="which of them: the first (fixed), others in each epoch (random), or by score, from the lowest in "
        "the first epoch to the highest in the last (easy_to_hard)",
    )

    @field_validator("schedule")
    @classmethod
    def _has_a_choice(cls, schedule: str, info: ValidationInfo) -> str:
        if schedule != "fixed" and info.data.get("per_row") is None:
            raise ValueError(f"{schedule} chooses some of each row's negatives; say how many in negatives.per_row")
        return schedule


class GuideSection(ModelSection):
    """The model whose similarities decide which candidates are false negatives."""

    heading = "Objective"
    flagged = frozenset({"name"})
    apart = "guide"

    name: Name = option(
        "self",
        "what decides which candidates are false negatives: the encoder itself (self), nothing "
        "(none), another model, or a file of vectors or scores",
        "self|none|MODEL|FILE",
        flag="guide",
    )
    warmup_share: Share | Auto = Field(
        "auto",
        description="share of the run before a `self` guide first guides; auto: 0 for a pretrained encoder, which "
        "knows similar texts from the start, and 0.1 for one that has to learn that first",
    )
    refresh: Literal["once", "every_epoch"] | Auto = Field(
        "auto",
        description="how often a `self` guide looks again; every_epoch takes a third of the time of training; "
        "auto: once for a pretrained encoder",
    )


class AveragedTeacherSection(RecipeSection):
    """The slow moving average of the encoder that some losses learn from."""

    momentum: Share = Field(
        0.99, description="share of its old weights kept at the first step; rises to 1 along a cosine"
    )


class RerankerSection(RecipeSection):
    """A cross-encoder, where that is what is trained."""

    negatives: int = Field(4, ge=1, description="negatives per pair that a cross-encoder learns from")
    depth: int = Field(50, ge=1, description="documents of the encoder's ranking that a cross-encoder reorders")
    nearness: float = Field(
        0.95,
        gt=0,
        le=1,
        description="where the rows bring no negatives: half of them are the nearest training documents whose score is "
        "at most this share of the positive's, and half are drawn at random",
    )
