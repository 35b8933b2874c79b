"""What one block adds to the report and the ledger: histograms, suspicious pairs and examples."""

from collections import Counter
from collections.abc import Iterator, Set
from typing import Any

import numpy as np

from embedtune.mining.filters import REASONS, Verdict
from embedtune.mining.ledger import Entry, entry, suspects
from embedtune.mining.sample import Chosen
from embedtune.workflows.mine.job_documents import JobDocuments
from embedtune.workflows.mine.query_block import QueryBlock

LEDGER_LINES = 200
LEDGER_PER_QUERY = 3
"""Ledger lines per query: a query with an odd positive would otherwise fill the ledger alone."""
EXAMPLES = 10
SHOWN_DROPPED = 2
"""Dropped candidates per example."""
EDGES = np.linspace(-1, 1, 101).round(2)
"""Borders of the histogram bins, in cosine or differences of cosines; values beyond count in the last bin."""


def rounded(scores: np.ndarray) -> list[float]:
    """Scores as JSON takes them, with six decimals."""
    return [round(float(score), 6) for score in scores]


def histogram_of(block: QueryBlock, verdict: Verdict) -> dict[str, list[int]]:
    """Counts by similarity, and by how far candidates score above the least similar positive of their query."""
    kept, dropped = verdict.kept, verdict.reasons > REASONS.index("range")  # (Q, K), (Q, K)
    scores = block.candidates.scores  # (Q, K)
    lead = scores - block.candidates.positive_scores[:, None]  # (Q, K)
    groups = {
        "positives": block.positive_scores,
        "kept": scores[kept],
        "dropped": scores[dropped],
        "lead_kept": lead[kept],
        "lead_dropped": lead[dropped],
    }
    return {name: np.histogram(np.clip(scores, -1, 1), EDGES)[0].tolist() for name, scores in groups.items()}


def above_positive(block: QueryBlock, chosen: Chosen) -> int:
    """How many of the chosen negatives score above the least similar positive of their query."""
    taken = chosen.columns >= 0  # (Q, N)
    scores = np.take_along_axis(block.candidates.scores, np.maximum(chosen.columns, 0), axis=1)  # (Q, N)
    return int(((scores > block.candidates.positive_scores[:, None]) & taken).sum())


def suspicious(documents: JobDocuments, block: QueryBlock, verdict: Verdict) -> Iterator[Entry]:
    """The most suspicious pairs of the block, at most `LEDGER_LINES` of them."""
    found = suspects(block.candidates, verdict, verdict.reasons.size)
    listed: Counter[int] = Counter()
    for query, column in zip(found.queries.tolist(), found.columns.tolist(), strict=True):
        if listed[query] == LEDGER_PER_QUERY:
            continue
        if listed.total() == LEDGER_LINES:
            return
        listed[query] += 1
        places = [block.least_similar(query), int(block.candidates.documents[query, column])]
        positive, candidate = documents.corpus.texts(places)
        texts = (documents.pairs.queries[int(block.queries[query])], positive, candidate)
        yield entry(block.candidates, verdict, (query, column), texts)


def examples_of(
    documents: JobDocuments, block: QueryBlock, verdict: Verdict, chosen: Chosen, shown: Set[int]
) -> list[dict[str, Any]]:
    """The queries of the block whose numbers are among `shown` and that have negatives, each with what it got."""
    rows = [row for row, query in enumerate(block.queries.tolist()) if query in shown and chosen.counts[row]]
    return [_example(documents, block, verdict, chosen, row) for row in rows]


def _example(documents: JobDocuments, block: QueryBlock, verdict: Verdict, chosen: Chosen, row: int) -> dict[str, Any]:
    candidates = block.candidates
    # Candidates dropped by a score are worth a look; known positives and ranks outside the range are not.
    dropped = np.flatnonzero(verdict.reasons[row] > REASONS.index("range"))[:SHOWN_DROPPED]
    columns = np.concatenate([chosen.columns[row][chosen.columns[row] >= 0], dropped])
    texts = documents.corpus.texts([block.least_similar(row), *candidates.documents[row, columns].tolist()])
    listed = [
        {"text": text, "score": score, "reason": REASONS[reason]}
        for text, score, reason in zip(
            texts[1:],
            rounded(candidates.scores[row, columns]),
            verdict.reasons[row, columns].tolist(),
            strict=True,
        )
    ]
    taken = len(columns) - len(dropped)
    return {
        "query": documents.pairs.queries[int(block.queries[row])],
        "positive": texts[0],
        "positive_score": rounded(candidates.positive_scores[row : row + 1])[0],
        "negatives": listed[:taken],
        "dropped": listed[taken:],
    }
