"""Faults of signals: windows that say nothing, that the recorder cut off, or whose loudness gives the class away."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from embedtune.data.checks import Gathered, RowBlock, graded
from embedtune.data.rows import LabelledTexts, Rows
from embedtune.findings import Finding, counted
from embedtune.signals import KNOWN, is_signal

CLIPPED = 0.01
"""Share of a window's samples at its largest or smallest value from which it looks cut off; a sine has fewer."""
FLAT = 1e-6
"""Standard deviation, as a share of the largest magnitude, below which a window is constant."""
GAIN = 0.8
"""How well loudness alone tells two classes apart, as an area under the curve, from which that is a warning."""
FEWEST = 10
"""Windows of a class below which loudness says nothing about it."""


class SignalCheck:
    """Looks at every distinct signal; keeps a number per signal.

    Args:
        group: the column that says which windows belong together; None where none is named.
        test: the test queries and documents, to look for their groups in training.
    """

    def __init__(self, group: str | None = None, test: Iterable[str] = ()) -> None:
        self._group = group
        self._test = {name for name in test if is_signal(name)}
        self._seen: set[str] = set()
        self._constant, self._clipped = Gathered(), Gathered()
        self._shapes: dict[tuple[int, int], str] = {}
        self._rates: dict[float | None, str] = {}
        self._gains: dict[str, list[float]] = defaultdict(list)

    def feed(self, block: RowBlock) -> None:
        """Look at the signals that are new."""
        content = block.content
        labels = content.labels if isinstance(content, Rows | LabelledTexts) else None
        for row, name in block.inputs():
            if not is_signal(name) or name in self._seen:
                continue
            self._seen.add(name)
            samples, signal, place = KNOWN.samples(name), KNOWN[name], block.places[row]
            self._shapes.setdefault(signal.shape, place)
            self._rates.setdefault(signal.rate_hz, place)
            self._look(samples, place)
            if labels is not None:
                self._gains[labels[row - block.start]].append(float(np.sqrt(np.mean(np.square(samples)))))

    def _look(self, samples: np.ndarray, place: str) -> None:
        largest = float(np.abs(samples).max())
        if float(samples.std(axis=1).min()) <= FLAT * largest:
            self._constant.add(place)
        elif _at_ends(samples) > CLIPPED:
            self._clipped.add(f"{place}: {_at_ends(samples):.0%} of the samples")

    def findings(self) -> list[Finding]:
        """One per kind."""
        return [*self._of_windows(), *self._of_sizes(), *self._of_gain(), *self._of_groups()]

    def _of_windows(self) -> list[Finding]:
        constant, clipped, n = self._constant, self._clipped, len(self._seen)
        return [
            *constant.finding(
                "constant-signals",
                graded(constant.count, n),
                f"{counted(constant.count, 'signal')} with a channel that does not change, which says nothing.",
                "Remove them; a loose cable and a stopped machine look like this.",
            ),
            *clipped.finding(
                "clipped-signals",
                graded(clipped.count, n),
                f"{counted(clipped.count, 'signal')} with more than {CLIPPED:.0%} of the samples at the largest or the "
                "smallest value: the recorder probably cut the peaks off.",
                "Record with less gain, or remove them.",
            ),
        ]

    def _of_sizes(self) -> list[Finding]:
        found = []
        if len(self._shapes) > 1:
            sizes = [f"{place}: {shape[1]:,} samples, {shape[0]} channel(s)" for shape, place in self._shapes.items()]
            message = f"signals of {len(self._shapes)} sizes; a tower reads signals of one size."
            fix = "Cut all into windows of one length."
            found.append(Finding("signal-sizes", "error", len(self._shapes), message, fix, tuple(sizes[:20])))
        if len(self._rates) > 1:
            rates = [f"{place}: {'unknown' if rate is None else f'{rate:g} Hz'}" for rate, place in self._rates.items()]
            message = f"signals of {len(self._rates)} sampling rates; the same fault looks different at another rate."
            fix = "Resample them to one rate, such as with scipy.signal.resample_poly."
            found.append(Finding("signal-rates", "warning", len(self._rates), message, fix, tuple(rates[:20])))
        return found

    def _of_gain(self) -> list[Finding]:
        """Two classes that loudness alone tells apart: a model may learn the gain of a recorder."""
        sizes = {label: np.array(gains) for label, gains in self._gains.items() if len(gains) >= FEWEST}
        apart = []
        for place, (label, own) in enumerate(sizes.items()):
            for other, others in list(sizes.items())[place + 1 :]:
                share = float((own[:, None] > others).mean() + 0.5 * (own[:, None] == others).mean())  # the AUC
                if max(share, 1 - share) >= GAIN:
                    apart.append(f"{label} and {other}: {max(share, 1 - share):.0%}")
        if not apart:
            return []
        message = (
            f"loudness alone tells {counted(len(apart), 'pair')} of classes apart; it depends on the recorder and on "
            "where the sensor sits."
        )
        fix = "The towers scale every window to the same loudness, except --tower vectors; keep it that way."
        return [Finding("gain-tells-classes", "note", len(apart), message, fix, tuple(apart[:20]))]

    def _of_groups(self) -> list[Finding]:
        """Recordings of which windows are in training and in the test."""
        if self._group is None or not self._test:
            return []
        columns = {name: KNOWN[name].facts.get(self._group) for name in (*self._seen, *self._test) if name in KNOWN}
        train = {columns[name] for name in self._seen - self._test if columns.get(name)}
        shared = sorted({str(columns[name]) for name in self._test if columns.get(name) in train})
        if not shared:
            return []
        message = (
            f"{counted(len(shared), 'group')} by {self._group} with windows in training and in the test: they are near "
            "copies of each other, and scores say how well these are remembered."
        )
        fix = "Divide by group: give embedtune one file and --group."
        return [Finding("groups-on-both-sides", "error", len(shared), message, fix, tuple(shared[:20]))]


def _at_ends(samples: np.ndarray) -> float:
    """The share of samples (channels, samples) at the largest or smallest value, of the channel where it is largest."""
    ends = (samples == samples.max(axis=1, keepdims=True)) | (samples == samples.min(axis=1, keepdims=True))
    return float(ends.mean(axis=1).max())
