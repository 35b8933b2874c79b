"""One language of a retrieval set whose documents and queries say theirs: `samples:en`, `samples:ko`.

corpus.jsonl and queries.jsonl with a field `lang`; a judgment belongs to a language if both its texts do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from embedtune.data.sources.layouts.beir_files import BeirFiles
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.tables import RecordTable

LANGUAGE = "lang"
"""The field that says a text's language."""
BETWEEN = "-crosslingual"
"""The end of the names of splits whose judgments lead to documents of another language."""


class OneLanguage(BeirFiles):
    """The documents and queries of one language, and the judgments between them.

    Args:
        folder: holds a set of several languages.
        language: as its texts name it.
    """

    def __init__(self, folder: Path, language: str) -> None:
        super().__init__(folder)
        self.language = language

    @property
    def name(self) -> str:
        """The folder's name and the language."""
        return f"{super().name}:{self.language}"

    @property
    def what(self) -> str:
        """What it is, in words."""
        return f"a BEIR folder ({super().name}, only {LANGUAGE} {self.language})"

    @cached_property
    def judged(self) -> dict[str, list[Path]]:
        """Split -> the files of its judgments, without those between languages."""
        return {split: files for split, files in super().judged.items() if not split.endswith(BETWEEN)}

    def documents(self, problems: Problems | None = None) -> Iterator[tuple[str, RecordTable]]:
        """The tables of its documents in this language."""
        return ((split, self._only(table)) for split, table in super().documents(problems))

    def questions(self, problems: Problems | None = None) -> Iterator[RecordTable]:
        """The tables of its queries in this language."""
        return (self._only(table) for table in super().questions(problems))

    def judgments(self, split: str, problems: Problems) -> Iterator[RecordTable]:
        """The judgments between texts of this language."""
        for table in super().judgments(split, problems):
            yield replace(table, records=(one for one in table.records if self._within(one[1])))

    def _only(self, table: RecordTable) -> RecordTable:
        return replace(table, records=(one for one in table.records if one[1].get(LANGUAGE) == self.language))

    def _within(self, record: Mapping[str, object]) -> bool:
        return {record.get("query-id"), record.get("corpus-id")} <= self._ids

    @cached_property
    def _ids(self) -> frozenset[object]:
        tables = [*self.questions(), *(table for _, table in self.documents())]
        return frozenset(record.get("_id") for table in tables for _, record in table.records)
