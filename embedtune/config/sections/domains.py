"""Domains that are learned one after the other: what tells them apart, and what is kept of each for those after it."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from embedtune.config.options import option
from embedtune.config.section import Name, RecipeSection, Share

DATA = "data"
"""`--domains data`: each --data is a domain."""


def _as_text(value: Any) -> Any:
    """A number as a column of numbers is read: as text."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class DomainsSection(RecipeSection):
    """Domains one after the other."""

    heading = "Training"

    by: Name | None = option(
        None,
        "learn the values of this column one after the other, such as the products of a help desk, and measure what "
        "is forgotten; data: each --data in turn",
        "COLUMN|data",
        flag="domains",
        shown="all rows together",
    )
    order: list[Annotated[Name, BeforeValidator(_as_text)]] = Field(
        default_factory=list, description="of the domains; empty: as they first appear"
    )
    replay: int = option(
        0, "rows of each domain that are kept, and learned again with every domain after it", "N", ge=0
    )
    choice: Literal["reservoir", "balanced"] = Field(
        "reservoir",
        description="which rows are kept; reservoir: at random; balanced: as many of each class, or of each answer "
        "where the rows have no classes",
    )
    share: Share = Field(0.5, description="of a batch that comes from the rows that were kept")
    distill: float = Field(
        0.0,
        ge=0,
        description="weight of the loss align toward the model of the domain before, so that texts and signals keep "
        "the vectors that it gives them; 0: none",
    )
    text: Literal["always", "first"] = Field(
        "always",
        description="in which domains the text side of a model with a signal tower learns; first: in the first one "
        "alone, so that later signals are fitted to descriptions that stay where they are",
    )
    joint: bool = option(False, "also train on all domains at once, to see what could be reached")

    @property
    def column(self) -> str | None:
        """The column that names the domains; None where there are none, or each --data is one."""
        return None if self.by == DATA else self.by

    @model_validator(mode="after")
    def _needs_domains(self) -> Self:
        if self.by is None and (self.order or self.replay or self.distill or self.joint):
            raise ValueError("nothing says what the domains are; add --domains COLUMN, or --domains data")
        if len(set(self.order)) < len(self.order):
            raise ValueError("a domain is in the order more than once")
        if self.replay and not 0 < self.share < 1:
            raise ValueError("a batch needs rows of the domain and of those that were kept: 0 < share < 1")
        return self
