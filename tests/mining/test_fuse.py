import numpy as np
import pytest

from embedtune.mining.candidate_block import PADDING
from embedtune.mining.fuse import alternate, reciprocal_rank


def random_lists(seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)

    def one(places: int) -> np.ndarray:
        documents = np.argsort(draw.random((5, 12)), axis=1)[:, :places]
        documents[np.arange(places) >= draw.integers(0, places + 1, (5, 1))] = PADDING
        return documents

    return one(6), one(4)


def padded(documents: list[int], k: int) -> list[int]:
    return (documents + [PADDING] * k)[:k]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("k", [3, 8, 15])
def test_reciprocal_ranks_as_a_plain_loop_adds_them(seed, k) -> None:
    first, second = random_lists(seed)
    fused = reciprocal_rank(first, second, k, constant=3)
    for query in range(len(first)):
        points: dict[int, float] = {}
        for documents in (first[query].tolist(), second[query].tolist()):
            for rank, document in enumerate(documents, start=1):
                if document != PADDING:
                    points[document] = points.get(document, 0.0) + 1 / (3 + rank)
        # `points` is in the order of first mention and the sort is stable: ties go to the first list.
        assert fused[query].tolist() == padded(sorted(points, key=lambda d: -points[d]), k)


@pytest.mark.parametrize("seed", range(20))
def test_alternation_takes_turns(seed) -> None:
    first, second = random_lists(seed)
    for query, row in enumerate(alternate(first, second, 9).tolist()):
        taken: list[int] = []
        for place in range(6):
            for documents in (first, second):
                document = int(documents[query, place]) if place < documents.shape[1] else PADDING
                if document != PADDING and document not in taken:
                    taken.append(document)
        assert row == padded(taken, 9)
