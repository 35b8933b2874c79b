"""What all sections of a recipe share: their base, and the types that their keys have in common.

Sections are frozen and refuse unknown keys, so a misspelt option is an error and never a silent default.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1)]
"""Not empty: an unset shell variable (`--data "$DATA"`) is a mistake, and never the folder one happens to be in."""
Products = Literal["auto", "fp32", "bf16"]
"""Precision of matrix products while encoding; auto: bf16 where the hardware supports it, else fp32."""
Prompts = dict[Literal["query", "document"], str]


class RecipeSection(BaseModel):
    """Base of all sections: frozen, and unknown keys are errors."""

    # Strict: `epochs: true` is a mistake, not 1.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    flagged: ClassVar[frozenset[str] | None] = None
    """The keys whose options the command line offers; None: all that declare one."""
    heading: ClassVar[str] = ""
    """Where `--help` shows the section's options."""
