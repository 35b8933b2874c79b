"""The texts of a source in order, whatever the source is: what `encode` encodes and `search` searches."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from embedtune.data.left_out import TEXTS
from embedtune.data.rows import LabelledTexts, RawTexts
from embedtune.data.signals.arrow import COLUMNS
from embedtune.data.sources.base import Source
from embedtune.data.sources.columns import match
from embedtune.data.sources.documents import ROLES, CorpusText, read_documents
from embedtune.data.sources.source import open_source
from embedtune.data.sources.tables import look_ahead
from embedtune.data.splits.judged_rows import documents_of
from embedtune.errors import DataError
from embedtune.findings import counted


@dataclass(frozen=True)
class TextStream:
    """A stream of texts that can be restarted.

    Args:
        source: as the user named it.
        column: the column of texts, where the user named it.
        queries: whether to read the queries of a BEIR folder rather than its corpus.
    """

    source: str
    column: str | None = None
    queries: bool = False

    def __iter__(self) -> Iterator[CorpusText]:
        with _advising_column():
            columns = {"text": self.column} if self.column else {}
            yield from read_documents(self.source, columns=columns, queries=self.queries)

    def batches(self, rows: int) -> Iterator[list[CorpusText]]:
        """Batches of `rows` texts; the last may be smaller."""
        stream = iter(self)
        while batch := list(islice(stream, rows)):
            yield batch

    def facts(self) -> tuple[int, int, str]:
        """The number of texts, how many of them are empty, and a hash of all in order."""
        digest = hashlib.blake2b(digest_size=16)
        count = empty = 0
        for document in self:
            count, empty = count + 1, empty + (not document.text)
            encoded = document.text.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "little") + encoded)
        return count, empty, digest.hexdigest()


@contextmanager
def _advising_column() -> Iterator[None]:
    """Give the advice of errors by --column: `encode` and `search` have no --columns."""
    try:
        yield
    except DataError as error:
        if error.next and "--columns " in error.next:
            _, named, column = error.next.partition("--columns text=")
            error.next = "name the column that holds the texts: --column " + (column if named else "COLUMN")
        raise


def corpus_of(source: str, column: str | None) -> tuple[dict[str, str], str]:
    """The distinct texts of a source that can be found, by id, and what the source is, in words.

    That is the corpus of a BEIR folder, a file of texts itself, or the positives and negatives of pairs.

    Raises:
        DataError: it cannot be read, or it has no text.
    """
    opened, left_out = open_source(source), ""
    if opened.has_corpus or column or _holds_texts(opened):
        corpus, left_out = _distinct(TextStream(source, column))
    else:
        with _advising_column():
            parts = [opened.part(split, {}, None) for split in opened.splits or ("",)]
        rows = [part.content for part in parts if not isinstance(part.content, LabelledTexts | RawTexts)]
        corpus = dict(documents_of(*rows).corpus)
        empty = sum(one.count for part in parts for one in part.findings if one.code == TEXTS)
        left_out = f" ({counted(empty, 'row')} with a missing text left out)" if empty else ""
    if not corpus:
        raise DataError("there is no text to search", where=source)
    return corpus, f"{opened.what}{left_out}"


def _distinct(texts: TextStream) -> tuple[dict[str, str], str]:
    """Each text once, by the id of the first document that has it, and what was left out, in words.

    An id that names two texts gets a number.
    """
    by_text: dict[str, str] = {}
    count = empty = 0
    for document in texts:
        count, empty = count + 1, empty + (not document.text)
        if document.text:
            by_text.setdefault(document.text, document.id)
    corpus: dict[str, str] = {}
    for text, name in by_text.items():
        key, number = name, 2
        while key in corpus:
            key, number = f"{name} ({number})", number + 1
        corpus[key] = text
    repeats = count - empty - len(by_text)
    left_out = [f"{number:,} {what}" for number, what in ((repeats, "repeated"), (empty, "empty")) if number]
    return corpus, f" ({' and '.join(left_out)} left out)" if left_out else ""


def _holds_texts(source: Source) -> bool:
    """Whether its columns are those of documents rather than of pairs."""
    table = source.texts_table("train", texts_only=True)
    present = [] if table is None else look_ahead(table)[1]
    pairs = match({"anchor": ("anchor", "query", "question", "sentence1", "premise")}, present, {})
    return bool(match({"text": (*ROLES["text"], *COLUMNS)}, present, {})) and not pairs
