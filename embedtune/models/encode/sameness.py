"""Notices an encoder that cannot tell texts apart: one vector for all of them, or vectors that hardly differ.

Damaged weights do it, a collapsed run, a vocabulary that knows none of the words, and a prompt or maximum length that
leaves nothing of the texts. Whatever is then searched, mined or scored is a ranking by chance.
"""

import logging
from collections.abc import Callable, Iterable

import numpy as np

from embedtune.errors import ModelError

SOME, ENOUGH = 3, 8
"""So many texts must differ by more than case and punctuation, which some encoders do not read, for a warning and for a
refusal: a few short texts may well be the same to a sound encoder, such as names that its vocabulary does not know."""
SAME, NEAR = 1e-3, 1e-2
"""Distances from the first vector, all of length 1, below which all are the same, or nearly. 1e-2 is a cosine of
0.99995, closer than the vectors of untrained models with random weights."""
AT_ONCE = 1024
CAUSES = (
    "its weights are damaged or collapsed, its vocabulary knows none of the words, or its prompt or maximum length "
    "leaves nothing of the texts"
)

log = logging.getLogger(__name__)


class DifferentTexts:
    """Remembers a few texts that really differ, from a stream of any length."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._known: dict[str, str] = {}
        self.add(texts)

    def add(self, texts: Iterable[str]) -> None:
        """Look at further texts, as long as fewer than `ENOUGH` are known; no more are needed."""
        for text in texts:
            if self.are_enough:
                return
            letters = "".join(filter(str.isalnum, text.casefold()))
            if letters:
                self._known.setdefault(letters, text)

    @property
    def are_some(self) -> bool:
        """Whether the texts differ enough to expect different vectors."""
        return len(self._known) >= SOME

    @property
    def are_enough(self) -> bool:
        """Whether there are enough of them to refuse an encoder that gives them the same vector."""
        return len(self._known) >= ENOUGH

    def known(self) -> list[str]:
        """The texts that it remembers."""
        return list(self._known.values())

    def quoted(self) -> str:
        """Two of the texts, for a message."""
        return " and ".join(repr(text[:40]) for text in self.known()[:2])


def demand_differences(
    vectors: np.ndarray, texts: DifferentTexts, name: str, is_cut: Callable[[list[str]], bool] = lambda _: False
) -> None:
    """Refuse vectors (n, D) that are all the same although the texts differ; warn of those that nearly are.

    Costs nothing for a sound encoder: it looks no further than the first vector that is different. Where all texts are
    cut to the same beginning, that is a warning, because the encoder itself is sound.

    Args:
        vectors: (n, D).
        texts: what they are of.
        name: of the encoder.
        is_cut: whether the maximum length cuts off the end of all these texts; asked only if it matters.

    Raises:
        ModelError: says what to look at.
    """
    if not texts.are_some or len(vectors) < SOME:
        return
    widest = _widest(vectors)
    if widest < SAME:
        what = "the zero vector" if not vectors[0].any() else "the same vector"
        said = f"{name} gives {what} for all {len(vectors):,} texts, such as {texts.quoted()}"
        if texts.are_enough and not is_cut(texts.known()):
            raise ModelError(said, next=f"{CAUSES}: try another model, or this one without --prompts and --max-length")
        log.warning("%s: %s", said, CAUSES)
    elif widest < NEAR:
        log.warning(
            "%s gives nearly the same vector for all %s texts (cosines above %.5f), so their order is mostly chance",
            name,
            f"{len(vectors):,}",
            1 - widest**2 / 2,
        )


def _widest(vectors: np.ndarray) -> float:
    """The largest distance from the first vector, each scaled to length 1; the first that is wide ends the search."""
    first, widest = _unit(vectors[:1]), 0.0  # (1, D)
    start, size = 0, 16
    while start < len(vectors) and widest < NEAR:
        part = _unit(np.asarray(vectors[start : start + size], dtype=np.float32))  # (b, D)
        widest = max(widest, float(np.linalg.norm(part - first, axis=1).max()))
        start, size = start + size, AT_ONCE
    return widest


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Rows (b, D) of length 1; zero rows stay zero."""
    vectors = np.asarray(vectors, dtype=np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
