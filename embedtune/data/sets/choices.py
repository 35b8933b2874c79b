"""Inputs with a class each, to be judged by a choice among descriptions of the classes: one signal against N texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from embedtune.data.rows import LabelledTexts


@dataclass(frozen=True)
class Choices:
    """Inputs, and the descriptions that one of them is chosen from.

    Args:
        queries: (n,) signals or texts.
        labels: (n,) the class of each, which is the right choice.
        wordings: class -> the texts that describe it; classes that no query has are wrong choices.
        groups: (n,) which queries count as one in tests, such as windows of one recording.
        column: where the groups are from.
    """

    queries: Sequence[str]
    labels: Sequence[str]
    wordings: Mapping[str, Sequence[str]]
    groups: Sequence[str]
    column: str

    @staticmethod
    def of(content: LabelledTexts, wordings: Mapping[str, Sequence[str]], column: str) -> "Choices":
        """The choices that labelled inputs are given, grouped by a column."""
        return Choices(content.texts, content.labels, wordings, list(content.groups or ()), column)

    def take(self, places: Sequence[int]) -> "Choices":
        """The queries at these places, with the same descriptions to choose from."""
        queries, labels = ([one[place] for place in places] for one in (self.queries, self.labels))
        groups = [self.groups[place] for place in places] if self.groups else []
        return replace(self, queries=queries, labels=labels, groups=groups)

    @property
    def texts(self) -> list[str]:
        """All inputs and descriptions."""
        return [*self.queries, *(text for own in self.wordings.values() for text in own)]
