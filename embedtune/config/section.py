"""What all sections of a recipe share: their base, and the types that their keys have in common.

Sections are frozen and refuse unknown keys, so a misspelt option is an error and never a silent default.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from embedtune.network import is_address


def refuse_address(name: str) -> str:
    """A name that is no address: only files are copied to one.

    Raises:
        ValueError: it is an address.
    """
    if is_address(name):
        raise ValueError(
            f"{name} is an address, and a folder is written on this machine; name a folder here, or one that is "
            "mounted, and copy it when the command is done"
        )
    return name


Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1)]
"""Not empty: an unset shell variable (`--data "$DATA"`) is a mistake, and never the folder one happens to be in."""
NewFolder = Annotated[str, Field(min_length=1), AfterValidator(refuse_address)]
"""A folder that a command writes, and reads again while it works."""
AUTO = "auto"
Auto = Literal["auto"]
"""As an alternative to a type: the run chooses, and says what and why."""
Products = Literal["auto", "fp32", "bf16"]
"""Precision of matrix products while encoding; auto: bf16 where the hardware supports it, else fp32."""
EncodingProducts = Literal["auto", "fp32", "bf16", "int8"]
"""The same where vectors are made in great numbers; int8 through onnxruntime, and by auto where parity was measured."""
Prompts = dict[Literal["query", "document"], str]


class RecipeSection(BaseModel):
    """Base of all sections: frozen, and unknown keys are errors."""

    # Strict: `epochs: true` is a mistake, not 1.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    flagged: ClassVar[frozenset[str] | None] = None
    """The keys whose options the command line offers; None: all that declare one."""
    of_no_use: ClassVar[frozenset[str]] = frozenset()
    """Keys of a verb whose options `--help` leaves out: the verb refuses what they ask for, and says who does it."""
    heading: ClassVar[str] = ""
    """Where `--help` shows the section's options."""

    def settled(self, values: Mapping[str, Any]) -> Self:
        """The section with these values for the keys that it leaves to us, by `auto`; others are ignored."""
        left = [name for name in type(self).model_fields if getattr(self, name) == AUTO]
        return self.model_copy(update={name: values[name] for name in left if name in values})

    @classmethod
    def written_out(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values without the short forms that the section also takes, as its schema describes them.

        Raises:
            ValueError: a short form cannot be read.
        """
        return {**values}

    @classmethod
    def as_written(cls, path: Sequence[str | int], values: Mapping[str, Any]) -> list[str | int]:
        """Where a key of `written_out` stands in the values as they were written."""
        return [*path]

    @field_validator("*")
    @classmethod
    def _has_no_nul(cls, value: Any) -> Any:
        """No name, path or text holds the character NUL, which ends a name for the system."""
        if any("\0" in text for text in _texts(value)):
            raise ValueError("holds the character NUL, which no name, path or text can hold")
        return value


def _texts(value: Any) -> Iterable[str]:
    """A text, and those in lists and mappings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        yield from _texts([*value.keys(), *value.values()])
