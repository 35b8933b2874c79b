"""The same text twice; the encoder's dropout makes the two vectors differ.

Source: Gao et al. 2021, arXiv:2104.08821 (SimCSE, unsupervised).
"""

from embedtune.data.rows import RawTexts, Rows


def pairs(texts: RawTexts) -> Rows:
    """Each text with itself."""
    return Rows(anchors=texts.texts, positives=texts.texts, places=texts.places)
