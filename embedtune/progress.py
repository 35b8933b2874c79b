"""How long work reports on itself: one protocol for encoding, searching, reading and training."""

from typing import Protocol


class Progress(Protocol):
    """Receives how much of a long piece of work is done."""

    def __call__(self, done: int, total: int | None = None, note: str = "", /) -> None:
        """Report `done` units, out of `total` where that is known, with an optional short note."""
