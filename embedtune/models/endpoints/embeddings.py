"""Vectors from an endpoint: every one is checked before it is used, and put where its text is."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from embedtune.errors import ModelError
from embedtune.models.endpoints.transport import PassingFault, RefusedRequest, Transport

PROBE = "one"
"""The only text that is sent without being asked for: it tells how long vectors are."""


class EmbeddingClient:
    """The `/embeddings` of an endpoint.

    Args:
        transport: sends the requests.

    Attributes:
        batch: texts per request; smaller once the endpoint has refused so many.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.address = transport.address
        self.batch = transport.address.batch
        self._length: int | None = transport.address.dimensions

    def dimensions(self) -> int:
        """The length of its vectors, from one short text.

        Raises:
            ModelError: the endpoint cannot be used.
        """
        return self.vectors([PROBE]).shape[1]

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of texts as the endpoint gives them, not scaled: float32 (n, D).

        Raises:
            ModelError: the endpoint cannot be used; says why.
        """
        parts: list[np.ndarray] = []
        start = 0
        while start < len(texts):
            some = texts[start : start + self.batch]
            try:
                parts.append(self._ask(some))
            except RefusedRequest as refused:
                self._take_less(len(some), refused, some[0])
                continue
            start += len(some)
        return np.concatenate(parts) if parts else np.zeros((0, self._length or 0), dtype=np.float32)

    def _ask(self, texts: Sequence[str]) -> np.ndarray:
        body: dict[str, Any] = {"model": self.address.model, "input": list(texts), "encoding_format": "float"}
        if self.address.dimensions is not None:
            body["dimensions"] = self.address.dimensions
        found = self._transport.ask("embeddings", body, lambda answer: in_order(answer, len(texts), self._length))
        self._length = found.shape[1]
        self._transport.bill.texts += len(texts)
        return found

    def _take_less(self, count: int, refused: RefusedRequest, text: str) -> None:
        if count == 1:
            raise ModelError(
                f"{self.address.url} refuses a text of {len(text):,} characters that begins with {text[:80]!r}; "
                f"it says {refused}",
                where="model",
                next="check the model's name and whether the text is too long or empty",
            )
        self.batch = max(1, count // 2)


def in_order(answer: dict[str, Any], count: int, length: int | None) -> np.ndarray:
    """The vectors of an answer in the order of the texts: float32 (count, D).

    Args:
        answer: `data` with `embedding` and `index`; where no row has an index, the rows count as in order.
        count: of texts.
        length: D, where it is known.

    Raises:
        PassingFault: rows are missing, of another length, or not numbers.
    """
    rows = answer.get("data")
    if not isinstance(rows, list) or len(rows) != count or not all(isinstance(row, dict) for row in rows):
        came = len(rows) if isinstance(rows, list) else "no"
        raise PassingFault(f"{came} vectors came back for {count} texts")
    places = [row.get("index") for row in rows]
    if places == [None] * count:
        places = list(range(count))
    if any(type(place) is not int for place in places) or sorted(places) != list(range(count)):
        raise PassingFault("the numbers of the rows do not fit the texts")
    try:
        found = np.array([row["embedding"] for row in rows], dtype=np.float32)  # (count, D)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise PassingFault("the rows are not vectors of one length") from None
    if found.ndim != 2 or not found.shape[1] or (length is not None and found.shape[1] != length):
        raise PassingFault(f"vectors of {found.shape[-1]} dimensions came back instead of {length}")
    if not np.isfinite(found).all():
        raise PassingFault("vectors with NaN or infinity came back")
    ordered = np.empty_like(found)
    ordered[places] = found
    return ordered
