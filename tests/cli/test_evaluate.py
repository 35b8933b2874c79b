"""`embedtune evaluate` as people give it: rows, files, findings, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded
from embedtune.evaluation.metrics import ndcg_at_k
from embedtune.evaluation.trec import read_run

Evaluate = Callable[..., dict[str, Any]]
NAMES = ("password", "refund", "delivery", "비밀번호", "환불", "배송")


def records(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: a BEIR set with graded, absent and empty judgments, and Korean pairs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set" / "qrels").mkdir(parents=True)
    corpus = [{"_id": f"d{i}", "title": "", "text": f"All about {NAMES[i % 6]} in part {i}."} for i in range(12)]
    queries = [{"_id": f"q{i}", "text": f"What about {NAMES[i]}?"} for i in range(6)]
    judged = [f"q{i}\td{i}\t2\nq{i}\td{i + 6}\t1\n" for i in range(5)]
    (tmp_path / "set/corpus.jsonl").write_text(records(corpus), encoding="utf-8")
    (tmp_path / "set/queries.jsonl").write_text(records(queries), encoding="utf-8")
    (tmp_path / "set/qrels/test.tsv").write_text(
        "query-id\tcorpus-id\tscore\n" + "".join(judged) + "q5\td5\t0\nq0\tgone\t1\n", encoding="utf-8"
    )
    pairs = [{"query": f"{NAMES[i % 6]} 질문 {i}?", "answer": f"{NAMES[i % 6]} 답변 {i}."} for i in range(8)]
    (tmp_path / "pairs.jsonl").write_text(records(pairs), encoding="utf-8")
    return tmp_path


def test_the_row_of_bm25_is_that_of_its_own_run_file(evaluate: Evaluate, here: Path) -> None:
    result = evaluate("--model", "bm25", "--data", "set", "--metrics", "ndcg@10,recall@1", "--output", "out")
    (row,) = result["models"]
    assert (row["model"], row["queries"], row["documents"], row["dimensions"]) == ("bm25", 5, 12, None)
    run = read_run(here / "out/bm25.trec")
    grades = {f"q{i}": {f"d{i}": 2, f"d{i + 6}": 1} for i in range(5)} | {"q0": {"d0": 2, "d6": 1, "gone": 1}}
    values = []
    for query, judged in grades.items():
        ranked = sorted(run.get(query, {}), key=lambda document: (run[query][document], document), reverse=True)
        ranked_grades = np.array([judged.get(document, 0) for document in ranked] or [0])
        values.append(float(ndcg_at_k(ranked_grades, np.array(list(judged.values())), 10)))
    assert row["metrics"]["ndcg@10"] == pytest.approx(np.mean(values))
    assert row["intervals"]["ndcg@10"][0] <= row["metrics"]["ndcg@10"] <= row["intervals"]["ndcg@10"][1]
    lines = [json.loads(line) for line in (here / "out/per_query.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["scores"]["bm25"]["ndcg@10"] for line in lines] == pytest.approx(values, abs=1e-6)
    assert lines[3]["text"] == "What about 비밀번호?"


def test_what_is_odd_is_counted(evaluate: Evaluate) -> None:
    result = evaluate("--model", "bm25", "--data", "set")
    found = {one["code"]: one["count"] for one in result["findings"]}
    assert found == {"queries-without-relevant": 1, "judgments-outside-corpus": 1, "weak-test": 5}
    assert "1 query without a relevant document" in result["stderr"]


@pytest.mark.parametrize("quiet", [False, True])
def test_what_is_odd_is_said_once(here: Path, capsys: pytest.CaptureFixture[str], *, quiet: bool) -> None:
    command = ["evaluate", "--model", "bm25", "--data", "set", "--store", "none", *(["--quiet"] if quiet else [])]
    assert guarded(build_app(), command) == 0
    out, err = (" ".join(text.split()) for text in capsys.readouterr())
    for text in ("1 query without a relevant document", "only 5 queries"):
        assert (out.count(text), err.count(text)) == ((1, 0) if quiet else (0, 1))
    assert ("Reported earlier, and in the report: 3 warnings (" in out) is not quiet


def test_encoders_cut_vectors_and_foreign_runs_beside_each_other(
    evaluate: Evaluate, here: Path, bert_folder: Path
) -> None:
    (here / "theirs.trec").write_text(
        "q0 Q0 d0 1 2.0 x\nq0 Q0 d99 2 1.0 x\nq1 Q0 d7 1 2.0 x\nq9 Q0 d0 1 1 x\n", encoding="utf-8"
    )
    options = ("--model", str(bert_folder), "--dimensions", "8,32", "--run", "theirs.trec", "--data", "set")
    result = evaluate(*options, "--metrics", "ndcg@10", "--output", "out")
    cut, theirs = f"{bert_folder}@8", "theirs.trec"
    assert [row["label"] for row in result["models"]] == [str(bert_folder), cut, theirs]
    assert [row["dimensions"] for row in result["models"]] == [32, 8, None]
    assert [(one["a"], one["b"]) for one in result["comparisons"]] == [
        (str(bert_folder), theirs),
        (str(bert_folder), cut),
    ]
    assert all(one["p_holm"] >= one["p_value"] for one in result["comparisons"])
    found = {one["code"]: one["count"] for one in result["findings"]}
    assert (found["queries-not-in-run"], found["run-queries-not-judged"]) == (3, 1)
    assert found["run-documents-not-in-corpus"] == 1
    assert sorted(path.name for path in (here / "out").glob("*.trec")) == [
        f"{bert_folder.name}.trec",
        f"{bert_folder.name}@8.trec",
    ]


@pytest.mark.usefixtures("products")  # which a default must not ask for: such scores are published
def test_prompts_and_cut_vectors_are_those_of_sentence_transformers(
    evaluate: Evaluate, here: Path, bert_folder: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    prompts = 'query="질문: ",document="글: "'
    evaluate("--model", str(bert_folder), "--prompts", prompts, "--dimensions", "8", "--data", "set", "--output", "out")
    model = SentenceTransformer(str(bert_folder), device="cpu", truncate_dim=8)
    query = model.encode([f"What about {NAMES[3]}?"], prompt="질문: ", normalize_embeddings=True)
    document = model.encode([f"All about {NAMES[3]} in part 9."], prompt="글: ", normalize_embeddings=True)
    run = read_run(here / f"out/{bert_folder.name}@8.trec")
    assert run["q3"]["d9"] == pytest.approx(float((query @ document.T).item()), abs=1e-5)


def test_an_encoder_of_its_own_for_queries(evaluate: Evaluate, bert_folder: Path) -> None:
    same = evaluate("--model", str(bert_folder), "--data", "set", "--output", "a")
    with_it = evaluate("--model", str(bert_folder), "--query-model", str(bert_folder), "--data", "set", "--output", "b")
    assert with_it["models"][0]["metrics"] == same["models"][0]["metrics"]
    assert with_it["described"][-1] == f"the queries of every encoder are encoded by {bert_folder}"


def test_several_sets_have_their_own_rows_and_a_mean(evaluate: Evaluate, here: Path) -> None:
    result = evaluate("--data", "set", "--data", "pairs.jsonl", "--metrics", "ndcg@10", "--output", "out")
    assert [(row["label"], row["data"]) for row in result["models"]] == [
        ("starter", "set test"),
        ("bm25", "set test"),
        ("starter", "pairs"),
        ("bm25", "pairs"),
    ]
    values = {(row["label"], row["data"]): row["metrics"]["ndcg@10"] for row in result["models"]}
    for mean in result["means"]:
        both = [values[mean["label"], name] for name in ("set test", "pairs")]
        assert mean["metrics"]["ndcg@10"] == pytest.approx(sum(both) / 2)
    assert len(list((here / "out").glob("*.trec"))) == 4
    assert "Mean over the sets" in (here / "out/report.md").read_text(encoding="utf-8")


def test_without_json_a_table_and_the_report_are_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(build_app(), ["evaluate", "--model", "bm25", "--data", "pairs.jsonl", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "nDCG@10" in out and "bm25" in out
    report = Path(out.strip().splitlines()[-1].split()[-1])
    assert report.is_file() and report.parent.parent == Path("evaluations")


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--model", "nowhere/at/all"), 1, "no folder"),
        (("--metrics", "ndgc@10"), 2, "ndcg@10"),
        (("--dimensions", "999"), 2, "fewer than 999"),
        (("--data", "set", "--split", "dev"), 1, "no split 'dev'"),
        (("--run", "nothing.trec"), 1, "no such file"),
        (("--run", "pairs.jsonl", "--data", "set", "--data", "pairs.jsonl"), 2, "one set"),
        (("--query-model", "starter"), 2, "shares no vector space"),
        (("--output", "set"), 2, "--data is read from there"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_refused(evaluate: Evaluate, here: Path, options: tuple[str, ...], code: int, words: str) -> None:
    data = () if "--data" in options else ("--data", "set")
    error = evaluate(*options, *data, code=code)["error"]
    assert words in error["message"]
    assert not (here / "evaluations").exists()


def test_quantised_vectors_have_rows_of_their_own_and_say_what_they_take(
    evaluate: Evaluate, here: Path, bert_folder: Path
) -> None:
    from embedtune.config.sections.encoder import EncoderSection
    from embedtune.models.encode.encode import encode
    from embedtune.models.files.load import load_encoder

    options = ("--model", str(bert_folder), "--dimensions", "8", "--quantize", "int8,binary", "--data", "set")
    result = evaluate(*options, "--metrics", "ndcg@10", "--output", "out")
    sizes = {row["label"].removeprefix(str(bert_folder)): row["bytes_per_vector"] for row in result["models"]}
    assert sizes == {"": 128, "@int8": 32, "@binary": 4, "@8": 32, "@8/int8": 8, "@8/binary": 1}
    encoder = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
    query = encode(encoder, [f"What about {NAMES[3]}?"], role="query")[0, :8]
    document = encode(encoder, [f"All about {NAMES[3]} in part 9."], role="document")[0, :8]
    run = read_run(here / f"out/{bert_folder.name}@8-binary.trec")
    assert run["q3"]["d9"] == pytest.approx(np.mean(np.where((query > 0) == (document > 0), 1, -1)))


def test_texts_longer_than_an_encoder_reads_are_told_and_counted(evaluate: Evaluate, bert_folder: Path) -> None:
    result = evaluate("--model", str(bert_folder), "--model", "bm25", "--data", "set", "--max-length", "8")
    told = [one for one in result["findings"] if one["code"] == "truncated-texts"]
    encoder, words = result["models"]
    assert [one["count"] for one in told] == [encoder["truncated"][role]["cut"] for role in ("query", "document")]
    assert encoder["truncated"]["document"]["counted"] == 12 and words["truncated"] == {}
    assert all(f"{bert_folder} reads 8 tokens" in one["message"] for one in told)


def test_what_was_trained_on_is_told_apart(evaluate: Evaluate, here: Path) -> None:
    """The first document was learned, so the first query may be remembered."""
    learned = [{"query": "무엇인가요?", "answer": f"All about {NAMES[0]} in part 0."}]
    (here / "learned.jsonl").write_text(records(learned), encoding="utf-8")
    options = ("--model", "bm25", "--model", "starter", "--data", "set", "--train-data", "learned.jsonl")
    result = evaluate(*options, "--metrics", "ndcg@10", "--output", "out")
    lines = [json.loads(line) for line in (here / "out/per_query.jsonl").read_text(encoding="utf-8").splitlines()]
    unseen = [line for line in lines if line["unseen"]]
    assert [line["query"] for line in unseen] == ["q1", "q2", "q3", "q4"]
    for row in result["models"]:
        assert row["queries_unseen"] == 4
        values = [line["scores"][row["label"]]["ndcg@10"] for line in unseen]
        assert row["metrics_unseen"]["ndcg@10"] == pytest.approx(np.mean(values), abs=1e-6)
    (compared,) = result["comparisons"]
    assert (compared["on"], compared["queries"]) == ("unseen", 4)
    (seen,) = [one for one in result["findings"] if one["code"] == "test-documents-seen-in-training"]
    assert "training data of learned.jsonl: 1 of 11 test judgments" in seen["message"]
    assert "4 of 5 queries ask for unseen ones only" in seen["message"]
    assert (result["evidence"][0]["queries"], result["evidence"][0]["pairs"][0]["on"]) == (4, "unseen")


def test_everything_damaged_in_a_set_is_found_before_scoring(evaluate: Evaluate, here: Path) -> None:
    """Copies in the corpus, judgments of nothing, queries without an answer, and a query that is its own best hit."""
    corpus = [json.loads(line) for line in (here / "set/corpus.jsonl").read_text(encoding="utf-8").splitlines()]
    corpus += [{"_id": "copy1", "title": "", "text": corpus[1]["text"] + "  "}, {"_id": "copy2", "text": "여분"}]
    corpus += [{"_id": "copy3", "text": "여분"}, {"_id": "own", "text": "What about 환불?"}]
    (here / "set/corpus.jsonl").write_text(records(corpus), encoding="utf-8")
    with (here / "set/qrels/test.tsv").open("a", encoding="utf-8") as file:
        file.write("q1\tlost\t1\nq2\tlost\t2\n")
    result = evaluate("--model", "bm25", "--data", "set", "--output", "out")
    found = {one["code"]: one["count"] for one in result["findings"]}
    assert found == {
        "queries-without-relevant": 1,
        "judgments-outside-corpus": 3,
        "duplicate-documents": 2,
        "own-texts": 1,
        "weak-test": 5,
    }
    for name in ("report.html", "report.md"):
        report = (here / "out" / name).read_text(encoding="utf-8")
        assert "copies compete with 1 relevant document for ranks" in report and "left out of every mean" in report


def test_vectors_that_do_not_fit_into_memory_score_the_same(
    evaluate: Evaluate, here: Path, bert_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from embedtune.workflows.evaluate import document_vectors

    options = ("--model", str(bert_folder), "--dimensions", "8", "--quantize", "int8,binary-rescored", "--data", "set")
    in_memory = evaluate(*options, "--output", "a")
    monkeypatch.setattr(document_vectors, "IN_MEMORY", 0)
    in_a_file = evaluate(*options, "--output", "b")
    for one, other in zip(in_memory["models"], in_a_file["models"], strict=True):
        assert one["metrics"] == pytest.approx(other["metrics"])
    assert not list((here / "b").glob("vectors-*"))


def test_an_encoder_beside_bm25_has_a_row_of_its_own(evaluate: Evaluate, here: Path, bert_folder: Path) -> None:
    names = ("bm25", str(bert_folder), f"BM25+{bert_folder}")
    result = evaluate(*(word for name in names for word in ("--model", name)), "--data", "set", "--output", "out")
    assert [row["label"] for row in result["models"]] == ["bm25", str(bert_folder), f"bm25+{bert_folder}"]
    words, vectors, both = (read_run(Path(row["run"])) for row in result["models"])
    assert Path(result["models"][2]["run"]).name == f"bm25+{bert_folder.name}.trec"
    for query, found in both.items():
        points: dict[str, float] = {}
        for run in (words, vectors):
            ranked = sorted(run.get(query, {}), key=lambda document: (run[query][document], document), reverse=True)
            for place, document in enumerate(ranked, 1):
                points[document] = points.get(document, 0.0) + 1 / (60 + place)
        assert found.keys() == points.keys()
        assert all(abs(found[document] - points[document]) < 1e-6 for document in found)
    alone = evaluate("--model", f"bm25+{bert_folder}", "--data", "set", "--output", "alone")
    assert alone["models"][0]["metrics"] == result["models"][2]["metrics"]


def test_a_weight_of_the_encoder_needs_a_dev_split(evaluate: Evaluate, here: Path, bert_folder: Path) -> None:
    options = ("--model", f"bm25+{bert_folder}", "--data", "set", "--fusion", "weighted")
    assert "no dev split" in evaluate(*options, code=2)["error"]["message"]
    (here / "set/qrels/dev.tsv").write_bytes((here / "set/qrels/test.tsv").read_bytes())
    result = evaluate(*options, "--output", "out")
    assert "chosen on dev" in (here / "out/report.md").read_text(encoding="utf-8")
    assert result["models"][0]["label"] == f"bm25+{bert_folder}"


def test_a_hybrid_of_scored_pairs_is_refused(evaluate: Evaluate, here: Path, bert_folder: Path) -> None:
    rows = [{"sentence1": f"a {i}", "sentence2": f"b {i}", "score": i} for i in range(5)]
    (here / "sts.jsonl").write_text(records(rows), encoding="utf-8")
    error = evaluate("--model", f"bm25+{bert_folder}", "--data", "sts.jsonl", code=2)["error"]
    assert "joins two rankings" in error["message"]
