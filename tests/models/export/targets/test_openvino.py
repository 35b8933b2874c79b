"""OpenVINO exports against sentence-transformers' own vectors."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embedtune.config.sections.encoder import ModelSection
from embedtune.models.encode.encode import encode
from embedtune.models.encoder import Encoder
from embedtune.models.export.job import ExportJob
from embedtune.models.files.load import load_encoder

pytest.importorskip("openvino")
pytest.importorskip("onnxscript")


def test_the_graph_gives_the_vectors_of_sentence_transformers(
    family: Callable[[str], Encoder], tmp_path: Path, texts: tuple[str, ...]
) -> None:
    from embedtune.models.export.targets.openvino import write

    encoder = family("bert")
    write(ExportJob(encoder, tmp_path))
    back = load_encoder(ModelSection(name=str(tmp_path)), device="cpu")
    expected = encoder.model.encode([encoder.prompts["query"] + text for text in texts], normalize_embeddings=True)
    np.testing.assert_allclose(encode(back, texts, role="query", normalise=False), expected, atol=1e-4)
