"""A span of the words; two spans of one text overlap by chance or not at all.

Source: Izacard et al. 2021, arXiv:2112.09118 (Contriever, independent cropping: 5% to 50% of a passage).
"""

from collections.abc import Sequence

import numpy as np

STRENGTH = 0.5
"""The longest span, as a share of the words; the shortest is a tenth of it."""
FEWEST = 3
"""The fewest words of a span."""


def change(words: Sequence[str], strength: float, draw: np.random.Generator) -> Sequence[str]:
    """A span of between a tenth of `strength` and `strength` of the words, at least three words.

    >>> len(change("a b c d e f g h i j".split(), 0.5, np.random.default_rng(0))) in (3, 4, 5)
    True
    """
    longest = max(min(FEWEST, len(words)), round(strength * len(words)))
    shortest = max(min(FEWEST, len(words)), round(0.1 * strength * len(words)))
    size = int(draw.integers(shortest, longest + 1))
    start = int(draw.integers(0, len(words) - size + 1))
    return words[start : start + size]
