"""Words repeated at random, so that two views of a text have different lengths.

Source: Wu et al. 2021, arXiv:2109.04380 (ESimCSE, word repetition with a rate of 0.32; of words and not of subwords).
"""

from collections.abc import Sequence

import numpy as np

STRENGTH = 0.32
"""The largest share of words to repeat."""


def change(words: Sequence[str], strength: float, draw: np.random.Generator) -> Sequence[str]:
    """The words with up to this share repeated in place (or up to two words, as in the paper).

    >>> sorted(set(change("a b c".split(), 0.5, np.random.default_rng(0)))) == ["a", "b", "c"]
    True
    """
    most = min(len(words), max(2, int(strength * len(words))))
    repeated = set(draw.choice(len(words), int(draw.integers(0, most + 1)), replace=False).tolist())
    return [word for place, word in enumerate(words) for word in [word] * (1 + (place in repeated))]
