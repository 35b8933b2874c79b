"""`embedtune search` as people give it: a query as an argument, from a pipe, or typed again and again."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded

Search = Callable[..., str]
FIXED = ("--store", "none", "--device", "cpu", "--quiet")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: tuple[str, ...]) -> Path:
    """A folder with the twelve texts, one of them twice, and pairs of them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts.txt").write_text("\n".join([*texts, texts[0]]) + "\n", encoding="utf-8")
    pairs = [{"query": texts[i], "answer": texts[i + 1]} for i in range(0, 12, 2)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in pairs), encoding="utf-8")
    return tmp_path


@pytest.fixture
def search(here: Path, capsys: pytest.CaptureFixture[str]) -> Search:
    """Searches with these arguments and returns what was printed on stdout."""

    def run(*arguments: str, code: int = 0) -> str:
        ended = guarded(build_app(), ["search", *arguments, *FIXED])
        out, err = capsys.readouterr()
        assert ended == code, err + out
        return out

    return run


@pytest.mark.usefixtures("products")  # which a default must not ask for
def test_an_encoder_finds_what_its_vectors_are_nearest_to(search: Search, bert_folder: Path, texts: Any) -> None:
    from sentence_transformers import SentenceTransformer

    options = ("--model", str(bert_folder), "--model", "bm25", "--data", "texts.txt", "-k", "4", "--json")
    answer = json.loads(search("비밀번호 재설정", *options))
    assert answer["data"] == "texts.txt (1 repeated left out): 12 documents"
    assert answer["models"] == [str(bert_folder), "bm25"]
    found = answer["queries"][0]["results"]
    model = SentenceTransformer(str(bert_folder), device="cpu")
    scores = (
        model.encode(["비밀번호 재설정"], normalize_embeddings=True)
        @ model.encode(list(texts), normalize_embeddings=True).T
    )[0]
    own = found[str(bert_folder)]
    assert [one["text"] for one in own] == [texts[i] for i in np.argsort(-scores)[:4]]
    assert [one["score"] for one in own] == pytest.approx(np.sort(scores)[::-1][:4], abs=1e-5)
    assert [one["rank"] for one in own] == [1, 2, 3, 4]
    words = {one["text"]: one["rank"] for one in found["bm25"]}
    assert set(words) == {text for text in texts if "비밀번호" in text}  # who shares no word is not found
    assert {one["text"]: one["others"]["bm25"] for one in own} == {one["text"]: words.get(one["text"]) for one in own}


def test_a_document_has_the_id_of_its_line(search: Search) -> None:
    answer = json.loads(search("refund", "--model", "bm25", "--data", "texts.txt", "--json"))
    assert [one["document"] for one in answer["queries"][0]["results"]["bm25"]] == ["texts.txt:4"]


def test_the_documents_of_pairs_are_their_answers(search: Search, texts: Any) -> None:
    answer = json.loads(search("password", "--model", "bm25", "--data", "pairs.jsonl", "--json"))
    assert answer["data"] == "pairs.jsonl: 6 documents"
    assert [one["text"] for one in answer["queries"][0]["results"]["bm25"]] == [texts[1]]
    questions = search("password", "--model", "bm25", "--data", "pairs.jsonl", "--column", "query", "--json")
    assert [one["text"] for one in json.loads(questions)["queries"][0]["results"]["bm25"]] == [texts[0]]


def test_without_a_model_the_starter_and_bm25_stand_side_by_side(search: Search) -> None:
    out = search("배송지를 바꿀 수 있나요", "--data", "texts.txt", "-k", "2")
    header = out.splitlines()[0]
    assert "starter" in header and "bm25" in header
    assert "#1 there" in out


def test_a_pipe_gives_a_query_a_line(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("refund\n\n배송지\n없는낱말\n"))
    out = search("--model", "bm25", "--data", "texts.txt")
    assert [line for line in out.splitlines() if line in ("refund", "배송지", "없는낱말")] == [
        "refund",
        "배송지",
        "없는낱말",
    ]
    assert "texts.txt:4" in out and "nothing found" in out
    monkeypatch.setattr("sys.stdin", io.StringIO("refund\n배송지\n"))
    answers = json.loads(search("--model", "bm25", "--data", "texts.txt", "--json"))["queries"]
    assert [answer["query"] for answer in answers] == ["refund", "배송지"]


@pytest.mark.parametrize("end", ["", None], ids=["an empty line", "Ctrl-D"])
def test_a_terminal_asks_until_told_to_stop(search: Search, monkeypatch: pytest.MonkeyPatch, end: str | None) -> None:
    lines = ["refund", "  배송지  ", end, "never asked"]

    def answer() -> str:
        line = lines.pop(0)
        if line is None:
            raise EOFError
        return line

    stdin = io.StringIO()
    stdin.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", stdin)
    monkeypatch.setattr("builtins.input", answer)
    out = search("--model", "bm25", "--data", "texts.txt")
    assert "texts.txt:4" in out and "texts.txt:11" in out
    assert lines == ["never asked"]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--model", "no/where/here", "x"), 1, "no folder"),
        (("--data", "nowhere.txt", "x"), 1, "no such file"),
        (("--top", "0", "x"), 2, "from 1 to 1000"),
        ((" ",), 2, "the query is empty"),
        (("--model", "bm25", "--max-length", "64", "x"), 2, "only encoders"),
        (("--column", "nothing", "x"), 1, "no column 'nothing'"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_what_is_refused(search: Search, options: tuple[str, ...], code: int, words: str) -> None:
    data = () if "--data" in options else ("--data", "texts.txt")
    assert words in json.loads(search(*options, *data, "--json", code=code))["error"]["message"]


def test_a_dry_run_prints_the_options(search: Search) -> None:
    assert json.loads(search("--data", "texts.txt", "--dry-run", "--json"))["data"]["source"] == "texts.txt"


def test_a_dry_run_prints_only_what_search_has(capsys: pytest.CaptureFixture[str]) -> None:
    from embedtune.config.options import options_of, schema_of

    assert guarded(build_app(), ["search", "--dry-run", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    keys = {f"{section}.{key}" for section, values in printed.items() for key in values}
    assert keys == {option.key for option in options_of(schema_of("search")).values()}
