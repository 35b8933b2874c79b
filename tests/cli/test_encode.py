"""`embedtune encode` as people give it: order, prompts, files that others read, and what it refuses."""

import json
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded
from embedtune.config.recipe.load import load
from embedtune.config.verbs.encode import EncodeConfig
from embedtune.errors import Interrupted
from embedtune.workflows.encode import run as workflow
from embedtune.workflows.shared.talk import Silence

Encode = Callable[..., dict[str, Any]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: tuple[str, ...]) -> Path:
    """A folder with the texts as a file, one of them twice, and as the corpus of a BEIR folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts.txt").write_text("\n".join([*texts, texts[0]]) + "\n", encoding="utf-8")
    (tmp_path / "set/qrels").mkdir(parents=True)
    corpus = [{"_id": f"d{i}", "title": "제목", "text": text} for i, text in enumerate(texts)]
    write(tmp_path / "set/corpus.jsonl", corpus)
    write(tmp_path / "set/queries.jsonl", [{"_id": "q0", "text": "언제요?"}])
    (tmp_path / "set/qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\nq0\td0\t1\n", encoding="utf-8")
    write(tmp_path / "pairs.jsonl", [{"anchor": texts[i], "positive": texts[i + 1]} for i in range(0, 12, 2)])
    return tmp_path


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def encode(here: Path, bert_folder: Path, call: Encode) -> Encode:
    """Encodes with these arguments, by the tiny BERT where no model is named."""

    def run(*arguments: str, code: int = 0, store: str = "none") -> dict[str, Any]:
        model = () if "--model" in arguments else ("--model", str(bert_folder))
        return call("encode", *model, *arguments, "--store", store, "--device", "cpu", code=code)

    return run


@pytest.fixture
def expected(bert_folder: Path, texts: tuple[str, ...]) -> Callable[[str], np.ndarray]:
    """The vectors of sentence-transformers under a prompt."""

    def of(prompt: str = "") -> np.ndarray:
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(bert_folder), device="cpu")
        return model.encode(list(texts), prompt=prompt or None, normalize_embeddings=True)

    return of


@pytest.mark.usefixtures("products")  # which a default must not ask for: such vectors are published
def test_vectors_stand_in_the_order_of_the_lines(encode: Encode, here: Path, expected: Any) -> None:
    result = encode("--data", "texts.txt", "--output", "out.npy")
    assert {key: result[key] for key in ("output", "texts", "dimensions", "from_store", "role")} == {
        "output": "out.npy",
        "texts": 13,
        "dimensions": 32,
        "from_store": 0,
        "role": "document",
    }
    vectors = np.load(here / "out.npy", mmap_mode="r")
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[:12], expected(), atol=1e-5)
    np.testing.assert_allclose(vectors[12], vectors[0], atol=1e-6)
    assert sorted(path.name for path in here.glob("out*")) == ["out.npy"]
    encode("--data", "texts.txt", "--output", "half.npy", "--dtype", "float16")
    np.testing.assert_allclose(np.load(here / "half.npy").astype(np.float32), vectors, atol=1e-3)


def test_bf16_products_are_asked_for_and_known_apart(encode: Encode, here: Path, expected: Any) -> None:
    for precision in ("fp32", "bf16", "fp32"):
        result = encode("--data", "texts.txt", "--output", f"{precision}.npy", "--precision", precision, store="kept")
    assert result["from_store"] == 13
    full, half = (np.load(here / f"{precision}.npy") for precision in ("fp32", "bf16"))
    np.testing.assert_allclose(full[:12], expected(), atol=1e-5)
    assert 1e-5 < np.abs(half - full).max() < 0.02


def test_auto_is_what_the_hardware_multiplies(encode: Encode, here: Path, products: str) -> None:
    """Told apart by the store, which gives nothing to the other of the two."""
    found = []
    for precision in (products, {"bf16": "fp32", "fp32": "bf16"}[products], "auto"):
        result = encode("--data", "texts.txt", "--output", f"{precision}.npy", "--precision", precision, store="kept")
        found.append(result["from_store"])
    assert found == [0, 0, 13]
    np.testing.assert_array_equal(np.load(here / "auto.npy"), np.load(here / f"{products}.npy"))


def test_parquet_keeps_ids_texts_and_the_role_where_it_makes_a_difference(
    encode: Encode, here: Path, expected: Any
) -> None:
    encode("--data", "set", "--output", "plain.parquet")
    table = pyarrow.parquet.read_table(here / "plain.parquet").to_pydict()
    assert list(table) == ["id", "text", "vector"] and table["id"][3] == "d3" and table["text"][3].startswith("제목 ")
    encode("--data", "set", "--output", "out.parquet", "--prompts", "query=질문: ,document=글: ", "--role", "query")
    table = pyarrow.parquet.read_table(here / "out.parquet").to_pydict()
    assert (table["id"], table["text"], table["role"]) == (["q0"], ["언제요?"], ["query"])
    encode("--data", "pairs.jsonl", "--column", "positive", "--output", "out.parquet", "--prompts", "document=글: ")
    table = pyarrow.parquet.read_table(here / "out.parquet").to_pydict()
    assert set(table["role"]) == {"document"} and table["id"][1] == "pairs.jsonl:2"
    np.testing.assert_allclose(np.array(table["vector"]), expected("글: ")[1::2], atol=1e-5)


def test_what_was_computed_before_is_taken_from_the_store(encode: Encode, here: Path) -> None:
    first = encode("--data", "pairs.jsonl", "--column", "anchor", "--output", "a.npy", store="kept")
    again = encode("--data", "texts.txt", "--output", "b.npy", store="kept")
    assert (first["from_store"], again["from_store"], again["texts"]) == (0, 7, 13)  # six anchors, one of them twice
    np.testing.assert_array_equal(np.load(here / "a.npy"), np.load(here / "b.npy")[:12:2])


def test_an_interrupted_job_goes_on_with_the_same_bytes(
    here: Path, bert_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Impatient(Silence):
        @contextmanager
        def progress(self, description: str, total: int | None = None) -> Any:
            def tell(done: int, *_: object) -> None:
                if total and done >= 8:
                    raise KeyboardInterrupt

            yield tell

    monkeypatch.setattr(workflow, "BLOCK", 4)
    options = {"model": str(bert_folder), "data": "texts.txt", "store": "none", "device": "cpu"}
    whole = load(EncodeConfig, options={**options, "output": "whole.npy"})
    workflow.encode(whole)
    config = load(EncodeConfig, options={**options, "output": "out.npy"})
    with pytest.raises(Interrupted, match=r"kept in out\.npy\.job"):
        workflow.encode(config, talk=Impatient())
    assert not (here / "out.npy").exists()
    workflow.encode(config)
    assert (here / "out.npy").read_bytes() == (here / "whole.npy").read_bytes()
    assert not (here / "out.npy.job").exists()


def test_training_takes_the_parquet_file_as_its_guide(
    encode: Encode, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encode("--data", "texts.txt", "--output", "guide.parquet")
    arguments = ["train", "--loss", "gist", "--data", "pairs.jsonl", "--guide", "guide.parquet", "--max-steps", "1"]
    fixed = ["--output", "run", "--store", "none", "--device", "cpu", "--json"]
    assert guarded(build_app(), [*arguments, *fixed]) == 0
    assert json.loads(capsys.readouterr().out)["guide"]["name"] == "guide.parquet"


def test_a_dry_run_prints_the_options_and_writes_nothing(encode: Encode, here: Path) -> None:
    config = encode("--data", "texts.txt", "--output", "out.npy", "--dry-run")
    assert (config["data"]["source"], config["output"]["path"]) == ("texts.txt", "out.npy")
    assert not list(here.glob("out*"))


@pytest.mark.parametrize(
    ("options", "code", "words", "step"),
    [
        (("--output", "a.csv"), 2, "suffix '.csv'", ".npy"),
        (("--output", "a.parquet", "--dtype", "float16"), 2, "only .npy", "leave it out"),
        (("--precision", "float16"), 2, "auto, fp32, bf16", ""),
        (("--model", "starter"), 2, "lost afterwards", "RUN/model"),
        (("--model", "no/where/here"), 1, "no folder", ""),
        (("--data", "pairs.jsonl"), 1, "cannot tell which of the columns", "--column anchor"),
        (("--data", "pairs.jsonl", "--column", "answer"), 1, "no column 'answer'", ""),
        (("--role", "answer"), 2, "query", ""),
        (("--data", "nowhere.txt"), 1, "no such file", ""),
        (("--output", "texts.txt/a.npy"), 1, "cannot be written", ""),
        (("--output", "folder.npy"), 1, "a folder", "name a file"),
        (
            ("--data", "vectors.parquet", "--output", "./vectors.parquet"),
            2,
            "would overwrite the file of --data",
            "name",
        ),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_what_is_refused(
    encode: Encode, here: Path, options: tuple[str, ...], code: int, words: str, step: str
) -> None:
    data = () if "--data" in options else ("--data", "texts.txt")
    (here / "folder.npy").mkdir()
    error = encode(*options, *data, code=code)["error"]
    assert words in error["message"]
    assert step in (error["next"] or "")
    assert not list(here.glob("*.job"))
    assert [path.name for path in here.glob("*.npy")] == ["folder.npy"]


def test_a_dry_run_refuses_what_the_run_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_app(), ["encode", "--dry-run"]) == 2
    assert "a starter made for these texts would be lost" in capsys.readouterr().err
    assert guarded(build_app(), ["encode", "--dry-run", "--model", "some/model"]) == 0
