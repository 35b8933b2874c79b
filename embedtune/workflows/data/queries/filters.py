"""Leaves out queries that would teach nothing, or something wrong: copies, queries of several documents, lost ones."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np

from embedtune.data.texts.copies.alike import copies_among
from embedtune.data.texts.normal_form import near_ids
from embedtune.workflows.data.queries.kinds import MadeQuery
from embedtune.workflows.data.queries.searches import Search, by_words

COPIED_RUN = 0.8
"""A query is a copy if so large a share of its words stands in the text in one piece."""
FEWEST_COPIED = 4
"""Words of a query below which a piece in the text is chance: a name, a term."""
_WORD = re.compile(r"[^\W_]+")


def is_copied(query: str, text: str) -> bool:
    """Whether a query, or most of it in one piece, stands in the text that it is to find.

    >>> is_copied("Press the red button twice", "First press the red button twice, then wait.")
    True
    >>> is_copied("How do I restart it?", "First press the red button twice, then wait.")
    False
    """
    asked, there = _words(query), f" {' '.join(_words(text))} "
    run = max(FEWEST_COPIED, round(COPIED_RUN * len(asked)))
    starts = range(max(0, len(asked) - run + 1))
    return any(f" {' '.join(asked[start : start + run])} " in there for start in starts)


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower())


def without_copies(made: Sequence[MadeQuery]) -> list[MadeQuery]:
    """Queries whose words do not stand in their text. Key words are words of the text, in another order."""
    return [
        one
        for one in made
        if not is_copied(one.query, one.positive) and not copies_among([one.query], [one.positive])[0]
    ]


def without_shared(made: Sequence[MadeQuery]) -> list[MadeQuery]:
    """Queries of one document only, each once: what two documents are called tells them apart as little as it can."""
    forms = near_ids([one.query for one in made]).tolist()
    owners = Counter(form for form, _ in {(form, one.document) for form, one in zip(forms, made, strict=True)})
    seen: set[int] = set()
    kept = []
    for form, one in zip(forms, made, strict=True):
        if owners[form] == 1 and form not in seen:
            kept.append(one)
        seen.add(form)
    return kept


def that_come_back(
    made: Sequence[MadeQuery], texts: Sequence[str], top: int, search: Search = by_words
) -> list[MadeQuery]:
    """Queries for which a search finds their document among the best `top` (the round trip).

    What a query was taken from is not in the text that is searched, so a query that only repeats words of its document
    is not found by them alone.

    Args:
        made: queries.
        texts: all documents, by number; of those with queries, the text that they are to find is searched.
        top: of how many documents theirs must be one.
        search: who searches.
    """
    if not made:
        return []
    to_find = {one.document: one.positive for one in made}
    there = [to_find.get(number, text) for number, text in enumerate(texts)]
    positions = search([one.query for one in made], there, min(top, len(there)))  # (Q, top)
    found = (positions == np.array([one.document for one in made])[:, None]).any(axis=1)  # (Q,)
    return [one for one, back in zip(made, found.tolist(), strict=True) if back]
