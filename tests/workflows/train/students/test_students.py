"""Students of a teacher and two encoders, by the whole command."""

import json
import shutil
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from embedtune.config.sections.encoder import EncoderSection
from embedtune.data.rows import Rows
from embedtune.errors import ConfigError, DataError, ModelError
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.shared.scoring import SELECTION
from embedtune.workflows.shared.talk import Silence
from embedtune.workflows.train.run import train
from embedtune.workflows.train.students.opened import Opening


@pytest.fixture
def corpus(tmp_path, texts) -> Path:
    """144 texts without pairs."""
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(f"{one} {other}" for one in texts for other in texts), encoding="utf-8")
    return path


@pytest.fixture
def loaded(bert_folder):
    return load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")


def agreement(folder: str, teacher: np.ndarray, texts) -> float:
    """The mean cosine with the teacher, by plain sentence-transformers."""
    found = SentenceTransformer(folder, device="cpu", local_files_only=True).encode(texts, normalize_embeddings=True)
    return float((found * teacher).sum(axis=1).mean())


@pytest.mark.parametrize("student", ["starter", "static", "layers"])
def test_a_student_comes_nearer_to_its_teacher(recipe, corpus, bert_folder, loaded, listener, student) -> None:
    texts = corpus.read_text(encoding="utf-8").splitlines()
    own = {"starter": {}, "static": {"model": "static"}, "layers": {"model": str(bert_folder), "layers": 1}}[student]
    options = {"data": str(corpus), "loss": ["align"], "teacher": str(bert_folder), "guard": ["none"], "max_steps": 12}
    rate = 0.01 if student == "starter" else 1e-4  # the matrix alone is nearly enough for the other two
    result = train(recipe(lr=rate, **options, **own), talk=listener)
    vectors = encode(loaded, texts, role="document")
    assert agreement(result.model, vectors, texts) > 0.99
    saved = SentenceTransformer(result.model, device="cpu", local_files_only=True)
    assert saved.get_embedding_dimension() == 32
    # The first of two random layers is as near without a matrix; a static student has it within its table.
    assert [type(part).__name__ for part in saved] == (
        ["Transformer", "Pooling"] if student == "layers" else ["StaticEmbedding", "Normalize"]
    )
    if student == "starter":
        assert any("from 512 to 32 dimensions" in one for one in listener.said)
        assert agreement(result.model, vectors, texts) > agreement(f"{result.run}/start", vectors, texts)
    steps = [json.loads(line) for line in (Path(result.run) / "metrics.jsonl").read_text().splitlines()]
    curve = [one["align.teacher_similarity"] for one in steps if "align" in one]
    assert len(curve) == result.steps == 12
    assert all(0.8 < one <= 1 for one in curve)


def test_a_file_of_vectors_teaches_as_the_model_does(recipe, corpus, bert_folder, loaded, tmp_path) -> None:
    texts = corpus.read_text(encoding="utf-8").splitlines()
    vectors = encode(loaded, texts, role="document")
    file = tmp_path / "vectors.jsonl"
    lines = [json.dumps({"text": one, "vector": own.tolist()}) for one, own in zip(texts, vectors, strict=True)]
    file.write_text("\n".join(lines), encoding="utf-8")
    options = {"data": str(corpus), "loss": ["align"], "guard": ["none"]}
    by_model = train(recipe(**options, teacher=str(bert_folder), output="one"))
    by_file = train(recipe(**options, teacher=str(file), output="two"))
    one, other = (encode(load_encoder(EncoderSection(name=r.model)), texts, role="query") for r in (by_model, by_file))
    np.testing.assert_allclose(one, other, atol=1e-4)
    file.write_text("\n".join(lines[:100]), encoding="utf-8")
    with pytest.raises(DataError, match="no vector for"):
        train(recipe(**options, teacher=str(file), output="three"))


def _rise(monkeypatch) -> None:
    """Let dev scores rise, so that the last step is the best."""
    rising = count(1)
    for name in ("dev_scores", "query_side_scores"):
        scores = f"embedtune.workflows.train.fitting.{name}"
        monkeypatch.setattr(scores, lambda *_: lambda: {SELECTION: next(rising) / 1000})


@pytest.mark.parametrize("side", ["both", "query"])
def test_two_encoders_become_one_router(recipe, texts, bert_folder, loaded, side, monkeypatch) -> None:
    _rise(monkeypatch)
    result = train(recipe(model=str(bert_folder), query_model="starter", side=side, lr=1e-3, guard=["none"]))
    after = load_encoder(EncoderSection(name=result.model), device="cpu")
    documents = encode(after, texts, role="document")
    changed = np.abs(documents - encode(loaded, texts, role="document")).max()
    assert changed < 1e-6 if side == "query" else changed > 1e-5
    kept = after.model[0].sub_modules["document"].state_dict()
    same = [np.array_equal(kept[key].numpy(), value.numpy()) for key, value in loaded.model.state_dict().items()]
    assert all(same) == (side == "query")
    plain = SentenceTransformer(result.model, device="cpu", local_files_only=True)
    assert np.abs(plain.encode_document(list(texts), normalize_embeddings=True) - documents).max() < 1e-5
    queries = encode(after, texts, role="query")
    assert np.abs(plain.encode_query(list(texts), normalize_embeddings=True) - queries).max() < 1e-5
    assert queries.shape == documents.shape
    assert plain[0].sub_modules["query"][0].__class__.__name__ == "StaticEmbedding"


@pytest.mark.parametrize("side", ["both", "query"])
def test_adapters_of_two_encoders_become_part_of_their_weights(recipe, bert_folder, side, monkeypatch) -> None:
    _rise(monkeypatch)
    adapters = ["query_model.lora.rank=2", *(["model.lora.rank=2"] if side == "both" else [])]
    options = {"model": str(bert_folder), "query_model": str(bert_folder), "side": side, "guard": ["none"]}
    result = train(recipe(*adapters, lr=1e-2, **options))
    start = SentenceTransformer(str(bert_folder), device="cpu", local_files_only=True)[0].state_dict()
    plain = SentenceTransformer(result.model, device="cpu", local_files_only=True)
    ranks = {}
    for role, part in plain[0].sub_modules.items():
        found = part[0].state_dict()
        moved = [(found[name] - start[name]).double().numpy() for name in start]
        ranks[role] = {int(np.linalg.matrix_rank(one, tol=1e-5)) for one in moved if np.abs(one).max() > 0}
    assert ranks["query"] == {2}
    assert ranks["document"] == ({2} if side == "both" else set())


def test_two_encoders_are_mixed_with_themselves_before_training(recipe, bert_folder, monkeypatch) -> None:
    monkeypatch.setattr("embedtune.workflows.train.kept.keeping.choose_alpha", _half)
    options = {"model": str(bert_folder), "query_model": str(bert_folder), "merge": "auto"}
    result = train(recipe(lr=1e-3, max_steps=2, **options))
    assert result.alpha == 0.5
    plain = SentenceTransformer(result.model, device="cpu", local_files_only=True)
    assert plain.encode_query(["a question"]).shape == plain.encode_document(["an answer"]).shape


def _half(mixture, frame, *_):
    mixture.into(frame, 0.5)
    return 0.5, ()


def test_a_run_goes_on_with_the_student_that_it_made(recipe, corpus, bert_folder) -> None:
    options = {"data": str(corpus), "loss": ["align"], "teacher": str(bert_folder), "model": "static"}
    options |= {"guard": ["none"], "keep_checkpoints": True, "lr": 0.001}
    first = train(recipe(**options, max_steps=2, epochs=4))
    start = (Path(first.run) / "start" / "model.safetensors").read_bytes()
    more = recipe(**options, max_steps=4, epochs=4)
    second = train(more, resume=RunFolder(Path(first.run)), accept_changes=True)
    assert second.steps == 4
    assert (Path(first.run) / "start" / "model.safetensors").read_bytes() == start


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"loss": ["align"]}, ConfigError, "the loss align imitates a teacher, and none is named"),
        ({"model": "static"}, ConfigError, "--model static is made of a teacher"),
        ({"loss": ["align"], "teacher": "starter"}, ModelError, "starter cannot be the teacher"),
        ({"loss": ["align", "byol"], "teacher": "BERT"}, ConfigError, "byol has a teacher of its own"),
        ({"loss": ["align"], "teacher": "BERT", "views": "delete"}, ConfigError, "change texts in each epoch"),
        ({"loss": ["infonce"], "views": "single"}, ConfigError, "infonce learns from pairs"),
        ({"query_model": "BERT"}, ConfigError, "--model starter"),
    ],
)
def test_what_cannot_be_is_refused(recipe, bert_folder, options, kind, said) -> None:
    named = {key: str(bert_folder) if value == "BERT" else value for key, value in options.items()}
    with pytest.raises(kind, match=said):
        train(recipe(**named))


@pytest.mark.parametrize(
    ("overrides", "layers", "said"),
    [((), 7, "has 2 layers, fewer than 7"), (("training.freeze_layers=1",), 1, "this encoder has 1 layer,")],
)
def test_layers_that_are_not_there_are_refused_before_a_folder_is_made(
    recipe, bert_folder, tmp_path, overrides, layers, said
) -> None:
    with pytest.raises(ConfigError, match=said):
        train(recipe(*overrides, model=str(bert_folder), layers=layers))
    assert not (tmp_path / "run").exists()


def card(run: str) -> str:
    return (Path(run) / "model/README.md").read_text(encoding="utf-8")


def test_the_card_of_a_static_student_has_the_licence_of_its_teacher(recipe, bert_folder, tmp_path) -> None:
    teacher = tmp_path / "e5"
    shutil.copytree(bert_folder, teacher)
    (teacher / "README.md").write_text("---\nlicense: apache-2.0\n---\n", encoding="utf-8")
    result = train(recipe(model="static", teacher=str(teacher), loss=["align"], guard=["none"], max_steps=1))
    assert "license: apache-2.0\n" in card(result.run)
    assert "Started from the token vectors of `e5`." in card(result.run)
    assert "which imitates e5" in card(result.run)
    assert "the token vectors of" in (Path(result.run) / "report.md").read_text(encoding="utf-8")


def test_the_card_of_two_encoders_names_both_and_their_lengths(recipe, bert_folder) -> None:
    result = train(recipe(model=str(bert_folder), query_model="starter", loss=["infonce"], guard=["none"], max_steps=1))
    assert f"Started from `{bert_folder.name}` for documents and `starter` for queries." in card(result.run)
    assert "Maximum length: none for a query, 64 tokens for a document" in card(result.run)


def test_a_resumed_student_keeps_its_name(recipe, bert_folder, tmp_path) -> None:
    options = {"model": str(bert_folder), "layers": 1, "teacher": str(bert_folder), "loss": ["align"]}
    config = recipe(**options)
    rows, folder = Rows(["a", "b"], ["c", "d"]), RunFolder(tmp_path / "resumed")
    data = SimpleNamespace(texts=[], train=rows)
    encoder = load_encoder(config.model, device="cpu")
    folder.path.mkdir()
    save_encoder(encoder, folder.start)
    assert Opening(config, data, folder, Silence()).encoder(resumed=True).name == str(bert_folder)


def test_a_teacher_without_a_use_is_named(recipe, bert_folder, listener) -> None:
    train(recipe(loss=["infonce"], teacher=str(bert_folder), guard=["none"], max_steps=1), talk=listener)
    assert any("the teacher" in one and "--loss align does" in one for one in listener.warned)


def test_a_teacher_that_is_not_there_is_blamed_on_its_own_option(recipe, tmp_path) -> None:
    with pytest.raises(ModelError) as caught:
        train(recipe(loss=["align"], teacher=str(tmp_path / "nowhere")))
    assert caught.value.where == "--teacher"
    assert "starter" not in (caught.value.next or "")  # it could not be the teacher
