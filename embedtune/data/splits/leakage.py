"""What test queries and their documents share with training: exact copies, near duplicates, and negations.

Why in this order. Training rows may exceed memory, and the test set is small; so the index is built over the test
queries, and the rows are read in blocks. Exact copies come first, since they cost one lookup per text by id
and need no index; a query found exactly is not reported again as a near duplicate. Near duplicates cost the most, so
they come last, only for distinct training texts short enough to be a copy, and only for the first `MOST_TEXTS` of them.
A background of corpus documents shows which words are common, because the queries alone are too few for that. Relevant
documents are counted separately: a document seen in training also inflates the score of a query that was not seen, so
the finding says how many queries ask only for unseen documents.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from embedtune.data.checks import shown
from embedtune.data.rows import RetrievalSet, Rows
from embedtune.data.sources.problems import SHOWN
from embedtune.data.splits.removal import removal
from embedtune.data.splits.seen_documents import SeenDocuments
from embedtune.data.texts.near_duplicates import NearDuplicate, NearIndex
from embedtune.findings import Finding
from embedtune.identity import text_id, text_ids

LEAKS = 0.01
"""Share of the test queries with copies in training from which that is a warning."""
MOST_TEXTS = 300_000
"""Training texts searched for near duplicates, at about 15,000 per second; exact copies are found in all."""
UNNAMED = removal("TRAINING", "TEST")
_BACKGROUND = 2000  # documents that show which words are common
_LONGER = 2  # a text more than twice as long as the longest query is not a near duplicate of any


class Leakage:
    """Looks for test queries and documents in training rows, block by block; memory grows with the test set only.

    Args:
        judged: the test queries.
        dev: queries whose relevant documents count as seen, too, since they chose the model; or None.
        fix: what to do about queries that are found, from `removal`.
    """

    def __init__(self, judged: RetrievalSet, dev: RetrievalSet | None = None, *, fix: str = UNNAMED) -> None:
        self._fix = fix
        self._texts = list(judged.queries.values())
        self._ids = text_ids(self._texts)  # (Q,)
        self._documents = SeenDocuments(judged, dev)
        self._index = NearIndex(self._texts, [list(islice(judged.corpus.values(), _BACKGROUND))])
        self._longest = _LONGER * max(map(len, self._texts), default=0)
        self._looked_at = self._passed_over = 0
        self._exact: set[int] = set()
        self._near: dict[
            int, tuple[NearDuplicate, str]
        ] = {}  # query -> its nearest duplicate, and where and what that is
        self._copies: set[int] = set()  # ids of training texts that are near duplicates

    def feed(self, rows: Rows) -> None:
        """Look at further training rows."""
        self._documents.feed(rows)
        self._exact.update(np.intersect1d(self._ids, [*rows.anchor_ids, *rows.positive_ids]).tolist())
        fresh = list(_distinct(rows, self._longest))
        self._passed_over += max(0, self._looked_at + len(fresh) - MOST_TEXTS)
        fresh = fresh[: max(0, MOST_TEXTS - self._looked_at)]
        self._looked_at += len(fresh)
        for copy in self._index.find([text for _, text in fresh]):
            self._copies.add(text_id(fresh[copy.text][1]))
            known = self._near.get(copy.other)
            # A copy is a worse leak than the negated statement.
            if known is None or (copy.similarity, not copy.negated) > (known[0].similarity, not known[0].negated):
                self._near[copy.other] = copy, "{}: {}".format(*map(shown, fresh[copy.text]))

    @property
    def unseen(self) -> set[str]:
        """Ids of the test queries of which no relevant document was a training positive, or a near copy of one."""
        return self._documents.unseen

    @property
    def leaked(self) -> set[int]:
        """Ids of the training texts that are test queries: copies, near duplicates or negations."""
        return self._exact | self._copies

    def findings(self) -> list[Finding]:
        """Queries copied, nearly duplicated and negated, each query once; and documents."""
        exact = np.isin(self._ids, list(self._exact))  # (Q,)
        near = [(query, *found) for query, found in sorted(self._near.items()) if not exact[query]]
        copies = [self._pair(query, text) for query, copy, text in near if not copy.negated]
        negated = [self._pair(query, text) for query, copy, text in near if copy.negated]
        found = [
            self._finding(
                "test-queries-seen-in-training",
                ("is", "are"),
                "in training word for word.",
                [shown(text) for text, is_exact in zip(self._texts, exact, strict=True) if is_exact],
            ),
            self._finding("test-queries-near-copies", ("has", "have"), "a near duplicate in training.", copies),
            self._finding(
                "test-queries-negated",
                ("is", "are"),
                "in training with what may be the opposite meaning (one of the two has a not, or an antonym).",
                negated,
            ),
            *self._documents.findings(len(self._texts)),
            self._part(),
        ]
        return [finding for finding in found if finding]

    def _part(self) -> Finding | None:
        if not self._passed_over:
            return None
        message = (
            f"near duplicates of test queries were looked for in {self._looked_at:,} training texts; the last "
            f"{self._passed_over:,} were only checked for exact copies."
        )
        return Finding("near-copies-in-a-part", "note", self._passed_over, message)

    def _pair(self, query: int, text: str) -> str:
        return f"{text} ~ {shown(self._texts[query])}"

    def _finding(self, code: str, verbs: tuple[str, str], what: str, examples: Sequence[str]) -> Finding | None:
        if not examples:
            return None
        severity = "warning" if len(examples) >= LEAKS * len(self._texts) else "note"
        message = f"{len(examples):,} of {len(self._texts):,} test queries {verbs[len(examples) > 1]} {what}"
        fix = self._fix.replace("{them}", "it" if len(examples) == 1 else "them")
        return Finding(code, severity, len(examples), message, fix, tuple(examples[:SHOWN]))


def _distinct(rows: Rows, longest: int) -> Iterator[tuple[str, str]]:
    """Place and text of each distinct anchor and positive short enough to be a near duplicate."""
    places = rows.places or [f"row {number}" for number in range(1, len(rows) + 1)]
    known: set[int] = set()
    for texts, ids in ((rows.anchors, rows.anchor_ids), (rows.positives, rows.positive_ids)):
        for place, text, identity in zip(places, texts, ids.tolist(), strict=True):
            if len(text) <= longest and identity not in known:
                known.add(identity)
                yield place, text
