"""Which relevant documents of a judged set were positives in training: the same texts, by normal form, or near copies.

Near copies are texts behind a title or a prompt, before a suffix, cut, or changed in a few places that state no other
fact. They are sought in distinct positives only, the first `MOST_TEXTS` of them; the other two cost one lookup per
text and are sought in all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from embedtune.data.checks import shown
from embedtune.data.rows import RetrievalSet, Rows, relevant_pairs
from embedtune.data.sources.problems import SHOWN
from embedtune.data.texts.copies.index import CopyIndex
from embedtune.data.texts.normal_form import near_ids
from embedtune.data.texts.prompts import bare_forms
from embedtune.data.texts.seen_ids import SeenIds
from embedtune.findings import Finding, percent
from embedtune.identity import text_ids

MOST_TEXTS = 300_000
"""Training positives searched for near copies of documents, at about 3,000 long or 15,000 short ones per second."""
_BLOCK = 2048
_HOW = (
    "word for word",
    "except for case, width, spaces or punctuation",
    "nearly (behind a title or a prompt, cut, or changed in a few places)",
)


class SeenDocuments:
    """Looks for the relevant documents of a judged set in training rows, block by block.

    Args:
        judged: the test queries.
        dev: further queries whose relevant documents count as seen, since they chose the model; or None.
    """

    def __init__(self, judged: RetrievalSet, dev: RetrievalSet | None) -> None:
        self._queries = judged.qrels.keys()
        self._relevant = relevant_pairs(judged.qrels)
        self._texts = _relevant_texts(self._relevant, judged.corpus)
        self._documents = list(self._texts)
        texts = list(self._texts.values())
        self._ids = text_ids(texts)  # (D,)
        bare = bare_forms(texts)
        self._forms = np.stack([near_ids(texts), *map(near_ids, bare)], axis=1)  # (D, 2 or 3)
        self._indexes = [CopyIndex(form) for form in bare] if texts else []
        self._seen: dict[int, int] = {}  # number of a document -> position in `_HOW`, the first that holds
        self._examples: dict[int, str] = {}
        self._known = SeenIds()  # positives that were looked at
        self._passed_over = 0
        if dev is not None:
            chosen = list(_relevant_texts(relevant_pairs(dev.qrels), dev.corpus).values())
            self._look(text_ids(chosen), chosen, ["dev"] * len(chosen))

    def feed(self, rows: Rows) -> None:
        """Look at the positives of further training rows."""
        places = rows.places or [f"row {number}" for number in range(1, len(rows) + 1)]
        self._look(rows.positive_ids, rows.positives, places)

    def _look(self, ids: np.ndarray, texts: Sequence[str], places: Sequence[str]) -> None:
        numbers = np.arange(len(self._known), len(self._known) + len(ids))  # (n,)
        fresh = np.flatnonzero(self._known.add(ids, numbers) == numbers) if len(ids) else ids
        self._note(np.flatnonzero(np.isin(self._ids, ids[fresh])), 0)
        for start in range(0, len(fresh) if self._indexes else 0, _BLOCK):
            rows = fresh[start : start + _BLOCK].tolist()
            self._look_closely([texts[row] for row in rows], [places[row] for row in rows])

    def _look_closely(self, texts: Sequence[str], places: Sequence[str]) -> None:
        """Look for documents of the same form as these texts, and for near copies."""
        bare = bare_forms(texts)
        forms = near_ids(texts)
        self._note_forms(forms, self._forms[:, :1], 1, texts, places)
        for form in bare:
            self._note_forms(forms if form == list(texts) else near_ids(form), self._forms, 2, texts, places)
        if len(self._known) - self._passed_over > MOST_TEXTS:
            self._passed_over += len(texts)
            return
        for index, form in product(self._indexes, bare):
            for copy in index.find(form):
                self._note([copy.other], 2, f"{places[copy.text]}: {shown(texts[copy.text])}")

    def _note_forms(
        self, forms: np.ndarray, of_documents: np.ndarray, how: int, texts: Sequence[str], places: Sequence[str]
    ) -> None:
        """Note the documents with one of the forms (n,) of these texts, of their own forms (D, 1 to 3)."""
        for document in np.flatnonzero(np.isin(of_documents, forms).any(axis=1)).tolist():
            row = int(np.flatnonzero(np.isin(forms, of_documents[document]))[0])
            self._note([document], how, f"{places[row]}: {shown(texts[row])}")

    def _note(self, documents: Iterable[int], how: int, example: str = "") -> None:
        for document in map(int, documents):
            if how < self._seen.get(document, len(_HOW)):
                self._seen[document] = how
                self._examples[document] = f"{example} ~ {shown(self._texts[self._documents[document]])}"

    @property
    def documents(self) -> set[str]:
        """Ids of the documents that were seen."""
        return {self._documents[number] for number in self._seen}

    @property
    def unseen(self) -> set[str]:
        """Ids of the queries of which no relevant document was seen."""
        seen = self.documents
        return self._queries - {query for query, document in self._relevant if document in seen}

    def findings(self, queries: int) -> list[Finding]:
        """What was seen, of a set of so many queries."""
        return [*self._overlap(queries), *self._part()]

    def _overlap(self, queries: int) -> Iterator[Finding]:
        documents = self.documents
        judgments, seen = len(self._relevant), sum(document in documents for _, document in self._relevant)
        if not seen:
            return
        share = seen / judgments
        point = "points to a document that was a positive" if seen == 1 else "point to documents that were positives"
        message = (
            f"{seen:,} of {judgments:,} test judgments ({percent(share)}) {point} in training or dev, so a gain "
            f"may be memorization; {len(self.unseen):,} of {queries:,} queries ask for unseen ones only.{self._how()}"
        )
        fix = "Trust the score on unseen documents, or split by document."
        examples = tuple(self._examples[number] for number, how in sorted(self._seen.items()) if how)
        severity = "warning" if share >= 0.05 else "note"
        yield Finding("test-documents-seen-in-training", severity, seen, message, fix, examples[:SHOWN])

    def _how(self) -> str:
        """How the documents were recognised, in a sentence; nothing where all were found word for word."""
        if not any(self._seen.values()):
            return ""
        counts = np.bincount(list(self._seen.values()), minlength=len(_HOW)).tolist()
        parts = [f"{count:,} {how}" for count, how in zip(counts, _HOW, strict=True) if count]
        return f" Training has {len(self._seen):,} of these documents: {', '.join(parts)}."

    def _part(self) -> Iterator[Finding]:
        if self._passed_over:
            message = (
                f"near copies of test documents were looked for in {MOST_TEXTS:,} training positives; the last "
                f"{self._passed_over:,} were only checked for the same text."
            )
            yield Finding("document-copies-in-a-part", "note", self._passed_over, message)


def _relevant_texts(relevant: Iterable[tuple[str, str]], corpus: Mapping[str, str]) -> dict[str, str]:
    """Document -> its text, for the relevant documents that are in the corpus."""
    return {document: corpus[document] for _, document in relevant if document in corpus}
