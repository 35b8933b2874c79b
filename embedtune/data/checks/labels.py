"""Classes that cannot be learned: with one member, with several spellings, or with texts of another class."""

from collections import Counter

import numpy as np

from embedtune.data.checks import Gathered, RowBlock, graded
from embedtune.data.rows import LabelledTexts, Rows
from embedtune.data.texts.normal_form import near_form
from embedtune.data.texts.seen_ids import SeenIds
from embedtune.findings import Finding, counted


class LabelCheck:
    """Counts the members of each class; memory grows with the number of classes, plus an id per distinct text."""

    def __init__(self) -> None:
        self._sizes: Counter[str] = Counter()
        self._first: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        self._class_of = SeenIds()
        self._torn = Gathered()

    def feed(self, block: RowBlock) -> None:
        """Look at labelled content; other content has no classes."""
        content = block.content
        if not isinstance(content, Rows | LabelledTexts) or content.labels is None:
            return
        for row, label in enumerate(content.labels, block.start):
            self._sizes[label] += 1 if isinstance(content, LabelledTexts) else 2  # a pair has two of its class
            if label not in self._first:
                self._first[label] = block.places[row]
                self._numbers[label] = len(self._numbers)
        if isinstance(content, LabelledTexts):
            self._compare(block, content)

    def _compare(self, block: RowBlock, content: LabelledTexts) -> None:
        """Texts that appeared in another class before."""
        numbers = np.array([self._numbers[label] for label in content.labels], dtype=np.int64)  # (n,)
        first = self._class_of.add(content.ids, numbers)  # (n,)
        for row in np.flatnonzero(first != numbers).tolist():
            self._torn.add(f"{block.places[block.start + row]} ({content.labels[row]})", content.texts[row])

    def findings(self) -> list[Finding]:
        """One per kind."""
        alone, alike = Gathered(), Gathered()
        forms: dict[str, str] = {}
        for label, size in self._sizes.items():
            if size == 1:
                alone.add(self._first[label], label)
            like = forms.setdefault(near_form(label), label)
            if like != label:
                alike.add(self._first[label], f"{label} ~ {like}")
        return [
            *alone.finding(
                "single-text-classes",
                "warning",
                f"{counted(alone.count, 'class')} with a single member, which is left out because it cannot be paired.",
                "Add texts to them, or merge classes.",
            ),
            *alike.finding(
                "labels-spelt-alike",
                "warning",
                f"{counted(alike.count, 'label')} spelled like another except for case, punctuation or spaces.",
                "Spell each label in one way.",
            ),
            *self._torn.finding(
                "label-conflict",
                graded(self._torn.count, sum(self._sizes.values())),
                f"{counted(self._torn.count, 'row')} with a text that has another class in an earlier row.",
                "Choose one class for each.",
            ),
        ]
