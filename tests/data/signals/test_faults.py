"""Faults of signals that `check` finds."""

from collections.abc import Sequence

import numpy as np
import pytest
from signal_data import RATE, window

from embedtune.config.sections.training import TrainingSection
from embedtune.data.checks import run_checks
from embedtune.data.checks.quick import all_checks
from embedtune.data.rows import LabelledTexts
from embedtune.data.signals.faults import SignalCheck
from embedtune.findings import Finding
from embedtune.signals import KNOWN

TONE = window("low", 0, 0)


def found(signals: Sequence[np.ndarray], labels: Sequence[str] = (), **keys: object) -> dict[str, Finding]:
    names = [KNOWN.add(one, rate_hz=RATE) for one in signals]
    content = LabelledTexts(names, labels or ["a"] * len(names), places=[f"w:{row}" for row in range(len(names))])
    return {one.code: one for one in run_checks([SignalCheck(**keys)], [content])}  # type: ignore[arg-type]


def test_sound_signals_have_no_faults() -> None:
    assert found([TONE, window("high", 1, 1)]) == {}


def test_constant_and_clipped_windows_are_counted_with_their_place() -> None:
    flat = np.full(len(TONE), 3.0)
    both = np.stack([TONE, flat])  # one of two channels is dead
    assert found([TONE, flat])["constant-signals"].examples == ("w:1",)
    assert found([both])["constant-signals"].count == 1
    cut = np.clip(TONE, -0.5, 0.5)
    share = np.mean(np.abs(cut) == 0.5)
    assert found([TONE, cut])["clipped-signals"].examples == (f"w:1: {share:.0%} of the samples",)


def test_sizes_and_rates_that_differ() -> None:
    assert found([TONE, TONE[:-1]])["signal-sizes"].severity == "error"
    names = [KNOWN.add(window("high", 7, 1), rate_hz=1.0), KNOWN.add(window("high", 7, 2), rate_hz=2.0)]
    codes = [one.code for one in run_checks([SignalCheck()], [LabelledTexts(names, ["a", "a"])])]
    assert codes == ["signal-rates"]


@pytest.mark.parametrize(("gain", "told"), [(1.0, False), (5.0, True)])
def test_loudness_that_gives_classes_away(gain: float, told: bool) -> None:
    signals = [window("low", 0, one) for one in range(40)]
    loud = [gain * one if row % 2 else one for row, one in enumerate(signals)]
    assert ("gain-tells-classes" in found(loud, ["a", "b"] * 20)) is told


def test_recordings_of_the_test_in_training() -> None:
    train = KNOWN.add(window("low", 5, 0), facts={"recording": "r5"})
    test = KNOWN.add(window("low", 5, 1), facts={"recording": "r5"})
    other = KNOWN.add(window("low", 6, 0), facts={"recording": "r6"})
    content = LabelledTexts([train], ["a"])
    (leak,) = run_checks([SignalCheck("recording", [test, other])], [content])
    assert (leak.code, leak.severity, leak.examples) == ("groups-on-both-sides", "error", ("r5",))
    assert run_checks([SignalCheck("recording", [other])], [content]) == []


def test_checks_of_characters_leave_names_alone() -> None:
    names = [KNOWN.add(window(label, 0, one)) for label in ("low", "high") for one in range(15)]
    codes = {one.code for one in run_checks(all_checks(TrainingSection()), [LabelledTexts(names, ["a", "b"] * 15)])}
    assert not codes & {"near-copies", "rows-look-swapped", "near-empty-texts", "control-characters"}
