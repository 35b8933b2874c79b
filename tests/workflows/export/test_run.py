"""`export` from start to end: what passes its gate is read by every verb, and what does not leaves nothing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from beir_writer import write_beir

import embedtune
from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ConfigError, DataError, GuardError, ModelError
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder

pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")
TOPICS = ("password", "refund", "delivery", "account", "비밀번호", "환불", "배송지", "결제")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty queries, each about one topic and one number, over their answers."""
    folder = tmp_path_factory.mktemp("judged")
    corpus = {f"d{i}": f"The answer on {TOPICS[i % 8]} number {i}." for i in range(80)}
    queries = {f"q{i}": f"How about {TOPICS[i % 8]} {i}?" for i in range(80)}
    write_beir(folder, corpus, queries, {"test": {f"q{i}": {f"d{i}": 1} for i in range(80)}})
    return folder


@pytest.fixture(scope="module")
def onnx(bert_folder: Path, judged: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The result of an fp32 export."""
    return embedtune.export(bert_folder, data=judged, output=tmp_path_factory.mktemp("exports") / "fp32")


def test_the_figures_are_those_of_the_files(onnx: Any, bert_folder: Path, judged: Path) -> None:
    assert onnx.parity["vectors"] <= 1e-4 and onnx.parity["texts"] == 160 and onnx.parity["queries"] == 80
    assert onnx.parity["equivalent"] is True and onnx.parity["holds"] is True
    folder = Path(onnx.output)
    assert json.loads((folder / "export.json").read_text(encoding="utf-8"))["parity"] == onnx.as_json()["parity"]
    recorded = json.loads((folder / "embedtune_export.json").read_text(encoding="utf-8"))["parity"]
    assert recorded["difference"] == onnx.parity["difference"]
    assert "python" in (folder / "report.html").read_text(encoding="utf-8")
    assert "1e-04" in str(onnx) or "0.0001" in str(onnx)


def test_every_verb_reads_it(onnx: Any, bert_folder: Path, judged: Path, tmp_path: Path) -> None:
    shared: dict[str, Any] = {"device": "cpu", "store": "none"}
    found = embedtune.evaluate(model=[str(bert_folder), onnx.output], data=judged, output=tmp_path / "e", **shared)
    first, second = found.models
    assert first["metrics"] == pytest.approx(second["metrics"], abs=1e-6)
    assert second["metrics"]["ndcg@10"] == pytest.approx(onnx.parity["after"], abs=1e-6)
    texts = tmp_path / "texts.txt"
    texts.write_text("refund 3?\n환불 5?\n", encoding="utf-8")
    arrays = []
    for number, model in enumerate((str(bert_folder), onnx.output)):
        embedtune.encode(model=model, data=texts, output=tmp_path / f"{number}.npy", **shared)
        arrays.append(np.load(tmp_path / f"{number}.npy"))
    np.testing.assert_allclose(arrays[1], arrays[0], atol=1e-4)
    mined = embedtune.mine(
        model=onnx.output, data=judged, split="test", output=tmp_path / "m.jsonl", negatives=1, range="0:12", **shared
    )
    assert mined.rows > 0
    corpus = embedtune.open_search(model=onnx.output, data=judged, **shared)
    assert corpus.ask("How about refund 1?")


def test_it_cannot_be_trained_mixed_or_exported_again(
    onnx: Any, bert_folder: Path, judged: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="cannot be trained"):
        embedtune.train(model=onnx.output, data="samples", output=str(tmp_path / "run"))
    with pytest.raises(ModelError, match="cannot be mixed"):
        embedtune.merge(bert_folder, onnx.output, alpha=0.5, output=tmp_path / "merged")
    with pytest.raises(ConfigError, match="an export already"):
        embedtune.export(onnx.output, data=judged, output=tmp_path / "again")
    with pytest.raises(ModelError, match="cannot be saved"):
        save_encoder(load_encoder(EncoderSection(name=onnx.output), device="cpu"), tmp_path / "saved")


def test_other_vectors_are_refused_with_the_figures(
    bert_folder: Path, judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from embedtune.models.export.targets import onnx as target

    whole = target.write_graph

    def spoiled(encoder: Any, reading: Any, path: Path) -> None:
        from copy import deepcopy
        from dataclasses import replace

        import torch

        model = deepcopy(encoder.model)
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))
        whole(replace(encoder, model=model), reading, path)

    monkeypatch.setattr(target, "write_graph", spoiled)
    # The reason comes first: a difference of vectors in fp32, below that what is found.
    for precision, reason in (("fp32", "Components differ by at most"), ("int8", "Equivalence was not shown: nDCG@10")):
        with pytest.raises(GuardError, match=f"does not pass, and is not kept: {reason}") as caught:
            embedtune.export(bert_folder, data=judged, precision=precision, output=tmp_path / "out")
        assert caught.value.exit_code == 3
        assert "nDCG@10" in caught.value.message and "Components differ" in caught.value.message
        assert ("in fp32 at most 0.0001 is allowed" in caught.value.message) == (precision == "fp32")
        assert not (tmp_path / "out").exists()


def test_int8_needs_judged_queries(bert_folder: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"text number {i} about {TOPICS[i % 8]}\n" for i in range(200)), encoding="utf-8")
    with pytest.raises(ConfigError, match="nobody judged"):
        embedtune.export(bert_folder, data=texts, precision="int8", output=tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"to": "gguf"}, "does not write GGUF"),
        ({"to": "static", "precision": "int8"}, "has no int8"),
        ({"calibrate": 8}, "only int8"),
        ({"dimensions": 999}, "vectors of 32 components"),
    ],
)
def test_what_cannot_be_made_is_refused(
    options: dict[str, Any], words: str, bert_folder: Path, judged: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=words):
        embedtune.export(bert_folder, data=judged, output=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_named_before_any_work(
    bert_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedtune.models.export.engines.importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="onnxruntime") as caught:
        embedtune.export(bert_folder, data="nowhere.jsonl", output=tmp_path / "out")
    assert caught.value.next == "pip install 'embedtune[onnx]'"


def test_a_static_export_says_what_it_costs(bert_folder: Path, judged: Path, tmp_path: Path) -> None:
    found = embedtune.export(bert_folder, to="static", data=judged, output=tmp_path / "out", dimensions=16)
    assert found.own_space and found.dimensions == 16 and found.parity["vectors"] is None
    assert found.parity["difference"] is not None and "space of their own" in str(found)


def test_int8_is_taken_by_auto_only_once_it_was_measured(
    bert_folder: Path, judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("embedtune.models.export.int8_encoder.multiplies_int8", lambda: True)
    # Random weights rank by so little that their order may change; the gate has its own test.
    monkeypatch.setattr("embedtune.workflows.export.parity.Parity.holds", lambda *_, **__: True)
    section = EncoderSection(name=str(bert_folder))

    def loaded(precision: str) -> Any:
        return load_encoder(section, device="cpu", precision=precision, may_be_int8=True)

    assert loaded("auto").precision == "float32"
    asked = loaded("int8")
    assert asked.precision == "int8" and "was not measured" in asked.notes[-1]
    assert loaded("auto").precision == "float32"
    embedtune.export(bert_folder, data=judged, precision="int8", output=tmp_path / "out")
    found = loaded("auto")
    assert found.precision == "int8" and "equivalent" in found.notes[-1]
    assert found.prompts == asked.prompts and found.max_length == asked.max_length


def test_int8_is_refused_where_it_cannot_help(
    bert_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: tuple[str, ...]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("embedtune.models.export.int8_encoder.multiplies_int8", lambda: False)
    with pytest.raises(ConfigError, match="VNNI"):
        load_encoder(EncoderSection(name=str(bert_folder)), device="cpu", precision="int8")
    monkeypatch.setattr("embedtune.models.export.int8_encoder.multiplies_int8", lambda: True)
    with pytest.raises(ConfigError, match="multiplies no matrices"):
        load_encoder(EncoderSection(name="starter"), device="cpu", precision="int8", texts=texts)


def test_unknown_data_is_refused_before_anything_is_written(bert_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        embedtune.export(bert_folder, data=tmp_path / "nothing.jsonl", output=tmp_path / "out")
    assert not (tmp_path / "out").exists()
