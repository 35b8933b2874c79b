import numpy as np

from embedtune.data.views.jitter import alter


def test_the_noise_has_the_share_asked_for_in_every_channel() -> None:
    draw = np.random.default_rng(0)
    samples = np.stack([draw.standard_normal(20_000), 100 * draw.standard_normal(20_000)]).astype(np.float32)
    noise = alter(samples, 0.25, np.random.default_rng(1)) - samples
    # Five standard errors of a standard deviation, sigma / sqrt(2 n).
    np.testing.assert_allclose(noise.std(axis=1) / samples.std(axis=1), 0.25, atol=5 * 0.25 / 200)
    assert abs(np.corrcoef(noise)[0, 1]) < 5 / np.sqrt(20_000)
