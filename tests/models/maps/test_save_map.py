"""A saved map gives the same vectors in plain sentence-transformers, and from its file alone."""

from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from embedtune.models.encode.encode import encode
from embedtune.models.encoder import Encoder
from embedtune.models.files.save import save_encoder
from embedtune.models.maps.save_map import mapped_encoder, read_map, write_map
from embedtune.models.maps.space_map import SpaceMap


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_the_model_and_the_file_give_the_mapped_vectors(bert: Encoder, tmp_path: Path, texts, kind: str) -> None:
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(32, 20)).astype(np.float32)
    inner, outer = rng.normal(size=(32, 5)).astype(np.float32), rng.normal(size=(5, 20)).astype(np.float32)
    found = SpaceMap("linear", weight) if kind == "linear" else SpaceMap("mlp", weight, inner, outer)
    vectors = encode(bert, texts, role="query")
    plain = vectors @ weight + (np.maximum(vectors @ inner, 0) @ outer if kind == "mlp" else 0)
    expected = plain / np.linalg.norm(plain, axis=1, keepdims=True)
    save_encoder(mapped_encoder(bert, found), tmp_path / "model")
    loaded = SentenceTransformer(str(tmp_path / "model"), device="cpu", local_files_only=True)
    np.testing.assert_allclose(loaded.encode(list(texts), prompt_name="query"), expected, atol=1e-5)
    write_map(found, tmp_path / "map.safetensors")
    np.testing.assert_allclose(read_map(tmp_path / "map.safetensors")(vectors), expected, atol=1e-5)
    np.testing.assert_array_equal(encode(bert, texts, role="query"), vectors)  # the encoder itself is as it was
