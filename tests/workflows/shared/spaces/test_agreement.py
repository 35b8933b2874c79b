"""How far two rankings agree, against sets."""

import numpy as np

from embedtune.evaluation.rankers import Ranking
from embedtune.workflows.shared.spaces.agreement import first_changed, overlap


def test_overlap_is_that_of_sets() -> None:
    rng = np.random.default_rng(0)
    a, b = (np.stack([rng.permutation(15)[:10] for _ in range(8)]) for _ in range(2))
    a[0, 6:] = -1  # a ranking that ends
    first, second = (Ranking(np.zeros(own.shape, np.float32), own) for own in (a, b))
    expected = [len(({*x} - {-1}) & {*y}) / len({*x} - {-1}) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    np.testing.assert_allclose(overlap(first, second), expected)
    assert first_changed(first, second).tolist() == [x[0] != y[0] for x, y in zip(a.tolist(), b.tolist(), strict=True)]
