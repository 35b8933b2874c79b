"""Words left out at random.

Source: Wu et al. 2020, arXiv:2012.15466 (CLEAR, word deletion); Izacard et al. 2021, arXiv:2112.09118, 10% of them.
"""

from collections.abc import Sequence

import numpy as np

STRENGTH = 0.1
"""The share of words to leave out."""


def change(words: Sequence[str], strength: float, draw: np.random.Generator) -> Sequence[str]:
    """Words, each deleted with this probability; at least one is kept.

    >>> change(["only"], 1.0, np.random.default_rng(0))
    ['only']
    """
    kept = draw.random(len(words)) >= strength
    if not kept.any() and len(words):
        kept[draw.integers(len(words))] = True
    return [word for word, stays in zip(words, kept, strict=True) if stays]
