"""Passages that follow each other in a document belong together.

Source: Kiros et al. 2015, arXiv:1506.06726 (the sentences around a sentence tell its meaning); as pairs: Neelakantan et
al. 2022, arXiv:2201.10005.
"""

from embedtune.data.rows import RawTexts, Rows
from embedtune.errors import DataError


def pairs(texts: RawTexts) -> Rows:
    """Each passage with the next one of the same document.

    Raises:
        DataError: no document has two passages.
    """
    documents = texts.documents or range(len(texts))
    first = [place for place in range(len(texts) - 1) if documents[place] == documents[place + 1]]
    if not first:
        raise DataError(
            "no document has two passages, so there are no neighbours",
            where="--views neighbour",
            next="make passages smaller (data.passage_words=50, or data.pieces=sentence), or use --views crop",
        )
    return Rows(
        anchors=[texts.texts[place] for place in first],
        positives=[texts.texts[place + 1] for place in first],
        places=[texts.places[place] for place in first] if texts.places else (),
    )
