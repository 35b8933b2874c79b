"""A BEIR folder as a source: its queries are judged against its own corpus, whatever split they are of."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.formats import Part
from embedtune.data.formats.shared.find import BLOCK, joined, read_part
from embedtune.data.rows import RawTexts, RetrievalSet, Rows, relevant_pairs
from embedtune.data.sources.base import MiningParts, Source, TrainingParts
from embedtune.data.sources.beir import RetrievalTables, read_beir
from embedtune.data.sources.layouts.splits import ALIASES
from embedtune.data.sources.problems import Problems
from embedtune.data.sources.streams import sha256
from embedtune.data.sources.tables import RecordTable, open_table
from embedtune.data.texts.normal_form import near_ids
from embedtune.errors import DataError
from embedtune.findings import Finding, counted
from embedtune.identity import text_ids


class BeirSource(Source):
    """A retrieval set; `pairs` is the file of training pairs next to its corpus, when that is its training split.

    Args:
        name: as the user named it.
        retrieval: its corpus, queries and judgments.

    Raises:
        DataError: it has neither judgments nor pairs.
    """

    has_corpus = True

    def __init__(self, name: str, retrieval: RetrievalTables) -> None:
        self.retrieval = retrieval
        judged, pairs = retrieval.splits, retrieval.pairs
        self.pairs = pairs if not any(name in judged for name in ALIASES["train"]) else None
        self.ignored = pairs if self.pairs is None else None
        if not judged and self.pairs is None:
            raise DataError("a BEIR folder needs judgments in qrels/<split>.tsv, or pairs.jsonl", where=retrieval.where)
        splits = ("train", *judged) if self.pairs else judged
        super().__init__(name, retrieval.what, tuple(split for split in splits if split))

    def hashes(self, splits: tuple[str, ...]) -> dict[str, str]:
        """File name within the folder -> sha256: corpus, queries, pairs, and the judgments of these splits."""
        found = self.retrieval.hashes(splits)
        return found if self.pairs is None else {**found, self.pairs.name: sha256(self.pairs)}

    def tables(self, split: str, problems: Problems | None = None) -> Iterator[RecordTable]:
        """The pairs next to the corpus; none for a split of judgments, which are not rows by themselves."""
        pairs = self._pairs_of(split)
        return iter(()) if pairs is None else iter([open_table(pairs, problems)])

    def part(self, split: str, columns: Mapping[str, str], group: str | None) -> Part:
        """The pairs next to the corpus, or one pair per relevant judgment."""
        if self._pairs_of(split):
            return super().part(split, columns, group)
        beir = read_beir(self.retrieval, [split], group)
        return Part(beir.rows(split), "pairs", findings=beir.findings)

    def blocks(
        self, split: str, columns: Mapping[str, str], problems: Problems, group: str | None = None, rows: int = BLOCK
    ) -> Iterator[Part]:
        """As `part`; the full corpus is in memory, since judgments name its texts by id."""
        if self._pairs_of(split):
            yield from super().blocks(split, columns, problems, group, rows)
            return
        beir = read_beir(self.retrieval, [split], group, problems=problems)
        content = beir.rows(split)
        for start in range(0, max(1, len(content)), rows):
            part = content.take(range(start, min(start + rows, len(content))))
            yield Part(part, "pairs", findings=beir.findings if start == 0 else ())

    def training(self, train: str, given: Mapping[str, str], section: DataSection) -> TrainingParts:
        """Pairs from the judgments or from the file next to them; or the corpus, without any pairs."""
        pairs = self._pairs_of(train)
        splits = [split for split in (train, *given.values()) if split in self.retrieval.splits]
        beir = read_beir(
            self.retrieval, splits, section.group if pairs is None else self.column_of(train, section.group)
        )
        described = []
        if self.ignored is not None:
            described.append(f"{self.ignored.name} is not read: the training pairs come from qrels/{train}")
        if section.columns and pairs is None:
            described.append(COLUMNS_UNUSED)
        judged_train = None
        if section.texts_only:
            part, where = self._corpus_texts(), self.name
            described.append(f"read {counted(len(beir.corpus), 'document')} from {self.what}, without its pairs")
        elif pairs is not None:
            part, where = self.part(train, section.columns, section.group), str(pairs)
            if not isinstance(part.content, Rows):
                raise DataError(f"pairs were needed; these are {part.unit}", where=where)
            folder = f"a BEIR folder ({pairs.parent.resolve().name})"
            described += [f"read {part.amount} from {pairs.name} in {folder}", *part.said]
        else:
            part, where = Part(beir.rows(train), "pairs"), self.name
            judged_train = beir.judged(train)
            described.append(f"read {part.amount} from {self.what}" + (f", split {train}" if train else ""))
        return TrainingParts(
            part,
            where,
            tuple(described),
            beir.findings,
            judged={role: beir.judged(split) for role, split in given.items()},
            corpus=beir.corpus,
            judged_train=judged_train,
            group=section.group,
        )

    def mining(self, split: str, columns: Mapping[str, str], group: str | None) -> MiningParts:
        """The pairs of a judged split, and which documents of the corpus are kept for judging other splits."""
        if self._pairs_of(split):
            # The corpus next to the pairs is that of the test queries, and not a place to learn from.
            return super().mining(split, columns, group)
        judged = self.retrieval.splits
        beir = read_beir(self.retrieval, judged, group)
        relevant = {name: {document for _, document in relevant_pairs(beir.qrels[name])} for name in judged}
        held_out = frozenset(_with_twins(frozenset().union(*relevant.values()) - relevant[split], beir.corpus))
        part = Part(beir.rows(split), "pairs", findings=beir.findings)
        return MiningParts(part, self.hashes(judged), self.name, held_out - relevant[split])

    def judged(
        self, split: str, option: str, *, every_query: bool = False, group: str | None = None
    ) -> tuple[RetrievalSet, tuple[Finding, ...]] | None:
        """The judged queries of a split against the corpus.

        Raises:
            DataError: the split is the pairs next to the corpus, whose positives are not in it.
        """
        if self._pairs_of(split):
            raise DataError(
                "the pairs next to a BEIR folder's corpus have no corpus of their own",
                where=self.name,
                next=f"{option} test",
            )
        beir = read_beir(self.retrieval, [split], group)
        return beir.judged(split, every_query=every_query), beir.findings

    def document_tables(self) -> Iterator[RecordTable]:
        """The corpus."""
        return (table for _, table in self.retrieval.documents())

    def document_hashes(self) -> dict[str, str]:
        """Those of the corpus."""
        return self.retrieval.document_hashes()

    def texts_table(self, split: str, *, texts_only: bool) -> RecordTable | None:
        """The corpus, where pairs are ignored."""
        return next(self.document_tables()) if texts_only else None

    def members(self) -> list[Path]:
        """The files of its corpus, queries, judgments and pairs."""
        return [*self.retrieval.members(), *([self.pairs] if self.pairs else [])]

    def query_tables(self) -> Iterator[RecordTable]:
        """Its queries."""
        return self.retrieval.questions()

    def text_names(self) -> dict[str, dict[str, int]]:
        """The ids of its queries and documents."""
        beir = read_beir(self.retrieval, [])
        return {
            role: dict(zip(texts, text_ids(texts.values()).tolist(), strict=True))
            for role, texts in (("query", beir.queries), ("document", beir.corpus))
        }

    def _pairs_of(self, split: str) -> Path | None:
        """The file of pairs that this split is, None where it has judgments."""
        return self.pairs if split == "train" else None

    def _corpus_texts(self) -> Part:
        """The corpus as texts, its titles apart."""
        part = joined([read_part(table, {}) for table in self.document_tables()])
        if not isinstance(part.content, RawTexts):
            raise DataError("a corpus of texts was needed", where=self.name)
        return Part(part.content, part.unit)


def _with_twins(documents: frozenset[str], corpus: Mapping[str, str]) -> Iterator[str]:
    """These documents, and those that have the text of one but for case, width, spaces or punctuation."""
    if documents:
        forms = near_ids(corpus.values())  # (C,)
        held = np.isin(forms, near_ids(corpus[one] for one in documents if one in corpus))  # (C,)
        yield from (one for one, alike in zip(corpus, held, strict=True) if alike)
    yield from documents


COLUMNS_UNUSED = "--columns is not used: a BEIR folder has its own column names"
