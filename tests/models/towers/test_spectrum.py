"""The spectrum of a signal, against a discrete Fourier transform written out."""

import numpy as np
import pytest

from embedtune.models.towers.spectrum import BANDS, FLOOR, LINES, spectrum

N = 512
TIME = np.arange(N)


def power_by_hand(values: np.ndarray) -> np.ndarray:
    """One-sided power density of a Hann window of all samples, by the definition: (N / 2,)."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * TIME / N)
    centred = (values - values.mean()) * hann
    lines = np.exp(-2j * np.pi * np.outer(np.arange(1, N // 2 + 1), TIME) / N) @ centred
    double = np.where(np.arange(1, N // 2 + 1) == N // 2, 1.0, 2.0)
    return double * np.abs(lines) ** 2 / np.sum(hann**2)


def test_bands_are_means_of_the_power_by_definition() -> None:
    signal = np.random.default_rng(0).standard_normal(N)
    unit = (signal - signal.mean()) / signal.std()
    expected = np.log(power_by_hand(unit).reshape(BANDS, 2).mean(axis=1) + FLOOR)
    np.testing.assert_allclose(spectrum(signal[None])[:BANDS], expected, rtol=1e-4)


def test_the_envelope_shows_how_often_something_strikes() -> None:
    carrier, strikes = 100, 12  # cycles in all samples
    signal = np.cos(2 * np.pi * carrier * TIME / N) * (1 + 0.9 * np.cos(2 * np.pi * strikes * TIME / N))
    made = spectrum(signal[None])
    assert int(made[:BANDS].argmax()) == (carrier - 1) // 2
    assert int(made[BANDS:].argmax()) == strikes - 1


def test_lines_are_twice_the_logarithms_of_the_power_of_the_envelope_above_one() -> None:
    signal = np.random.default_rng(4).standard_normal(N)
    unit = (signal - signal.mean()) / signal.std()
    turned = np.fft.fft(unit)
    turned[1 : N // 2] *= 2  # the analytic signal: positive frequencies twice, negative ones not at all
    turned[N // 2 + 1 :] = 0
    envelope = np.abs(np.fft.ifft(turned))
    power = power_by_hand((envelope - envelope.mean()) / envelope.std())
    np.testing.assert_allclose(spectrum(signal[None])[BANDS:], 2 * np.log1p(power[:LINES]), rtol=1e-4)


@pytest.mark.parametrize("changed", [lambda x: 7 * x, lambda x: x + 3, lambda x: -0.2 * x - 1])
def test_gain_and_offset_change_nothing(changed) -> None:
    signal = np.random.default_rng(1).standard_normal(N)
    np.testing.assert_allclose(spectrum(changed(signal)[None]), spectrum(signal[None]), atol=1e-5)


def test_channels_follow_each_other_and_a_constant_is_at_the_floor() -> None:
    signal = np.random.default_rng(2).standard_normal(N)
    both = spectrum(np.stack([signal, np.ones(N)]))
    assert both.shape == (2 * (BANDS + LINES),)
    np.testing.assert_array_equal(both[: BANDS + LINES], spectrum(signal[None]))
    np.testing.assert_allclose(both[BANDS + LINES :][:BANDS], np.log(FLOOR), rtol=1e-6)
    np.testing.assert_array_equal(both[BANDS + LINES :][BANDS:], 0)


def test_short_signals_have_fewer_numbers() -> None:
    assert spectrum(np.random.default_rng(3).standard_normal((1, 40))).shape == (40,)
