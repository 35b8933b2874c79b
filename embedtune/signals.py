"""Signals as names: everywhere but in a model, a signal is the text `signal:` and a hash of its samples.

Ids, splits, known positives, stores and rankings then handle a signal like any text: its name is its content. The one
place that hands inputs to a model (`models/encode/batching.py`) looks the samples up. Because a name is a hash of what
it stands for, one table serves the whole process: no name can ever stand for two signals.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from embedtune.errors import DataError

PREFIX = "signal:"
_HASH_BYTES = 16
PASSING = 4096
"""Signals that are used once and are still remembered: more than those of any batch."""


def is_signal(text: str) -> bool:
    """Whether a text names a signal, so that its characters mean nothing.

    Everything that reads the characters of texts asks this function.

    >>> is_signal("signal:" + "0" * 32), is_signal("signal: a loud noise")
    (True, False)
    """
    return text.startswith(PREFIX) and len(text) == len(PREFIX) + 2 * _HASH_BYTES and " " not in text


def only_texts(inputs: Iterable[str]) -> list[str]:
    """The inputs that are texts, in order.

    >>> only_texts(["a text", "signal:" + "0" * 32])
    ['a text']
    """
    return [text for text in inputs if not is_signal(text)]


@dataclass(frozen=True)
class Signal:
    """What is known about a signal besides its name.

    Args:
        read: gives its samples, (channels, samples) float32; called whenever they are needed.
        shape: (channels, samples).
        rate_hz: samples per second; None where nobody said.
        place: "file:row", or the file, for people.
        facts: the other values of its row, as text: label, recording, ...
    """

    read: Callable[[], np.ndarray]
    shape: tuple[int, int]
    rate_hz: float | None = None
    place: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


class Signals:
    """Names of signals -> what they stand for."""

    def __init__(self) -> None:
        self._known: dict[str, Signal] = {}
        self._passing: OrderedDict[str, Signal] = OrderedDict()

    def __getitem__(self, name: str) -> Signal:
        if name in self._passing:
            return self._passing[name]
        if name not in self._known:
            raise DataError(
                "this signal has not been read in this process",
                where=name,
                next="name the data that it comes from with --data, and encode in one process (--engine here)",
            )
        return self._known[name]

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def add(
        self,
        samples: np.ndarray,
        *,
        rate_hz: float | None = None,
        place: str = "",
        facts: Mapping[str, str] | None = None,
        read: Callable[[], np.ndarray] | None = None,
    ) -> str:
        """Name a signal and remember it; of equal ones the last counts, so that data read again is as it is now.

        Args:
            samples: (samples,) or (channels, samples), any kind of number.
            rate_hz: samples per second.
            place: where it is, for people.
            facts: the other values of its row.
            read: reads the samples again, so that they need not stay in memory; None: they stay.

        Returns: its name.
        """
        kept = np.atleast_2d(np.asarray(samples, dtype=np.float32))  # (channels, samples)
        name = name_of(kept)
        again = (lambda: kept) if read is None else (lambda: np.atleast_2d(np.asarray(read(), dtype=np.float32)))
        self._known[name] = Signal(again, (kept.shape[0], kept.shape[1]), rate_hz, place, dict(facts or {}))
        return name

    def pass_on(self, samples: np.ndarray) -> str:
        """Name a signal that is used once, such as a view of another; it is forgotten when many others have followed.

        Args:
            samples: (channels, samples) float32.
        """
        name = name_of(samples)
        self._passing[name] = Signal(lambda: samples, (samples.shape[0], samples.shape[1]))
        if len(self._passing) > PASSING:
            self._passing.popitem(last=False)
        return name

    def is_passing(self, name: str) -> bool:
        """Whether a signal will be forgotten, so that nothing made of it is worth keeping."""
        return name in self._passing

    def samples(self, name: str) -> np.ndarray:
        """The samples of a signal: (channels, samples) float32.

        Raises:
            DataError: the name is not known, or its file has changed since it was named.
        """
        signal = self[name]
        samples = signal.read()
        if name_of(samples) != name:
            raise DataError(
                "the samples are not what they were when they were first read",
                where=signal.place,
                next="leave files of samples as they are while a command reads them, and start again",
            )
        return samples

    def shown(self, text: str) -> str:
        """What to show a person: where the signal is; of any other text, itself."""
        return self[text].place or text if is_signal(text) and text in self else text

    def values(self, names: Sequence[str], column: str) -> list[str]:
        """The value that the row of each signal has in a column.

        Raises:
            DataError: a row has no such value.
        """
        found = []
        for name in names:
            signal = self[name]
            if column not in signal.facts:
                there = ", ".join(signal.facts) or "no other columns"
                raise DataError(
                    f"there is no value in the column {column!r}; this row has {there}",
                    where=signal.place,
                    next="name a column that says which windows belong together: --group COLUMN",
                )
            found.append(signal.facts[column])
        return found


def name_of(samples: np.ndarray) -> str:
    """The name of samples (channels, samples) float32: their shape and every bit of them.

    >>> name_of(np.zeros((1, 4), np.float32)) == name_of(np.zeros((2, 2), np.float32))
    False
    """
    digest = hashlib.blake2b(str(samples.shape).encode(), digest_size=_HASH_BYTES)
    digest.update(np.ascontiguousarray(samples).tobytes())
    return PREFIX + digest.hexdigest()


KNOWN = Signals()
"""All signals that this process has read."""
