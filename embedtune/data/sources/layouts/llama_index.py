"""LlamaIndex's evaluation files: {queries: {id: text}, corpus: {id: text}, relevant_docs: {query id: [document ids]}}.

A file is one judged set; a folder may have one per split, each with a corpus of its own.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from embedtune.data.sources.problems import Problems
from embedtune.data.sources.streams import LONGEST_LINE, lines, open_bytes, plain_stem, plain_suffix, sha256
from embedtune.data.sources.tables import Record, RecordTable
from embedtune.findings import kind_of

_PARTS = ("queries", "corpus", "relevant_docs")
_BEGINS = re.compile(rb'(\xef\xbb\xbf)?\s*\{\s*"(queries|corpus|relevant_docs)"\s*:\s*\{')
_LOOKED_AT = 4096  # bytes
_BLANK = re.compile(r"[ \t\r\n]*")


def is_llama_index(path: Path) -> bool:
    """Whether a file begins as such a file does.

    Raises:
        DataError: it cannot be read.
    """
    if plain_suffix(path) not in {".json", ".jsonl"}:
        return False
    with open_bytes(path) as stream:
        return _BEGINS.match(stream.read(_LOOKED_AT)) is not None


class LlamaIndexFiles:
    """A judged set in one file, or one per split.

    Args:
        name: what it is called.
        where: the file or folder.
        files: split -> its file, "" for a set that is not divided.
    """

    pairs: Path | None = None
    """It has no pairs besides its judgments."""

    def __init__(self, name: str, where: str, files: Mapping[str, Path]) -> None:
        self.name, self.where, self.files = name, where, files

    @property
    def what(self) -> str:
        """What it is, in words."""
        return f"a LlamaIndex evaluation set ({', '.join(path.name for path in self.files.values())})"

    @property
    def splits(self) -> tuple[str, ...]:
        """Its splits; one empty name where it is not divided."""
        return tuple(self.files)

    def documents(self, problems: Problems | None = None) -> Iterator[tuple[str, RecordTable]]:
        """The documents of each file."""
        for split, path in self.files.items():
            yield split, _table(path, "corpus", lambda key, text: [{"_id": key, "text": text}], problems)

    def questions(self, problems: Problems | None = None) -> Iterator[RecordTable]:
        """The queries of each file."""
        for path in self.files.values():
            yield _table(path, "queries", lambda key, text: [{"_id": key, "text": text}], problems)

    def judgments(self, split: str, problems: Problems) -> Iterator[RecordTable]:
        """One judgment per document that is named as relevant."""
        yield _table(self.files[split], "relevant_docs", _judged, problems)

    def hashes(self, splits: Sequence[str]) -> dict[str, str]:
        """File name -> sha256."""
        return self.document_hashes()

    def document_hashes(self) -> dict[str, str]:
        """The same."""
        return {path.name: sha256(path) for path in self.files.values()}

    def members(self) -> list[Path]:
        """Its files."""
        return list(self.files.values())


def llama_index_file(path: Path) -> LlamaIndexFiles:
    """The set of one file."""
    return LlamaIndexFiles(plain_stem(path), str(path), {"": path})


def _judged(query: str, documents: Any) -> list[dict[str, Any]]:
    if not isinstance(documents, list):
        raise ValueError(f"'relevant_docs' must hold lists of ids, got {kind_of(documents)}")
    return [{"query-id": query, "corpus-id": document, "score": 1} for document in documents]


def _table(
    path: Path, part: str, records: Callable[[str, Any], list[dict[str, Any]]], problems: Problems | None
) -> RecordTable:
    problems = problems or Problems(str(path))

    def numbered() -> Iterator[Record]:
        for line, key, value in _entries_of(path, part, problems):
            try:
                for record in records(key, value):
                    yield line, record
            except ValueError as error:
                problems.add(f"{path}:{line}", str(error))

    return RecordTable(str(path), "LlamaIndex", numbered(), problems)


def _entries_of(path: Path, part: str, problems: Problems) -> Iterator[tuple[int, str, Any]]:
    """Line number, key and value of the entries of a part of the file, whose whole text is in memory."""
    text, size = [], 0
    for _, line in lines(path, problems):
        size += len(line)
        if size > LONGEST_LINE:
            raise problems.stop(str(path), f"the file is longer than {LONGEST_LINE:,} characters")
        text.append(line)
    yield from _walk("".join(text), part, path, problems)


def _walk(text: str, part: str, path: Path, problems: Problems) -> Iterator[tuple[int, str, Any]]:
    decoder, line, counted, found = json.JSONDecoder(), 1, 0, False
    try:
        for key, at in _members(text, _past(text, 0), decoder):
            if key != part:
                continue
            if found:
                raise ValueError(f"{part!r} appears twice")
            found = True
            for name, inner in _members(text, at, decoder):
                line, counted = line + text.count("\n", counted, inner), inner
                yield line, name, decoder.raw_decode(text, inner)[0]
    except IndexError as error:
        raise problems.stop(f"{path}:{line}", "invalid JSON: the file ends too early") from error
    except (ValueError, RecursionError) as error:
        raise problems.stop(f"{path}:{line}", f"invalid JSON in or after this line: {error}") from error
    if not found:
        raise problems.stop(str(path), f"a LlamaIndex evaluation set needs {', '.join(_PARTS)}; {part!r} is missing")


def _members(text: str, at: int, decoder: json.JSONDecoder) -> Iterator[tuple[str, int]]:
    """The keys of the object that begins here, and where the value of each begins."""
    if text[at] != "{":
        raise ValueError("an object was needed")
    at = _past(text, at + 1)
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        at = _past(text, at)
        if not isinstance(key, str) or text[at] != ":":
            raise ValueError("a name and ':' were needed")
        at = _past(text, at + 1)
        yield key, at
        at = _past(text, _end(text, at, decoder))
        if text[at] == ",":
            at = _past(text, at + 1)
        elif text[at] != "}":
            raise ValueError("',' or '}' was needed")


def _end(text: str, at: int, decoder: json.JSONDecoder) -> int:
    return decoder.raw_decode(text, at)[1]


def _past(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return at if blank is None else blank.end()
