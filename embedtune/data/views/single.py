"""Two texts share a row that need not belong together: each is read once, as it is, by losses that compare no pairs.

Source: texts alone, without pairs, are what a student needs to imitate a teacher: Vujanic and Rueckstiess 2025,
arXiv:2509.12539 (LEAF).
"""

from embedtune.data.rows import RawTexts, Rows


def pairs(texts: RawTexts) -> Rows:
    """The texts by twos, the first read as a query and the second as a document; a last one alone is read as both."""
    last = len(texts) - 1
    places = range(0, len(texts), 2)
    return Rows(
        anchors=[texts.texts[place] for place in places],
        positives=[texts.texts[min(place + 1, last)] for place in places],
        places=[texts.places[place] for place in places] if texts.places else (),
    )
