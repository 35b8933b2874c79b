"""A title belongs with each passage of its text.

Source: titles and bodies as weak pairs: Wang et al. 2022, arXiv:2212.03533 (E5, section 3).
"""

from embedtune.data.rows import RawTexts, Rows
from embedtune.errors import DataError


def pairs(texts: RawTexts) -> Rows:
    """The title with each passage, where there is a title that differs from the passage.

    Raises:
        DataError: no text has a title.
    """
    titles = texts.titles or [""] * len(texts)
    some = [place for place, title in enumerate(titles) if title.strip() and title.strip() != texts.texts[place]]
    if not some:
        raise DataError(
            "no text has a title",
            where="--views title",
            next="name its column (--columns title=COLUMN), or use --views crop",
        )
    return Rows(
        anchors=[titles[place] for place in some],
        positives=[texts.texts[place] for place in some],
        places=[texts.places[place] for place in some] if texts.places else (),
    )
