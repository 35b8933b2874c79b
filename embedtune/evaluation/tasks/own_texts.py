"""Documents that are the query itself, which no ranking should earn or lose anything by.

In some sets the queries are documents of the corpus (ArguAna; paraphrases; labelled texts). The query's own document is
its own best hit and pushes every right answer down by one. It is left out of that query's ranking unless it is judged
relevant: a document with the query's text, whatever its case, width, spaces or outer punctuation; and a document with
the query's id that holds the query's text, such as behind a title, or is held by it.
"""

from collections.abc import Mapping, Sequence

from embedtune.data.texts.copies.frame import same_but_for_frame
from embedtune.data.texts.copies.index import LEAST
from embedtune.data.texts.copies.windows import windows_of
from embedtune.data.texts.normal_form import near_form

_LOOKED_AT = 64  # characters of a document that decide whether its form is worth making
_BEGINNING = 4


def own_texts(
    query_ids: Sequence[str], queries: Sequence[str], document_ids: Mapping[str, int], documents: Sequence[str]
) -> list[int]:
    """All pairs of a query and its own text, each as query number * C + document number.

    Args:
        query_ids: (Q,).
        queries: (Q,) texts.
        document_ids: id -> number of each of the C documents.
        documents: (C,) texts.
    """
    rows: dict[str, list[int]] = {}
    for row, text in enumerate(queries):
        rows.setdefault(near_form(text), []).append(row)
    # Most documents do not even begin like a query, which is cheaper to see than their normal form.
    begun = {form[:_BEGINNING] for form in rows}
    near = (place for place, text in enumerate(documents) if _beginning(text) in begun)
    found = {row * len(documents) + place for place in near for row in rows.get(near_form(documents[place]), ())}
    for row, query_id in enumerate(query_ids):
        place = document_ids.get(query_id)
        if place is not None and is_own(queries[row], documents[place]):
            found.add(row * len(documents) + place)
    return sorted(found)


def is_own(query: str, document: str) -> bool:
    """Whether a document is little else than the query, or the query little else than the document.

    Ids may be the same by accident, so a few words in common are not enough.

    >>> is_own("We should ban boxing since it is dangerous.", "Sport: We should ban boxing, since it is dangerous")
    True
    >>> is_own("insulin", "Insulin is a hormone that the pancreas makes.")
    False
    """
    sizes = windows_of([query, document]).sizes.tolist()
    short, long = (query, document) if sizes[0] <= sizes[1] else (document, query)
    return min(sizes) >= LEAST and 2 * min(sizes) >= max(sizes) and same_but_for_frame(short, long)


def _beginning(text: str) -> str:
    return near_form(text.lstrip()[:_LOOKED_AT])[:_BEGINNING]
