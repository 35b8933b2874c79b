"""ONNX exports against sentence-transformers' own vectors, in here and in a process without torch."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embedtune.config.sections.encoder import ModelSection
from embedtune.errors import ModelError
from embedtune.models.encode.encode import encode
from embedtune.models.encode.lengths import token_counts
from embedtune.models.encoder import Encoder, Role
from embedtune.models.export.engines import OnnxEngine
from embedtune.models.export.job import ExportJob
from embedtune.models.export.lower_precision import to_fp16, to_int8
from embedtune.models.export.settings import SETTINGS, ExportSettings
from embedtune.models.files.load import load_encoder

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")
FLOAT, FLOAT16 = 1, 10  # onnx.TensorProto
ROLES: tuple[Role, ...] = ("query", "document")
ODD = ("a", "", "비밀번호를 다시 설정하려면 " * 30)
WITHOUT_TORCH = """
import json, runpy, sys
for name in ("torch", "transformers", "sentence_transformers", "embedtune"):
    sys.modules[name] = None  # importing it is an error
example = runpy.run_path(sys.argv[1])
texts = json.load(sys.stdin)
print(json.dumps({role: example["encode"](texts, role).tolist() for role in ("query", "document")}))
"""


def read_back(folder: Path) -> Encoder:
    return load_encoder(ModelSection(name=str(folder)), device="cpu")


def vectors(encoder: Encoder, texts: list[str], role: Role) -> np.ndarray:
    """What sentence-transformers gives, one text at a time, scaled by hand."""
    found = encoder.model.encode([encoder.prompts[role] + text for text in texts], batch_size=1)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize("name", ["bert", "xlm-roberta", "modernbert", "qwen3"])
def test_the_graph_gives_the_vectors_of_sentence_transformers(
    name: str, family: Callable[[str], Encoder], graph: Callable[[str], Path], texts: tuple[str, ...]
) -> None:
    encoder, back, many = family(name), read_back(graph(name)), [*texts, *ODD]
    for role in ROLES:
        expected = vectors(encoder, many, role)
        np.testing.assert_allclose(encode(back, many, role=role, normalise=False), expected, atol=1e-4)
        alone = [encode(back, [text], role=role, normalise=False)[0] for text in many[:2]]
        np.testing.assert_allclose(alone, expected[:2], atol=1e-4)


def test_it_answers_where_torch_cannot_be_imported(
    family: Callable[[str], Encoder], graph: Callable[[str], Path], texts: tuple[str, ...]
) -> None:
    many = [*texts, *ODD]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(graph("bert") / "example.py")],
        input=json.dumps(many),
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    for role in ROLES:
        np.testing.assert_allclose(found[role], vectors(family("bert"), many, role), atol=1e-4)


def test_the_example_runs_as_it_is(graph: Callable[[str], Path]) -> None:
    done = subprocess.run([sys.executable, str(graph("bert") / "example.py")], capture_output=True, text=True)
    assert done.returncode == 0 and "[" in done.stdout


def test_dense_layers_and_the_cut_are_inside(bert: Encoder, tmp_path: Path, texts: tuple[str, ...]) -> None:
    import torch
    from sentence_transformers.base.modules import Dense

    from embedtune.models.export.targets.onnx import write

    torch.manual_seed(0)
    bert.model.append(Dense(32, 24))
    bert.model.truncate_dim = 8
    from dataclasses import replace

    cut = replace(bert, dimensions=8)
    write(ExportJob(cut, tmp_path))
    found = encode(read_back(tmp_path), list(texts), role="query", normalise=False)
    assert found.shape == (len(texts), 8)
    np.testing.assert_allclose(found, vectors(cut, list(texts), "query"), atol=1e-4)


def test_a_starter_is_exported_too(starter: Encoder, tmp_path: Path, texts: tuple[str, ...]) -> None:
    from embedtune.models.export.targets.onnx import write

    write(ExportJob(starter, tmp_path))
    many = [*texts, "a longer text " * 20]
    np.testing.assert_allclose(
        encode(read_back(tmp_path), many, role="query", normalise=False), vectors(starter, many, "query"), atol=1e-5
    )


def test_an_encoder_that_ids_do_not_decide_is_refused_in_words(
    family: Callable[[str], Encoder], tmp_path: Path
) -> None:
    from dataclasses import replace

    from embedtune.models.export.targets.onnx import write
    from embedtune.models.towers.two_sides import two_sides

    one = family("bert")
    with pytest.raises(ModelError, match="different modules"):
        write(ExportJob(replace(two_sides(one, family("xlm-roberta")), name="two"), tmp_path))


def test_the_export_is_an_encoder_of_its_own_to_the_store(
    family: Callable[[str], Encoder], graph: Callable[[str], Path]
) -> None:
    back = read_back(graph("bert"))
    assert back.fingerprint() == read_back(graph("bert")).fingerprint()
    assert len({back.fingerprint(), family("bert").fingerprint(), read_back(graph("qwen3")).fingerprint()}) == 3
    assert back.prompts == family("bert").prompts
    assert back.max_length == family("bert").max_length
    counts = [token_counts(one, ["a longer text " * 40], "query").tolist() for one in (back, family("bert"))]
    assert counts[0] == counts[1]
    assert not back.is_trainable and not back.has_products


@pytest.mark.parametrize("what", ["model.onnx", "tokenizer.json", SETTINGS])
def test_a_damaged_export_is_refused(what: str, graph: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(graph("bert"), folder)
    data = (folder / what).read_bytes()
    (folder / what).write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match=r"changed after the export|damaged"):
        read_back(folder)
    (folder / what).unlink()
    with pytest.raises(ModelError):
        read_back(folder)


def test_a_file_outside_of_the_folder_is_never_opened(graph: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(graph("bert"), folder)
    settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    (folder / SETTINGS).write_text(json.dumps(settings | {"file": os.fspath(graph("bert") / "model.onnx")}))
    with pytest.raises(ModelError, match="do not fit"):
        ExportSettings.read(folder)


def test_int8_is_close_and_leaves_only_its_file(
    family: Callable[[str], Encoder], tmp_path: Path, texts: tuple[str, ...]
) -> None:
    from embedtune.models.export.targets.onnx import write

    write(ExportJob(family("bert"), tmp_path, "int8"))
    back = read_back(tmp_path)
    cosines = (encode(back, list(texts), role="query") * vectors(family("bert"), list(texts), "query")).sum(axis=1)
    assert back.precision == "int8" and cosines.min() > 0.999
    assert {path.name for path in tmp_path.glob("model*")} == {"model.onnx"}
    together = encode(back, [*texts, *ODD], role="query")
    alone = [encode(back, [text], role="query")[0] for text in texts]
    np.testing.assert_allclose(together[: len(texts)], alone, atol=1e-3)  # what is next to a text does not matter
    assert not ExportSettings.read(tmp_path).dynamic


def test_half_precision_halves_every_weight(
    family: Callable[[str], Encoder], graph: Callable[[str], Path], tmp_path: Path, texts: tuple[str, ...]
) -> None:
    whole, half = graph("bert") / "model.onnx", tmp_path / "half.onnx"
    to_fp16(whole, half)
    ids, mask = batch(family("bert"), texts)
    cosines = (OnnxEngine(half, 1)(ids, mask) * OnnxEngine(whole, 1)(ids, mask)).sum(axis=1)
    assert cosines.min() > 0.9999
    weights = onnx.load(str(half)).graph.initializer
    kinds = Counter({FLOAT: 0, FLOAT16: 0})
    for weight in weights:
        kinds[weight.data_type] += int(np.prod(weight.dims))
    assert kinds[FLOAT16] > 1000 * kinds[FLOAT]


def test_calibrated_ranges_do_not_depend_on_the_batch(
    family: Callable[[str], Encoder], graph: Callable[[str], Path], tmp_path: Path, texts: tuple[str, ...]
) -> None:
    whole, eighth = graph("bert") / "model.onnx", tmp_path / "int8.onnx"
    ids, mask = batch(family("bert"), texts)
    to_int8(whole, eighth, [(ids, mask)])
    engine = OnnxEngine(eighth, 1)
    together = engine(ids, mask)
    alone = np.concatenate([engine(ids[row : row + 1], mask[row : row + 1]) for row in range(len(texts))])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert (together * OnnxEngine(whole, 1)(ids, mask)).sum(axis=1).min() > 0.95


def batch(encoder: Encoder, texts: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Ids and mask of texts, as transformers makes them."""
    made = encoder.model.tokenizer(list(texts), padding=True, return_tensors="np")
    return made["input_ids"].astype(np.int64), made["attention_mask"].astype(np.int64)


def test_int8_of_a_static_encoder_is_refused(starter: Encoder, tmp_path: Path) -> None:
    from embedtune.errors import ConfigError
    from embedtune.models.export.targets.onnx import write

    with pytest.raises(ConfigError, match="multiplies no matrices"):
        write(ExportJob(starter, tmp_path, "int8"))
