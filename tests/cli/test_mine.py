"""`embedtune mine` as people give it: what it writes where, what each option does, what it refuses."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from beir_writer import write_beir

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded
from embedtune.data.formats import written_formats
from embedtune.data.rows import Rows
from embedtune.data.sources.source import FileSource, open_source

TOPICS = ("password", "refund", "delivery", "비밀번호", "환불", "배송")
Mine = Callable[..., dict[str, Any]]


def lines(records: Iterable[Mapping[str, object]]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def pairs(count: int = 36) -> list[dict[str, object]]:
    """Questions and answers on six topics, half of them Korean."""
    words = ("quick", "late", "lost", "새로운", "급한", "오래된", "third", "열두")
    return [
        {
            "anchor": f"How about {TOPICS[i % 6]} {words[i % 8]} {i}?",
            "positive": f"The answer on {TOPICS[i % 6]} {words[i % 8]} is number {i}.",
            "topic": TOPICS[i % 6],
        }
        for i in range(count)
    ]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with 36 pairs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.jsonl").write_text(lines(pairs()), encoding="utf-8")
    return tmp_path


@pytest.fixture
def mine(here: Path, call: Mine) -> Mine:
    """Mines two negatives a query with these arguments."""

    def run(*arguments: str, data: str = "pairs.jsonl", code: int = 0) -> dict[str, Any]:
        usual = {"--store": "none", "--device": "cpu", "--negatives": "2", "--range": "0:12"}
        short = [word for option, value in usual.items() if option not in arguments for word in (option, value)]
        return call("mine", "--data", data, *short, *arguments, code=code)

    return run


def test_what_other_splits_are_judged_by_is_no_negative(mine: Mine, here: Path) -> None:
    kept = [f"the {word} answer" for word in ("first", "second", "third", "fourth")]
    corpus = {f"d{i}": text for i, text in enumerate([*kept, "the answer kept for the test"])}
    queries = {"q0": "the first answer?", "q1": "the second?", "q2": "the test?"}
    qrels = {"train": {"q0": {"d0": 1}, "q1": {"d1": 1}}, "test": {"q2": {"d4": 1, "d1": 1}}}
    write_beir(here / "set", corpus, queries, qrels)
    result = mine("--output", "m.jsonl", "--preset", "hardest", "--negatives", "9", data="set")
    assert "1 document excluded from training: only queries of other splits refer to them" in result["stderr"]
    found = [set(row["negatives"]) for row in read(here / "m.jsonl")]
    assert found == [set(kept) - {kept[0]}, set(kept) - {kept[1]}]


@pytest.mark.usefixtures("products")
def test_json_holds_every_promised_key_and_the_files_are_there(mine: Mine, here: Path, bert_folder: Path) -> None:
    result = mine("--output", "결과/채굴.jsonl", "--model", str(bert_folder))
    kinds = {key: type(result[key]) for key in ("output", "rows", "negatives", "queries_short", "dropped", "report")}
    assert kinds == {
        "output": str, "rows": int, "negatives": int, "queries_short": int, "dropped": dict, "report": str
    }  # fmt: skip
    assert isinstance(result["elapsed_s"], float)
    assert result["peak_memory_bytes"] > 10**7
    mapped = result["mapped_memory_bytes"]
    assert mapped is None if sys.platform != "linux" else 10**6 < mapped < result["peak_memory_bytes"]
    rows = read(Path(result["output"]))
    assert len(rows) == result["rows"] == 36
    assert sum(len(row["negatives"]) for row in rows) == result["negatives"]
    assert sum(len(row["negatives"]) < 2 for row in rows) == result["queries_short"]
    assert sorted(path.name for path in (here / "결과").iterdir()) == [
        ".채굴.jsonl.embedtune",
        "채굴.jsonl",
        "채굴.ledger.jsonl",
        "채굴.report.html",
        "채굴.report.md",
    ]
    page = Path(result["report"]).read_text(encoding="utf-8")
    assert "비밀번호" in page
    assert f"{result['negatives']:,}" in page


def test_every_candidate_is_counted_once_and_known_positives_are_never_negatives(mine: Mine) -> None:
    result = mine("--preset", "hardest")
    answers: dict[str, set[str]] = {}
    for row in pairs():
        answers.setdefault(str(row["anchor"]), set()).add(str(row["positive"]))
    for row in read(Path(result["output"])):
        assert not answers[row["anchor"]] & set(row["negatives"])
        assert row["negative_scores"] == sorted(row["negative_scores"], reverse=True)
    # 36 documents and a window of 12 behind the positive, of which two places more are fetched.
    assert result["kept"] + sum(result["dropped"].values()) == 36 * 14
    assert result["kept"] == 36 * 12
    assert result["queries_short"] == 0
    assert result["shares"]["kept"] == pytest.approx(12 / 14)


def test_the_mined_rows_train(mine: Mine, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine("--output", "mined.jsonl")
    arguments = ["--data", "mined.jsonl", "--loss", "gist", "--guide", "none", "--max-steps", "1", "--store", "none"]
    code = guarded(
        build_app(), ["train", *arguments, "--batch-size", "8", "--device", "cpu", "--output", "run", "--json"]
    )
    out, err = capsys.readouterr()
    assert code == 0, err
    assert json.loads(out)["steps"] == 1


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize("name", written_formats())
def test_every_format_reads_back(mine: Mine, here: Path, name: str, suffix: str) -> None:
    wanted = {row["anchor"]: row["negatives"] for row in read(Path(mine("--preset", "hardest")["output"]))}
    result = mine("--preset", "hardest", "--format", name, "--output", f"out{suffix}")
    assert result["rows"] >= 36
    if name.startswith("labelled"):
        return  # one text and a label a row: for trainers of classifiers, and not for `--data`
    source = open_source(f"out{suffix}")
    assert isinstance(source, FileSource)
    content = source.part("", {}, None).content
    assert isinstance(content, Rows)
    found: dict[str, list[str]] = {}
    for anchor, negatives in zip(content.anchors, content.negatives, strict=True):
        found.setdefault(anchor, []).extend(text for text in negatives if text not in found.get(anchor, []))
    assert found == wanted


def test_texts_of_the_same_group_are_never_negatives(mine: Mine) -> None:
    result = mine("--group", "topic", "--preset", "hardest")
    topic = {str(row["anchor"]): str(row["topic"]) for row in pairs()}
    for row in read(Path(result["output"])):
        assert row["negatives"]
        assert not any(f"on {topic[row['anchor']]} " in text for text in row["negatives"])
    assert result["dropped"]["same_group"] > 0


def test_a_corpus_of_its_own_and_the_group_of_its_positives(mine: Mine, here: Path) -> None:
    texts = [f"The answer on {TOPICS[i % 6]} as the corpus has it, {i}." for i in range(30)]
    (here / "corpus.txt").write_text(
        "\n".join([*texts, str(pairs()[0]["positive"]), texts[0]]) + "\n", encoding="utf-8"
    )
    result = mine("--corpus", "corpus.txt", "--preset", "hardest")
    assert result["documents"] == 31
    negatives = {text for row in read(Path(result["output"])) for text in row["negatives"]}
    assert negatives <= {*texts, pairs()[0]["positive"]}
    assert "left out 1 document that repeats the text of an earlier one" in result["described"]


@pytest.mark.parametrize("kind", ["bm25", "dense+bm25"])
def test_candidates_by_words(mine: Mine, kind: str) -> None:
    result = mine("--candidates", kind, "--preset", "hardest", "--index", "exact")
    first = read(Path(result["output"]))[0]
    assert first["negatives"]
    # What shares a topic's word with the query ranks first by words.
    assert any("password" in text for text in first["negatives"])


@pytest.mark.usefixtures("products")
def test_an_edited_ledger_makes_positives_and_keeps_negatives(mine: Mine, here: Path, bert_folder: Path) -> None:
    # Random weights put many a candidate above the positive.
    options = ("--preset", "semi-hard", "--range", "0:30", "--model", str(bert_folder))
    result = mine(*options)
    ledger = read(Path(result["ledger"]))
    positive, negative = [line for line in ledger if line["verdict"] == "margin"][:2]
    assert max(Counter(line["query"] for line in ledger).values()) == 3
    assert [line["suspicion"] for line in ledger] == sorted((line["suspicion"] for line in ledger), reverse=True)
    edited = [
        {"query": positive["query"], "candidate": positive["candidate"], "decision": "positive", "note": "사람이 봄"},
        {"query": negative["query"], "candidate": negative["candidate"], "decision": " Negative "},
        {"query": ledger[-1]["query"], "candidate": ledger[-1]["candidate"], "decision": None},
    ]
    (here / "edited.jsonl").write_text(lines(edited), encoding="utf-8")
    again = mine(*options, "--relabel", "edited.jsonl", "--output", "again.jsonl")
    rows = read(here / "again.jsonl")
    assert again["rows"] == result["rows"] + 1
    assert positive["candidate"] in [row["positive"] for row in rows if row["anchor"] == positive["query"]]
    for row in rows:
        if row["anchor"] == positive["query"]:
            assert positive["candidate"] not in row["negatives"]
        if row["anchor"] == negative["query"]:
            assert row["negatives"][0] == negative["candidate"]
    assert "1 pair marked positive, 1 negative, 1 undecided" in again["stderr"]
    told = {(line["query"], line["candidate"]) for line in read(Path(again["ledger"]))}
    assert not told & {(line["query"], line["candidate"]) for line in (positive, negative)}


@pytest.mark.usefixtures("products")
def test_decisions_stay_in_the_ledger_that_the_next_one_replaces(mine: Mine, here: Path, bert_folder: Path) -> None:
    options = ("--preset", "semi-hard", "--range", "0:30", "--model", str(bert_folder))
    ledger = Path(mine(*options)["ledger"])
    first, second, *others = read(ledger)
    decided = [{**first, "decision": "positive", "메모": "맞는 답"}, {**second, "decision": "negative"}]
    ledger.write_text(lines([*decided, *others]), encoding="utf-8")
    lost = mine(*options, code=2)["error"]
    assert "2 decisions in mined.ledger.jsonl would be lost" in lost["message"]
    assert "--relabel mined.ledger.jsonl" in lost["next"]
    mine(*options, "--relabel", "mined.ledger.jsonl")
    kept, mined = ledger.read_bytes(), Path("mined.jsonl").read_bytes()
    assert read(ledger)[-2:] == decided
    assert others
    assert {line["decision"] for line in read(ledger)[:-2]} == {None}
    mine(*options, "--relabel", "mined.ledger.jsonl")
    assert (ledger.read_bytes(), Path("mined.jsonl").read_bytes()) == (kept, mined)


def test_decisions_on_queries_of_other_data_are_told(mine: Mine, here: Path) -> None:
    strange = {"query": "다른 자료의 질문", "candidate": "답", "decision": "positive"}
    (here / "other.jsonl").write_text(lines([strange]), encoding="utf-8")
    findings = {one["code"]: one for one in mine("--relabel", "other.jsonl")["findings"]}
    assert findings["ledger-of-other-queries"]["count"] == 1


def test_blocks_and_memory_change_nothing(mine: Mine, here: Path) -> None:
    whole = Path(mine("--sampling", "weighted")["output"]).read_bytes()
    for arguments in (("mining.block=5",), ("--memory", "64MiB", "mining.block=7")):
        assert Path(mine("--sampling", "weighted", *arguments)["output"]).read_bytes() == whole


def test_a_share_asked_for_is_kept(mine: Mine) -> None:
    result = mine("--target-kept", "0.5")
    assert result["calibration"]["rule"] == "target"
    assert result["kept"] / (result["kept"] + result["dropped"]["margin"]) == pytest.approx(0.5, abs=0.02)
    assert "50%" in result["stderr"]


def test_a_recipe_and_its_dry_run(mine: Mine, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_app(), ["mine", "--data", "pairs.jsonl", "--negatives", "3", "--dry-run"]) == 0
    (here / "채굴.yaml").write_text(capsys.readouterr().out, encoding="utf-8")
    result = mine("채굴.yaml", "mining.sampling=spread")
    assert "sampling: spread" in result["recipe"]
    assert not list(here.glob("*.job"))


def test_the_table_goes_to_stdout_and_texts_cannot_act(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = [
        {"anchor": f"q{i} \x1b[31m<script>", "positive": f"p{i} <script>alert(1)</script>\x1b[2J"} for i in range(12)
    ]
    (here / "odd.jsonl").write_text(lines(odd), encoding="utf-8")
    arguments = ["--data", "odd.jsonl", "--store", "none", "--device", "cpu", "--range", "0:5"]
    assert guarded(build_app(), ["mine", *arguments, "--preset", "hardest"]) == 0
    out, err = capsys.readouterr()
    assert "kept" in out
    assert out.rstrip().endswith("report  mined.report.html")
    assert "\x1b" not in out + err
    page = (here / "mined.report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "\x1b" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--format", "triplets"), 2, "did you mean 'triplet'"),
        (("--output", "mined.csv"), 2, ".jsonl or .parquet"),
        (("--range", "9:3"), 2, "holds no rank"),
        (("--memory", "lots"), 2, "4GiB"),
        (("--model", "no/such/model/at/all"), 1, "no folder"),
        (("--guide", "starter"), 2, "no second opinion"),
        (("--cross-encoder", "./nowhere"), 1, "no folder"),
        (("--device", "tpu"), 2, "no device"),
        (("--split", "dev"), 1, "no split"),
        (("--group", "subject"), 1, "no column 'subject'"),
        (("--corpus", "nowhere.jsonl"), 1, "no such file"),
        (("--relabel", "nowhere.jsonl"), 1, "no such file"),
        (("--output", "pairs.jsonl"), 2, "would overwrite the file of --data"),
        (
            ("--output", "./pairs.ledger.jsonl", "--relabel", "pairs.ledger.jsonl"),
            2,
            "would overwrite the file of --relabel",
        ),
        (("--output", f"{'글' * 100}.jsonl"), 1, "too long"),
        (("--preset", "threshold"), 2, "needs max_score"),
        (("--margin", "0.1", "--target-kept", "0.5"), 2, "margin leaves none to choose"),
        (("--preset", "semi-hard", "--target-kept", "0.5"), 2, "preset leaves none to choose"),
        (("--candidates", "bm25", "--index", "HNSW32,Flat"), 2, "finds candidates by words alone"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(mine: Mine, here: Path, arguments: Any, code: int, words: str) -> None:
    failed = mine(*arguments, code=code)
    error = failed["error"]
    assert words in f"{error['message']} {error['next']}", error
    assert [path.name for path in here.iterdir()] == ["pairs.jsonl"]


def test_raw_texts_are_pointed_to_the_corpus_option(mine: Mine, here: Path) -> None:
    (here / "글.txt").write_text("하나\n둘\n", encoding="utf-8")
    error = mine(data="글.txt", code=1)["error"]
    assert "--corpus" in error["next"]


def test_labelled_texts_take_negatives_from_other_classes(mine: Mine, here: Path) -> None:
    rows = [{"text": f"{row['anchor']}", "label": row["topic"]} for row in pairs()]
    (here / "labelled.jsonl").write_text(lines(rows), encoding="utf-8")
    result = mine("--preset", "hardest", data="labelled.jsonl")
    label = {str(row["text"]): row["label"] for row in rows}
    mined = read(Path(result["output"]))
    assert mined
    assert all(label[row["anchor"]] != label[text] for row in mined for text in row["negatives"])


def test_a_corpus_without_the_group_column(mine: Mine, here: Path) -> None:
    (here / "corpus.jsonl").write_text(lines({"text": row["positive"]} for row in pairs()), encoding="utf-8")
    result = mine("--corpus", "corpus.jsonl", "--group", "topic", "--preset", "hardest")
    assert "only positives get a group" in result["stderr"]
    assert result["dropped"]["same_group"] > 0
    assert result["documents"] == 36


@pytest.mark.parametrize("index", ["IVF4,Flat", "HNSW8", "SQ8"])
def test_an_index_says_its_recall(mine: Mine, index: str) -> None:
    exact = read(Path(mine("--preset", "hardest")["output"]))
    result = mine("--preset", "hardest", "--index", index)
    sentence = next(text for text in result["described"] if text.startswith(f"the index {index}"))
    assert "of the exact 12 nearest documents" in sentence
    assert sentence in result["stderr"]
    found = read(Path(result["output"]))
    same = [a["negatives"] == b["negatives"] for a, b in zip(exact, found, strict=True)]
    assert sum(same) > len(same) / 2


def test_an_index_that_faiss_does_not_know_is_refused(mine: Mine) -> None:
    assert "IVFx" in mine("--index", "IVFx", code=2)["error"]["message"]
