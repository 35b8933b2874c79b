"""Each part of our training step switched off alone, to see what it brings."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PARTS: tuple[str, ...] = ()


@contextmanager
def without(part: str | None, config: Any) -> Iterator[None]:
    """Run with this part of ours switched off; None: with all."""
    yield
