"""What a report says, before it becomes a page or Markdown: sections of a few kinds of blocks.

A report is put together once and written twice (`html.page`, `markdown.markdown`), so both say the same. An empty block
is left out, and so is a section whose blocks are all empty.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from embedtune.findings import Finding


class Block:
    """A part of a report."""

    @property
    def kind(self) -> str:
        """The name of the macro that writes it on a page."""
        return type(self).__name__.lower()


@dataclass(frozen=True)
class Text(Block):
    """A paragraph; small print where it is quiet."""

    text: str
    quiet: bool = False

    def __bool__(self) -> bool:
        return bool(self.text)


@dataclass(frozen=True)
class Table(Block):
    """Cells under a header; all columns except the first hold numbers, unless `numbers` is false."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: bool = True

    def __bool__(self) -> bool:
        return bool(self.rows)


@dataclass(frozen=True)
class Bullets(Block):
    """A list of sentences."""

    items: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.items)


@dataclass(frozen=True)
class Facts(Block):
    """A few values to see at a glance, each with its name."""

    rows: Sequence[tuple[str, str]]

    def __bool__(self) -> bool:
        return bool(self.rows)


@dataclass(frozen=True)
class Shares(Block):
    """Names with their counts and shares of the total; the header names the first two columns."""

    header: tuple[str, str]
    rows: Sequence[tuple[str, int, float]]

    def __bool__(self) -> bool:
        return bool(self.rows)


@dataclass(frozen=True)
class Matrix(Block):
    """What was taken for what: a row per label, and a column per label, headed by the number of its row."""

    heading: str
    labels: Sequence[str]
    counts: Sequence[Sequence[int]]

    def __bool__(self) -> bool:
        return bool(self.labels)

    @property
    def table(self) -> Table:
        """The same as a table."""
        numbers = [f"{number}" for number in range(1, len(self.labels) + 1)]
        rows = [
            (f"{number} {label}", *(f"{count:,}" for count in own))
            for number, label, own in zip(numbers, self.labels, self.counts, strict=True)
        ]
        return Table((self.heading, *numbers), rows)


@dataclass(frozen=True)
class Listing(Block):
    """Lines to copy."""

    language: str
    text: str

    def __bool__(self) -> bool:
        return bool(self.text.strip())


@dataclass(frozen=True)
class Findings(Block):
    """What the user should know, the most severe first."""

    findings: Sequence[Finding]

    def __bool__(self) -> bool:
        return bool(self.findings)


@dataclass(frozen=True)
class Figure(Block):
    """A drawing, and the table that replaces it in Markdown; None where another block does.

    With `both`, a page shows the table as well, for what cannot be read off the drawing.
    """

    drawing: Markup
    table: Table | None
    both: bool = False

    def __bool__(self) -> bool:
        return bool(self.drawing)


@dataclass(frozen=True)
class Figures(Block):
    """Small drawings side by side, and one table for all of them."""

    drawings: Sequence[Markup]
    table: Table

    def __bool__(self) -> bool:
        return any(self.drawings)


@dataclass(frozen=True)
class Passage:
    """A text found for a query.

    Args:
        label: what it is.
        standing: its score, or its old and new rank.
        better: whether it moved in the right direction; None where that does not apply.
        text: its text; its id where the text is not known.
    """

    label: str
    standing: str
    better: bool | None
    text: str


@dataclass(frozen=True)
class Example(Block):
    """A query, its scores, and texts found for it; words of the query are marked in them."""

    query: str
    scores: str
    passages: Sequence[Passage]


@dataclass(frozen=True)
class Section(Block):
    """A heading and the blocks below it; sections among them are of the next level.

    A page shows only the heading of one that is folded, until the reader opens it.
    """

    heading: str
    blocks: Sequence[Block] = ()
    folded: bool = False

    def __bool__(self) -> bool:
        return any(self.blocks)

    @property
    def known(self) -> list[Block]:
        """The blocks that are not empty."""
        return [block for block in self.blocks if block]


@dataclass(frozen=True)
class Report:
    """A report, its verdict first.

    Args:
        title: of the window or tab.
        heading: the verdict in a word, or what this is.
        lead: the verdict in a sentence.
        blocks: everything else.
        verdict: "better", "worse" or anything else; it colours the heading.
        subject: what the report is about, in a few words.
        plain: the verdict in a sentence without statistics.
        about: a few facts to see first, each with its name.
        contents: whether a page lists its sections at its beginning.
    """

    title: str
    heading: str
    lead: str
    blocks: Sequence[Block] = field(default=())
    verdict: str = ""
    subject: str = ""
    plain: str = ""
    about: Sequence[tuple[str, str]] = ()
    contents: bool = False

    @property
    def known(self) -> list[Block]:
        """The blocks that are not empty."""
        return [block for block in self.blocks if block]

    @property
    def sections(self) -> list[Section]:
        """The sections of the first level that are not empty."""
        return [block for block in self.known if isinstance(block, Section)]
