"""Which smaller vectors an encoder is trained for: fewer dimensions, and fewer bits for each."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from embedtune.config.options import option
from embedtune.config.section import RecipeSection
from embedtune.config.systems import StoredAs


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


class QuantizeAwareSection(RecipeSection):
    """Few bits: the objective on rounded vectors too, so that an index in 8 bits or 1 bit per dimension loses less."""

    heading = "Objective"

    kinds: list[StoredAs] = option(
        [],
        "also train vectors as they are stored in 8 bits or 1 bit per dimension, at every size",
        "int8,binary",
        flag="quantize_aware",
        shown="full precision only",
    )
    weights: list[Annotated[float, Field(gt=0)]] = Field(
        default_factory=list, description="one per kind, next to 1 for full precision; empty: 1 each"
    )

    @property
    def weighted(self) -> dict[StoredAs, float]:
        """Kind -> weight."""
        return dict(zip(self.kinds, self.weights or [1.0] * len(self.kinds), strict=True))

    @model_validator(mode="after")
    def _one_weight_each(self) -> Self:
        if len(set(self.kinds)) < len(self.kinds):
            raise ValueError("a kind is given more than once")
        if self.weights and len(self.weights) != len(self.kinds):
            raise ValueError(f"{len(self.weights)} weights for {len(self.kinds)} kinds; give one each or none")
        return self
