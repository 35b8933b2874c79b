"""Judged sets made of a matrix of relevance, of which a part is judged."""

from collections.abc import Callable

import numpy as np
import pytest

from embedtune.data.rows import RetrievalSet
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays

MakeSet = Callable[[np.ndarray, np.ndarray], JudgedSet]


@pytest.fixture(scope="session")
def make_set() -> MakeSet:
    """Makes a set of grades (Q, C), of which those where `known` (Q, C) are judged."""

    def make(grades: np.ndarray, known: np.ndarray) -> JudgedSet:
        qrels = {
            f"q{q}": {f"d{d}": int(row[d]) for d in np.flatnonzero(known[q])} for q, row in enumerate(grades.tolist())
        }
        queries, documents = (
            {f"{letter}{n}": f"{letter} {n}" for n in range(size)}
            for letter, size in zip("qd", grades.shape, strict=True)
        )
        return as_arrays(RetrievalSet("made", queries, documents, qrels))

    return make
