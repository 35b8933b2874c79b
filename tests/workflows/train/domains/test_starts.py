"""Domains one after the other, from a start that the recipe makes: it is made once, and each domain goes on from it."""

import json
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ConfigError
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import load_encoder
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.train.run import train
from tests.workflows.conftest import TOPICS, lines

STAGES = ("1-fees", "2-cards", "3-loans")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """120 pairs of three products."""
    path = tmp_path / "desk.jsonl"
    rows = (
        {"anchor": f"{TOPICS[i % 8]} {i}?", "positive": f"{TOPICS[i % 8]}, {500 + i}.", "product": STAGES[i % 3][2:]}
        for i in range(120)
    )
    path.write_text(lines(rows), encoding="utf-8")
    return path


@pytest.fixture
def begun(recipe, desk, listener):
    """Trains one step per domain, and returns the result and what was said of matrices."""

    def run(**options):
        short = {"data": str(desk), "domains": "product", "guard": ["none"], "guide": "none", "max_steps": 1}
        result = train(recipe(**{**short, **options}), talk=listener)
        return result, [one for one in listener.said if "a matrix from" in one]

    return run


def module_names(folder: Path | str) -> list[str]:
    return [type(part).__name__ for part in SentenceTransformer(str(folder), device="cpu", local_files_only=True)]


def stages(run: str) -> list[RunFolder]:
    return [RunFolder(Path(run) / "domains" / name) for name in STAGES]


def test_two_encoders_are_put_together_once(begun, bert_folder, monkeypatch) -> None:
    result, said = begun(model=str(bert_folder), query_model="starter", loss=["infonce"], lr=1e-3, joint=True)
    assert len(said) == 1
    for folder in [result.model, *(one.model for one in stages(result.run))]:
        plain = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        sides = plain[0].sub_modules
        assert [type(sides[name][0]).__name__ for name in ("query", "document")] == ["StaticEmbedding", "Transformer"]
        assert plain.encode_query(["q"]).shape == plain.encode_document(["d"]).shape == (1, 32)
    last = stages(result.run)[-1].recipe()
    assert not last.query_model.given and last.model.name == str(stages(result.run)[-2].model)


def test_two_encoders_learn_at_one_rate_in_every_domain(begun, bert_folder) -> None:
    result, _ = begun(model=str(bert_folder), query_model="starter", loss=["infonce"])
    assert {one.recipe().training.lr for one in stages(result.run)} == {1e-4}


def test_a_matrix_of_a_student_is_fitted_once(begun, bert_folder) -> None:
    # The starter has 512 dimensions and its teacher 32, so a matrix is needed; it becomes part of the table.
    result, said = begun(teacher=str(bert_folder), loss=["align"])
    assert len(said) == 1
    assert module_names(result.model) == ["StaticEmbedding", "Normalize"]
    assert [one.recipe().loss[0].args for one in stages(result.run)] == [{}, *[{"projection": "none"}] * 2]


def test_layers_are_taken_away_once_and_one_matrix_is_put_behind(begun, bert_folder, listener, monkeypatch) -> None:
    monkeypatch.setattr("embedtune.models.maps.into_space.CLEARLY", -1.0)  # random layers are as near without
    result, said = begun(model=str(bert_folder), layers=1, teacher=str(bert_folder), loss=["align"], joint=True)
    assert len(said) == 1
    kept = [place for place, one in enumerate(listener.said) if "layers these are kept" in one]
    assert len(kept) == 1 and kept[0] < listener.said.index(said[0])
    assert "what is left of tiny-sentence-bert back into the space of tiny-sentence-bert" in said[0]
    assert module_names(result.model).count("Dense") == 1
    assert len({tuple(module_names(one.model)) for one in stages(result.run)}) == 1


def test_a_static_student_starts_the_first_domain(begun, bert_folder, tmp_path, desk) -> None:
    result, _ = begun(model="static", teacher=str(bert_folder), loss=["align"], lr=1e-9)
    texts = [json.loads(line)["anchor"] for line in desk.open(encoding="utf-8")][:20]
    start, end = (
        encode(load_encoder(EncoderSection(name=str(one)), device="cpu"), texts, role="query")
        for one in (Path(result.run) / "domains/0-start/start", result.model)
    )
    np.testing.assert_allclose(start, end, atol=1e-5)
    card = Path(result.model, "README.md").read_text(encoding="utf-8")
    assert f"Started from the token vectors of `{bert_folder.name}`." in card
    assert not any("product" in one for one in result.described)


def test_a_file_of_vectors_teaches_every_domain(begun, bert_folder, desk, tmp_path) -> None:
    rows = [json.loads(line) for line in desk.open(encoding="utf-8")]
    texts = [row[side] for row in rows for side in ("anchor", "positive")]
    vectors = encode(load_encoder(EncoderSection(name=str(bert_folder)), device="cpu"), texts, role="document")
    file = tmp_path / "vectors.jsonl"
    file.write_text(
        lines({"text": one, "vector": own.tolist()} for one, own in zip(texts, vectors, strict=True)), encoding="utf-8"
    )
    result, said = begun(teacher=str(file), loss=["align"])
    assert len(said) == 1
    assert all("teacher/vectors.jsonl" in one.facts()["data_sha256"] for one in stages(result.run))


def test_adapters_of_two_encoders_are_refused(recipe, desk, bert_folder) -> None:
    options = {"data": str(desk), "domains": "product", "model": str(bert_folder), "query_model": str(bert_folder)}
    with pytest.raises(ConfigError, match="adapters of two encoders"):
        train(recipe("query_model.lora.rank=2", **options))
