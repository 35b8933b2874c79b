import numpy as np

from embedtune.data.texts.seen_ids import SeenIds


def test_seen_ids_agree_with_a_dict() -> None:
    draw = np.random.default_rng(0)
    seen, known, number = SeenIds(), {}, 0
    for size in (0, 1, 50, 200, 3):
        ids = draw.integers(-40, 40, size=size)
        numbers = np.arange(number, number + size)
        expected = [
            known.setdefault(identity, place) for identity, place in zip(ids.tolist(), numbers.tolist(), strict=True)
        ]
        assert seen.add(ids, numbers).tolist() == expected
        number += size
    asked = np.arange(-60, 60)
    assert seen.find(asked).tolist() == [known.get(identity, -1) for identity in asked.tolist()]
    assert len(seen) == len(known)
