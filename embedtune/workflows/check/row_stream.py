"""The rows of a check, as a stream that can be read repeatedly, and the search for test queries in them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from embedtune.config.sections.learned_data import DataSection
from embedtune.config.verbs.check import CheckedSection
from embedtune.data.checks import Content, RowBlock
from embedtune.data.checks.unreadable import Faults
from embedtune.data.formats import preferences
from embedtune.data.rows import LabelledTexts, RawTexts, RetrievalSet, Rows, ScoredPairs
from embedtune.data.sources.source import open_source
from embedtune.data.splits.groups import rows_left
from embedtune.data.splits.leakage import Leakage
from embedtune.data.splits.plan import plan_splits
from embedtune.data.splits.removal import removal
from embedtune.errors import DataError
from embedtune.findings import Finding
from embedtune.reports.document.short_names import short_name
from embedtune.workflows.shared.talk import Talk


class RowStream:
    """The rows to check, read again by each iteration.

    Args:
        data: names source and split.
        talk: gets the progress.

    Raises:
        DataError: the source or split does not exist.
    """

    def __init__(self, data: CheckedSection, talk: Talk) -> None:
        self.places: dict[str, list[str]] | None = None
        """Place of every fault -> what is wrong there; None unless the caller sets a dict before reading."""
        self.besides: Sequence[Mapping[str, Any]] = ()
        """What the record of each row of the current block has besides the row's fields."""
        self.preferences = False
        """Whether the rows are preferences, whose rejected texts may be preferred to others."""
        self.source = open_source(data.source)
        undivided = not self.source.splits and data.split == "train"
        self.split = "" if undivided else self.source.demand(data.split, "--split")
        self._data, self._talk = data, talk
        self._begin()

    def _begin(self) -> None:
        self.faults = Faults(self._data.source, self.places)
        self.findings: list[Finding] = []
        self.said: list[str] = []
        self.described = ""
        self._paired = True

    def __iter__(self) -> Iterator[Content]:
        self._begin()
        rows, unit = 0, "rows"
        parts = self.source.blocks(self.split, self._data.columns, self.faults, self._data.group)
        with self._talk.progress(f"checking {short_name(self._data.source)}") as tell:
            for part in parts:
                content = part.scored or part.content
                rows, unit = rows + len(content), part.unit if part.scored is None else "scored pairs"
                self.findings += part.findings
                self.said += part.said
                self.preferences = part.unit == preferences.UNIT
                tell(rows)
                self.besides = part.unused
                self._paired = not isinstance(content, RawTexts)
                yield content
        split = f", split {self.split}" if self.split else ""
        self.described = f"checked {rows:,} {unit} from {self.source.what}{split}"

    def left_to_learn(self, rows: int) -> int:
        """About how many of so many rows `train` would learn from: not from those held out for dev and test.

        Texts without pairs are all learned from.
        """
        data = self._data
        section = DataSection(
            source=data.source, split=data.split, eval_source=data.eval_source, eval_split=data.eval_split
        )
        try:
            return rows_left(rows, plan_splits(self.source, section).held_out) if self._paired else rows
        except DataError:  # such as test queries to learn from, which `train` refuses
            return rows


class Leaks:
    """Looks for test queries in the training rows; without test queries it does nothing."""

    def __init__(self, test: RetrievalSet | None, data: CheckedSection) -> None:
        named = removal(data.source, data.eval_source or data.source, columns=data.columns, encoding=data.encoding)
        self._leakage = None if test is None else Leakage(test, fix=named)

    def feed(self, block: RowBlock) -> None:
        """Check pairs, scored pairs and labelled texts; other rows are ignored."""
        content = block.content
        if self._leakage is None:
            return
        if isinstance(content, LabelledTexts):
            content = Rows(content.texts, content.texts, places=content.places)
        elif isinstance(content, ScoredPairs):
            content = Rows(content.first, content.second, places=content.places)
        if isinstance(content, Rows):
            self._leakage.feed(content)

    def findings(self) -> list[Finding]:
        """What the test set shares with training."""
        return [] if self._leakage is None else self._leakage.findings()

    @property
    def leaked(self) -> set[int]:
        """Ids of the training texts that are test queries, or nearly the same."""
        return set() if self._leakage is None else self._leakage.leaked
