"""A first recipe for the data at hand."""

from dataclasses import dataclass

from embedtune.reports.results.base import VerbResult


@dataclass(frozen=True)
class InitResult(VerbResult):
    """The outcome of `embedtune init`.

    Args:
        output: the recipe's file.
        recipe: its text.
        described: what the data are and what was chosen for them, in sentences.
        guessed: role -> column, where names alone did not say it; to be confirmed.
        commands: what to run next, in order.
    """

    output: str
    recipe: str
    described: tuple[str, ...]
    guessed: dict[str, str]
    commands: tuple[str, ...]
