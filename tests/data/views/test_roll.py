import numpy as np

from embedtune.data.views.roll import alter

SAMPLES = np.arange(40, dtype=np.float32).reshape(2, 20)


def test_channels_move_together_and_nothing_is_lost() -> None:
    for seed in range(10):
        moved = alter(SAMPLES, 1.0, np.random.default_rng(seed))
        first = int(moved[0, 0])
        np.testing.assert_array_equal(moved[0], np.concatenate([SAMPLES[0, first:], SAMPLES[0, :first]]))
        np.testing.assert_array_equal(moved[1] - moved[0], 20)


def test_it_moves_no_further_than_its_share() -> None:
    ends = {int(alter(SAMPLES, 0.2, np.random.default_rng(seed))[0, 0]) for seed in range(100)}
    assert ends == {0, 19, 18, 17}
