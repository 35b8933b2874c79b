"""The objectives, one file each; the file name is the loss name, and the list is read from the folder.

Everything here is a loss; what losses share is in `shared`, where `base.py` is the contract. Listing the names loads no
torch; building one does.
"""

import importlib
import inspect
from collections.abc import Mapping
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from embedtune.config.suggest import did_you_mean
from embedtune.errors import ConfigError

if TYPE_CHECKING:
    from embedtune.losses.shared.base import EmbeddingBatch, Loss

__all__ = ["EmbeddingBatch", "Loss", "build_loss", "check_args", "loss_class", "loss_names"]


def loss_names() -> tuple[str, ...]:
    """Names of all losses, in alphabetical order.

    >>> "gist" in loss_names(), "shared" in loss_names()
    (True, False)
    """
    return tuple(sorted(file.name for file in iter_modules(__path__) if not file.ispkg))


def loss_class(name: str) -> "type[Loss]":
    """The class of a loss: its docstring says what it is for, its attributes say what it needs.

    Raises:
        ConfigError: unknown name.
    """
    if name not in loss_names():
        raise ConfigError(
            f"there is no loss {name!r}{did_you_mean(name, loss_names())}",
            where="loss",
            next=f"use one of: {', '.join(loss_names())}",
        )
    from embedtune.losses.shared.base import Loss

    module = importlib.import_module(f"{__name__}.{name}")
    # A loss may import another one to build on it, so the class must be defined in this file.
    own = [
        member
        for member in vars(module).values()
        if inspect.isclass(member) and issubclass(member, Loss) and member.__module__ == module.__name__
    ]
    if len(own) != 1:
        raise TypeError(f"{module.__name__} must define exactly one Loss, it defines {len(own)}")
    return own[0]


def check_args(name: str, args: Mapping[str, Any]) -> None:
    """Check the names of a loss's arguments; their values are the loss's own to check.

    Raises:
        ConfigError: the loss or some arguments do not exist; lists all of them.
    """
    known = list(inspect.signature(loss_class(name)).parameters)
    unknown = [f"{arg!r}{did_you_mean(str(arg), known)}" for arg in args if arg not in known]
    if unknown:
        raise ConfigError(
            "; ".join(f"{name} has no argument {one}" for one in unknown),
            where=f"loss.{name}.args",
            next=f"{name} takes: {', '.join(known)}" if known else f"{name} takes no arguments",
        )


def build_loss(name: str, **args: Any) -> "Loss":
    """The loss of this name, ready to be called on an `EmbeddingBatch`.

    Args:
        name: one of `loss_names()`.
        args: the loss's own arguments; `embedtune losses` prints them.

    Raises:
        ConfigError: unknown name, unknown arguments, or a value out of its range.
    """
    check_args(name, args)
    return loss_class(name)(**args)


def __getattr__(name: str) -> Any:
    if name not in ("EmbeddingBatch", "Loss"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from embedtune.losses.shared import base

    return getattr(base, name)
