"""The one place that guesses what a misspelt name was meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A clause to put after a message about an unknown name; empty when no known name is similar.

    >>> did_you_mean("epohcs", ["epochs", "batch_size"])
    "; did you mean 'epochs'?"
    >>> did_you_mean("가나다", ["epochs"])
    ''
    """
    by_plain_form = {_plain(candidate): candidate for candidate in known}
    matches = get_close_matches(_plain(name), by_plain_form, n=1)
    return f"; did you mean {by_plain_form[matches[0]]!r}?" if matches else ""


def _plain(name: str) -> str:
    # People write options with hyphens and keys with underscores; neither is a misspelling.
    return name.lower().replace("-", "_")
