"""A saved encoder is plain sentence-transformers to anyone, whole or not there at all, and tells nobody of the user."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ModelError, OutputError
from embedtune.models.encode.encode import encode
from embedtune.models.files import save as saving
from embedtune.models.files.load import Encoder, load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.models.merge.alike import build_of, demand_alike

ELSEWHERE = """
import json, sys, numpy
from sentence_transformers import SentenceTransformer
folder, out = sys.argv[1:]
model = SentenceTransformer(folder, device="cpu")
texts = json.loads(sys.stdin.read())
made = {name: model.encode(texts, prompt_name=name, normalize_embeddings=True) for name in ("query", "document")}
numpy.savez(out, length=model.max_seq_length, **made)
"""


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_plain_sentence_transformers_in_another_process_gives_the_same(
    bert_folder: Path, texts: tuple[str, ...], tmp_path: Path
):
    prompts = {"query": "질문: ", "document": "passage: "}
    section = EncoderSection(name=str(bert_folder), prompts=prompts, max_length=16)
    encoder = load_encoder(section, device="cpu")
    save_encoder(encoder, tmp_path / "model")
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path / "model"), str(tmp_path / "out.npz")]
    subprocess.run(command, input=json.dumps(texts), text=True, check=True)
    elsewhere = np.load(tmp_path / "out.npz")
    assert elsewhere["length"] == 16
    for role in ("query", "document"):
        np.testing.assert_allclose(elsewhere[role], encode(encoder, texts, role=role), atol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "starter"])
def test_loaded_again_it_is_the_same_encoder(
    kind: str, request: pytest.FixtureRequest, texts: tuple[str, ...], tmp_path: Path
):
    encoder: Encoder = request.getfixturevalue(kind)
    save_encoder(encoder, tmp_path / "model")
    again = load_encoder(EncoderSection(name=str(tmp_path / "model")), device="cpu")
    assert again.fingerprint() == encoder.fingerprint()
    assert (again.max_length, again.dimensions, again.default_lr) == (
        encoder.max_length,
        encoder.dimensions,
        encoder.default_lr,
    )
    np.testing.assert_array_equal(encode(again, texts, role="query"), encode(encoder, texts, role="query"))


@pytest.mark.parametrize("kind", ["bert", "starter"])
def test_the_same_encoder_gives_the_same_files(kind: str, request: pytest.FixtureRequest, tmp_path: Path):
    encoder: Encoder = request.getfixturevalue(kind)
    for name in ("a", "b"):
        save_encoder(encoder, tmp_path / name)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    assert {"README.md", "modules.json", "model.safetensors"} <= set(hashes(tmp_path / "a"))


@pytest.mark.parametrize("kind", ["bert", "starter"])
def test_no_text_and_no_path_of_the_users(
    kind: str, request: pytest.FixtureRequest, texts: tuple[str, ...], tmp_path: Path
):
    encoder: Encoder = request.getfixturevalue(kind)
    save_encoder(encoder, tmp_path / "model")
    for file in (tmp_path / "model").rglob("*"):
        if file.suffix in (".md", ".json"):
            content = file.read_text(encoding="utf-8")
            assert str(tmp_path.parent) not in content
            assert not any(text in content for text in texts)


def test_a_second_save_replaces_the_first_whole(bert: Encoder, starter: Encoder, tmp_path: Path):
    save_encoder(bert, tmp_path / "model")
    save_encoder(starter, tmp_path / "model")
    save_encoder(starter, tmp_path / "alone")
    assert hashes(tmp_path / "model") == hashes(tmp_path / "alone")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone", "model"]


def test_a_failed_save_leaves_what_was_there(starter: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    save_encoder(starter, tmp_path / "model")
    before = hashes(tmp_path / "model")

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saving, "_card", full)
    with pytest.raises(OutputError, match=r"cannot be written.*No space left on device"):
        save_encoder(starter, tmp_path / "model")
    assert hashes(tmp_path / "model") == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_full_disk_in_the_words_of_the_libraries_is_an_output_error(
    starter: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> str:
        raise Exception("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(saving, "_card", full)
    with pytest.raises(OutputError, match="No space left on device") as caught:
        save_encoder(starter, tmp_path / "model")
    assert caught.value.where == str(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_an_output_error(starter: Encoder, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        save_encoder(starter, tmp_path / "file" / "model")


def test_a_starter_that_is_saved_for_use_gives_unit_vectors_and_ranks_as_measured(starter: Encoder, tmp_path: Path):
    from sentence_transformers import SentenceTransformer

    save_encoder(starter, tmp_path / "learns")
    save_encoder(starter, tmp_path / "used", to_use=True)
    learns, used = (SentenceTransformer(str(tmp_path / name), device="cpu") for name in ("learns", "used"))
    texts = ["password reset", "a refund takes three days, and a parcel a week", "비밀번호를 바꾸려면?"]
    raw, unit = learns.encode(texts), used.encode(texts)
    assert np.abs(np.linalg.norm(raw, axis=1) - 1).max() > 0.01  # so that inner products would rank otherwise
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(unit, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-6)
    again = load_encoder(EncoderSection(name=str(tmp_path / "used")), device="cpu")
    np.testing.assert_allclose(encode(again, texts, role="query"), encode(starter, texts, role="query"), atol=1e-6)
    assert len(starter.model) == 1  # what learns on is as it was


def test_a_model_saved_for_use_can_be_merged_with_its_start(starter: Encoder, tmp_path: Path):
    save_encoder(starter, tmp_path / "start")
    save_encoder(starter, tmp_path / "used", to_use=True)
    start, used = (load_encoder(EncoderSection(name=str(tmp_path / one)), device="cpu") for one in ("start", "used"))
    demand_alike(build_of(start), build_of(used))
    with pytest.raises(ModelError, match="has the module 1"):
        start.model.similarity_fn_name = used.model.similarity_fn_name = "dot"
        demand_alike(build_of(start), build_of(used))
