"""What the shell may complete a value to: the words that an option's placeholder lists, names of losses, recipes.

Where nothing fits, the shell goes on with file names, as its users expect of a value such as --data.
"""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedtune.config.options import Flag

Complete = Callable[[str], list[str]]
"""Takes what was typed so far, as `incomplete`, by which name Typer knows it."""
_WORD = re.compile(r"[a-z][a-z0-9_.-]*")


def values_of(flag: "Flag") -> Complete | None:
    """What completes the value of an option of the schema, or None where any text may stand.

    >>> from embedtune.config.options import Flag
    >>> values_of(Flag(metavar="auto|fp32|FILE"))("")
    ['auto', 'fp32']
    """
    if flag.reads == "losses":
        return loss_value
    words = listed(flag.metavar or "")
    return _among(words) if words else None


def listed(metavar: str) -> list[str]:
    """The words of a placeholder that are meant as they stand: `self|none|MODEL` lists self and none."""
    return [word for word in metavar.split("|") if _WORD.fullmatch(word)]


def loss_value(incomplete: str) -> list[str]:
    """The names of losses that begin like this."""
    from embedtune.losses import loss_names

    return _begins(loss_names(), incomplete)


def recipe_value(incomplete: str) -> list[str]:
    """The built-in recipes that begin like this."""
    from embedtune.config.recipe.shipped import recipe_names

    return _begins(recipe_names(), incomplete)


def _among(words: list[str]) -> Complete:
    return lambda incomplete: _begins(words, incomplete)


def _begins(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete.lower())]
