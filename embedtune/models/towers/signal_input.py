"""What a model with a signal tower is handed for a signal, and the one place where names of signals are looked up.

It is kept in the model's folder, in `signals.json`: plain sentence-transformers ignores the file and takes arrays,
embedtune reads it and takes signals.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from embedtune.durable import write_text
from embedtune.errors import DataError, ModelError
from embedtune.models.towers.spectrum import ENVELOPE_WEIGHT, spectrum
from embedtune.signals import KNOWN

FILE = "signals.json"
TEXT, SIGNAL = "text", "signal"
"""The routes of a model that reads both."""
Kind = Literal["spectrum", "conv", "patch", "vectors"]
FIRST_ENVELOPE_WEIGHT = 1.0
"""That of towers whose files do not name it."""
SAMPLES_PER_TOKEN = 64
"""A batch of so many numbers takes about the memory of a token of text."""


@dataclass(frozen=True)
class SignalInput:
    """The signals that a tower reads: all of one length.

    Args:
        kind: of tower: whether it reads the spectrum of a signal, or its numbers as they are.
        samples: of a signal.
        channels: of a signal.
        rate_hz: of the signals it was trained on, where that is known.
        mean: of each number that it reads, over the signals that it first learned from; empty where it reads samples.
        spread: the standard deviation of all of them, once they are centred.
        in_training: whether it is handed (number - mean) / spread, and not numbers as they come.
        envelope: the weight of the envelope's lines in the spectra that it learned from.
    """

    kind: Kind
    samples: int
    channels: int = 1
    rate_hz: float | None = None
    mean: tuple[float, ...] = ()
    spread: float = 1.0
    in_training: bool = False
    envelope: float = ENVELOPE_WEIGHT
    _made: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    def arrays(self, names: Sequence[str]) -> list[np.ndarray]:
        """What the model is handed for these signals: a list of float32 arrays, one per signal.

        Raises:
            DataError: a signal is not known, or does not have the length and channels of the tower.
        """
        found = [self._array(name) for name in names]
        if not self.in_training:
            return found
        mean = self._mean
        return [(numbers - mean) / np.float32(self.spread) for numbers in found]

    @cached_property
    def _mean(self) -> np.ndarray:
        return np.array(self.mean, dtype=np.float32)

    def _array(self, name: str) -> np.ndarray:
        if (found := self._made.get(name)) is not None:
            return found
        samples = KNOWN.samples(name)  # (channels, samples)
        if samples.shape != (self.channels, self.samples):
            raise DataError(
                f"this signal has {samples.shape[1]:,} samples in {samples.shape[0]} channel(s), and the model reads "
                f"{self.samples:,} in {self.channels}",
                where=KNOWN[name].place,
                next="cut all signals into windows of one length, at the rate of the training data",
            )
        made = self.read(samples)
        if self.kind == "spectrum" and not KNOWN.is_passing(name):
            self._made[name] = made  # it takes longer to compute than to read, and an eighth of the memory
        return made

    def read(self, samples: np.ndarray) -> np.ndarray:
        """Samples (channels, samples) as the tower reads them: a float32 array with one axis."""
        if self.kind == "spectrum":
            return spectrum(samples)
        # The channels in turn, sample by sample: the first convolution sees those of one moment together.
        return np.ascontiguousarray(samples.T, dtype=np.float32).reshape(-1)

    @property
    def is_linear(self) -> bool:
        """Whether the first layer sees all of a signal at once, as numbers that mean something each."""
        return self.kind in ("spectrum", "vectors")

    @property
    def length(self) -> int:
        """How many numbers the tower reads of a signal."""
        return len(self.read(np.zeros((self.channels, self.samples), dtype=np.float32)))

    @property
    def tokens(self) -> int:
        """How many tokens of text a signal counts as, in batches that are bounded by tokens."""
        return max(1, self.channels * self.samples // SAMPLES_PER_TOKEN)

    @property
    def described(self) -> str:
        """What to hand to plain sentence-transformers, in words."""
        rate = f" at {self.rate_hz:g} Hz" if self.rate_hz else ""
        size = f"{self.samples:,} samples{rate}" + (f" in {self.channels} channels" if self.channels > 1 else "")
        if self.kind == "spectrum":
            return f"the spectra of windows of {size}, as embedtune.models.towers.spectrum.spectrum makes them"
        return f"windows of {size}"

    def save(self, folder: Path) -> None:
        """Write `signals.json` into a model's folder."""
        shown = {name: value for name, value in asdict(self).items() if not name.startswith("_")}
        facts = {name: value for name, value in shown.items() if value != () and value is not False}
        write_text(folder / FILE, json.dumps(facts, indent=2) + "\n")


def signal_input_in(folder: Path | None) -> SignalInput | None:
    """What the model in a folder reads besides texts; None where it reads texts alone.

    Raises:
        ModelError: the file is damaged, or the tower learned from other spectra than those computed now.
    """
    path = None if folder is None else folder / FILE
    if path is None or not path.is_file():
        return None
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        facts |= {"mean": tuple(facts["mean"])} if "mean" in facts else {}
        found = SignalInput(**{"envelope": FIRST_ENVELOPE_WEIGHT, **facts})
    except (ValueError, TypeError) as error:
        raise ModelError("this file does not say what signals the model reads", where=str(path)) from error
    if found.kind == "spectrum" and found.envelope != ENVELOPE_WEIGHT:
        raise ModelError(
            "this tower learned from spectra that embedtune no longer computes: the envelope counts more now",
            where=str(path),
            next="train it again",
        )
    return found
