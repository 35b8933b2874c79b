"""Switches a model to training or evaluation mode for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@contextmanager
def in_mode(model: "nn.Module", *, training: bool) -> Iterator[None]:
    """All modules of a model in one mode; afterwards each is in its own again, which may differ between modules."""
    before = [(part, part.training) for part in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for part, mode in before:
            part.training = mode
