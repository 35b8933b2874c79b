"""Views: how a single text becomes a pair to learn from. One file per view, found by listing this folder.

A view is a module with a docstring whose first line `embedtune` can print and which names its `Source:`, and one of
three functions:
    pairs(texts) -> Rows                       a pairing: which two texts belong together, decided once
    change(words, strength, draw) -> words     a change: new words for each text, drawn again in every epoch
    alter(samples, strength, draw) -> samples  the same for signals; texts beside them stay as they are
A change also has STRENGTH, its default. `neighbour+crop+delete:0.1` pairs, then changes each side by itself, from left
to right; changes alone use each text twice. Words are split at spaces, in Korean as in English.
"""

import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import numpy as np

from embedtune.config.suggest import did_you_mean
from embedtune.data.rows import RawTexts, Rows
from embedtune.errors import ConfigError
from embedtune.signals import KNOWN, is_signal

TWICE = "dropout"
"""The pairing used by changes alone: each text with itself."""


@dataclass(frozen=True)
class Views:
    """A pairing and the changes that follow it.

    Args:
        pairing: the module of the pairing.
        changes: the module of each change, and its strength.
        further: number of views in addition to anchor and positive.
        seed: of the changes.
    """

    pairing: ModuleType
    changes: tuple[tuple[ModuleType, float], ...]
    further: int = 0
    seed: int = 0

    @property
    def needs_dropout(self) -> bool:
        """Whether both views are the same text, so that they differ only by the encoder's dropout."""
        return not self.changes and name_of(self.pairing) == TWICE

    @property
    def alters(self) -> bool:
        """Whether anything is encoded besides the two unchanged texts of each pair."""
        return bool(self.changes) or self.further > 0

    def pairs(self, texts: RawTexts) -> Rows:
        """The rows to learn from.

        Raises:
            DataError: the texts do not have what this pairing needs.
        """
        rows: Rows = self.pairing.pairs(texts)
        return rows

    def of(self, anchor: str, positive: str, *, row: int, epoch: int) -> list[str]:
        """The views of a row in an epoch: anchor, positive, then the further ones, of both in turn.

        They depend only on seed, epoch and row, so that a resumed run sees the same ones.
        """
        draw = np.random.default_rng([self.seed, epoch, row])
        sides = (anchor, positive)
        return [self._changed(sides[place % 2], draw) for place in range(2 + self.further)]

    @property
    def of_signals(self) -> bool:
        """Whether it is signals that they change, and not words."""
        return bool(self.changes) and all(hasattr(change, "alter") for change, _ in self.changes)

    def _changed(self, text: str, draw: np.random.Generator) -> str:
        if self.of_signals:
            return self._altered(text, draw) if is_signal(text) else text
        words: Sequence[str] = text.split()
        for change, strength in self.changes:
            words = change.change(words, strength, draw)
        return " ".join(words) if self.changes else text

    def _altered(self, name: str, draw: np.random.Generator) -> str:
        samples = KNOWN.samples(name)
        for change, strength in self.changes:
            samples = change.alter(samples, strength, draw)
        return KNOWN.pass_on(samples)


def view_names() -> tuple[str, ...]:
    """Names of all views, in alphabetical order.

    >>> "crop" in view_names()
    True
    """
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def parse_views(text: str, *, further: int = 0, seed: int = 0) -> Views:
    """The views that `NAME[:STRENGTH]+...` describes.

    >>> [name_of(module) for module, _ in parse_views("crop+delete:0.2").changes]
    ['crop', 'delete']

    Raises:
        ConfigError: an unknown view, two pairings, or an invalid strength.
    """
    pairing, changes = None, []
    for place, part in enumerate(text.split("+")):
        name, colon, strength = part.strip().partition(":")
        module = _module(name)
        if not hasattr(module, "pairs"):
            changes.append((module, _strength(module, strength if colon else None, part)))
        elif place or colon:
            raise _error(
                f"{name!r} pairs texts and takes no strength, so it must be first and the only pairing: {text!r}"
            )
        else:
            pairing = module
    kinds = {hasattr(module, "alter") for module, _ in changes}
    if len(kinds) > 1:
        raise _error(f"{text!r} changes words and signals at once")
    return Views(pairing or _module(TWICE), tuple(changes), further, seed)


def name_of(module: ModuleType) -> str:
    """The name of a view."""
    return module.__name__.rpartition(".")[2]


def pairing_named(text: str) -> str | None:
    """The pairing that a text of views begins with, None where it has changes only.

    >>> pairing_named("title+delete"), pairing_named("crop")
    ('title', None)
    """
    first = text.split("+")[0].strip()
    return first if hasattr(_module(first.partition(":")[0]), "pairs") else None


def _module(name: str) -> ModuleType:
    if name not in view_names():
        raise _error(f"there is no view {name!r}{did_you_mean(name, view_names())}")
    return import_module(f"{__name__}.{name}")


def _strength(module: ModuleType, text: str | None, part: str) -> float:
    if text is None:
        return float(module.STRENGTH)
    try:
        strength = float(text)
    except ValueError:
        strength = -1.0
    if not 0 < strength <= 1:
        raise _error(f"the strength in {part!r} must be a number above 0 and at most 1")
    return strength


def _error(message: str) -> ConfigError:
    return ConfigError(message, where="--views", next=f"views are {', '.join(view_names())}; such as crop+delete:0.1")
