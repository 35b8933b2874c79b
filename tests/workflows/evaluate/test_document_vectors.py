"""Document vectors in memory and in a file: the same vectors, and no file left behind."""

import numpy as np
import pytest

from embedtune.models.encode.encode import encode
from embedtune.workflows.evaluate import document_vectors as module
from embedtune.workflows.evaluate.document_vectors import cut_vectors, document_vectors


@pytest.fixture
def few_at_once(monkeypatch):
    monkeypatch.setattr(module, "IN_MEMORY", 100)
    monkeypatch.setattr(module, "BLOCK", 5)


@pytest.mark.usefixtures("few_at_once")
def test_what_does_not_fit_into_memory_is_a_memory_map_of_the_same_vectors(starter, texts, tmp_path):
    repeated = [*texts, texts[0]]
    expected = encode(starter, repeated, role="document")
    told = []
    with document_vectors(starter, repeated, tmp_path, progress=lambda done, *_: told.append(done)) as vectors:
        assert isinstance(vectors, np.memmap) and vectors.dtype == np.float32
        np.testing.assert_allclose(vectors, expected, atol=1e-6)
        with cut_vectors(vectors, 8, tmp_path) as cut:
            assert isinstance(cut, np.memmap)
            prefix = expected[:, :8]
            np.testing.assert_allclose(cut, prefix / np.linalg.norm(prefix, axis=1, keepdims=True), atol=1e-6)
    assert told[-1] == len(repeated)
    assert not list(tmp_path.iterdir())


def test_what_fits_stays_in_memory(starter, texts, tmp_path):
    with document_vectors(starter, texts, tmp_path) as vectors, cut_vectors(vectors, 8, tmp_path) as cut:
        assert not isinstance(vectors, np.memmap) and not isinstance(cut, np.memmap)
        assert cut.shape == (len(texts), 8)
        assert not list(tmp_path.iterdir())
