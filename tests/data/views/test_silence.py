import numpy as np

from embedtune.data.views.silence import alter


def test_one_stretch_of_the_length_asked_for_is_at_the_mean() -> None:
    samples = np.random.default_rng(0).standard_normal((2, 200)).astype(np.float32)
    starts = set()
    for seed in range(20):
        altered = alter(samples, 0.1, np.random.default_rng(seed))
        places = np.flatnonzero((altered != samples).all(axis=0))
        assert places.tolist() == list(range(places[0], places[0] + 20))
        np.testing.assert_allclose(altered[:, places], np.repeat(samples.mean(axis=1, keepdims=True), 20, axis=1))
        starts.add(int(places[0]))
    assert len(starts) > 10
