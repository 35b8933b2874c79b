"""Candidate labels and their wordings: rows of {label, text}, several per label, or {label, texts: [...]}."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedtune.data.rows import LabelledTexts
from embedtune.data.sources.columns import label_of, text_of
from embedtune.data.sources.problems import SHOWN
from embedtune.data.sources.streams import sha256
from embedtune.data.sources.tables import RecordTable, open_table
from embedtune.errors import DataError
from embedtune.findings import Finding, counted, kind_of


@dataclass(frozen=True)
class Wordings:
    """Labels in file order, each with its wordings.

    Args:
        path: the file.
        of: label -> distinct wordings, at least one.
        hashes: file name -> sha256.
    """

    path: str
    of: Mapping[str, tuple[str, ...]]
    hashes: Mapping[str, str]

    @property
    def described(self) -> str:
        """What was read, in a sentence."""
        count = sum(map(len, self.of.values()))
        return f"{Path(self.path).name}: {counted(len(self.of), 'candidate label')} in {counted(count, 'wording')}"

    def demand(self, texts: LabelledTexts, name: str) -> None:
        """Refuse texts whose label has no wording.

        Raises:
            DataError: names the labels that have no wording.
        """
        missing = sorted(set(texts.labels) - self.of.keys())
        if missing:
            listed = ", ".join(map(repr, missing[:SHOWN])) + (" ..." if len(missing) > SHOWN else "")
            rows = sum(label not in self.of for label in texts.labels)
            raise DataError(
                f"no wording for {counted(len(missing), 'label')} of {counted(rows, 'text')} in {name}: {listed}",
                where=self.path,
                next="add a row for each: the label as in the data, and a text that describes it",
            )

    def findings(self, texts: LabelledTexts) -> list[Finding]:
        """Wordings of several labels, and labels that no text has."""
        labels: dict[str, list[str]] = {}
        for label, wordings in self.of.items():
            for wording in wordings:
                labels.setdefault(wording, []).append(label)
        shared = {wording: own for wording, own in labels.items() if len(own) > 1}
        idle = [label for label in self.of if label not in set(texts.labels)]
        found = []
        if shared:
            message = f"{counted(len(shared), 'wording')} used for several labels, between which no choice is possible."
            examples = tuple(f"{wording} ({', '.join(own)})" for wording, own in list(shared.items())[:SHOWN])
            found.append(
                Finding(
                    "shared-wordings", "warning", len(shared), message, "Give each label its own wording.", examples
                )
            )
        if idle:
            verb = "belongs" if len(idle) == 1 else "belong"
            message = f"{counted(len(idle), 'candidate label')} {verb} to no text, so choosing one is always wrong."
            found.append(Finding("idle-labels", "note", len(idle), message, "", tuple(idle[:SHOWN])))
        return found


def read_wordings(path: Path) -> Wordings:
    """Read a file of candidate labels.

    Raises:
        DataError: it cannot be read, rows have faults (all reported at once), or there are fewer than two labels.
    """
    table = open_table(path)
    found: dict[str, dict[str, None]] = {}
    for number, record in table.records:
        label = label_of(record, "label", table.place(number), table.problems)
        texts = _texts(record, table, number)
        if label is not None:
            found.setdefault(label, {}).update(dict.fromkeys(texts))
    table.problems.raise_if_any()
    if len(found) < 2:
        raise DataError(
            f"a choice needs at least two labels, got {len(found)}",
            where=str(path),
            next='use rows such as {"label": "card_arrival", "text": "my card has not arrived"}',
        )
    return Wordings(str(path), {label: tuple(own) for label, own in found.items()}, {path.name: sha256(path)})


def _texts(record: Mapping[str, Any], table: RecordTable, number: int) -> list[str]:
    """The wordings of a row; faults are noted in the table's problems."""
    place = table.place(number)
    column = "texts" if "texts" in record else "text"
    value = record.get(column)
    if value is None or (column == "texts" and not isinstance(value, list)):
        needed = "text in 'text', or a list of texts in 'texts'"
        table.problems.add(place, f"a label needs {needed}, got {kind_of(value)}")
        return []
    texts = [text_of(one, column, place, table.problems) for one in (value if column == "texts" else [value])]
    if not texts:
        table.problems.add(place, "'texts' is an empty list; every label needs a wording")
    return [text for text in texts if text is not None]
