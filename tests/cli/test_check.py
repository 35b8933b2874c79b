"""`embedtune check` as people give it: what it says, what it writes, how it ends."""

import json
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from embedtune.cli.shared.app import build_app
from embedtune.cli.shared.guard import guarded
from embedtune.config.sections.learned_data import DataSection
from embedtune.data.prepare import prepare

Check = Callable[..., dict[str, Any]]
SERVICES = [
    f"{word}{number}" for word in ("청년월세", "장애인연금", "산모도우미", "에너지바우처") for number in range(20)
]
PAIRS = [
    {
        "query": f"{name} 신청은 어떻게 하면 되나요?",
        "answer": f"{name} 신청은 주민센터를 찾아가시거나 복지로 누리집에서 하시면 됩니다.",
    }
    for name in SERVICES
]


def write(path: Path, records: list[Any]) -> Path:
    lines = [record if isinstance(record, str) else json.dumps(record, ensure_ascii=False) for record in records]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Check) -> Check:
    """Checks with these arguments, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return partial(call, "check")


def grave(result: dict[str, Any]) -> dict[str, int]:
    return {one["code"]: one["count"] for one in result["findings"] if one["severity"] != "note"}


def test_sound_pairs_raise_nothing_above_a_note(check, tmp_path) -> None:
    write(tmp_path / "pairs.jsonl", PAIRS)
    result = check("--data", "pairs.jsonl", "--fail-on", "warning")
    assert (grave(result), result["rows"]) == ({}, 80)
    assert [one["column"] for one in result["lengths"]] == ["anchor", "positive"]
    assert result["in_batch"] == {"batch_size": 16, "others": 15, "usable": 15.0, "known_share": 0.0}


def test_planted_damage_is_found_with_its_line(check, tmp_path) -> None:
    pairs = [dict(pair) for pair in PAIRS]
    for row in (3, 4, 5):
        pairs[row]["answer"] = pairs[row]["answer"].encode().decode("cp949", "replace")
        pairs[row + 10]["query"] = f"신청\x07{row} 방법을 알려 주세요?"
        pairs[row + 20] = {"query": pairs[row + 20]["answer"], "answer": pairs[row + 20]["query"]}
        pairs[row + 30]["answer"] = pairs[row + 30]["query"]
        pairs[row + 40]["query"] = "  "
    write(tmp_path / "pairs.jsonl", [*pairs, *pairs[60:70], "{broken"])
    result = check("--data", "pairs.jsonl", "--fail-on", "error", code=3)
    assert grave(result) == {
        "empty-texts": 3,
        "unreadable-rows": 1,
        "anchor-equals-positive": 3,
        "rows-look-swapped": 3,
        "garbled-texts": 3,
        "control-characters": 3,
        "duplicate-rows": 10,
    }
    lines = {one["code"]: one["examples"][0].split(" ")[0].rstrip(":") for one in result["findings"] if one["examples"]}
    assert lines["garbled-texts"] == "pairs.jsonl:4"
    assert lines["rows-look-swapped"] == "pairs.jsonl:24"
    assert lines["unreadable-rows"] == "pairs.jsonl:91"
    assert result["verdict"] == "errors"


def test_a_cleaned_copy_says_what_was_done_and_has_nothing_left_to_clean(check, tmp_path) -> None:
    records = [
        {**PAIRS[0], "topic": "extra"},
        *PAIRS[1:],
        {"query": PAIRS[3]["query"], "answer": PAIRS[3]["answer"] + "!"},
        {"query": "", "answer": "x"},
    ]
    records.append({"query": "\ufeff끝에 \x1b[1m하나 더", "answer": "이것은 답입니다."})
    write(tmp_path / "pairs.jsonl", [*records, *[PAIRS[0]] * 30])
    result = check("--data", "pairs.jsonl", "--fix", "clean.jsonl")
    fixed = result["fixed"]
    assert fixed["rows"] == len(read(tmp_path / "clean.jsonl")) == 81
    assert list(fixed["changed"].values()) == [1]
    assert sorted(fixed["removed"].values()) == [1, 31]
    removed = read(tmp_path / fixed["removed_rows"])
    assert len(removed) == 32
    assert removed[-1] == {
        "place": "pairs.jsonl:82",
        "reason": "'query' is empty",
        "query": "",
        "answer": "x",
    }
    assert read(tmp_path / "clean.jsonl")[0]["topic"] == "extra"
    assert fixed["not_copied"] == []
    assert read(tmp_path / "clean.jsonl")[-1]["anchor"] == "끝에 하나 더"
    assert grave(check("--data", "clean.jsonl")) == {}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A BEIR folder of claims, some of whose test claims are training claims turned round."""
    claims = [f"Compound {chr(65 + i % 26)}{i} raises the level of protein P{i * 31}." for i in range(120)]
    test = [claim.replace("raises", "lowers") for claim in claims[:5]]
    test += [f"Gene {chr(65 + i % 26)}X{i} is found in tissue T{i * 17}." for i in range(60)]
    texts = [*claims, *test]
    home = tmp_path / "set"
    (home / "qrels").mkdir(parents=True)
    write(home / "queries.jsonl", [{"_id": f"q{i}", "text": text} for i, text in enumerate(texts)])
    corpus = [
        {"_id": f"d{i}", "title": "", "text": f"An abstract on topic {i}, with results."} for i in range(len(texts))
    ]
    write(home / "corpus.jsonl", corpus)
    for split, rows in (("train", range(120)), ("test", range(120, len(texts)))):
        header = "query-id\tcorpus-id\tscore\n"
        (home / "qrels" / f"{split}.tsv").write_text(header + "".join(f"q{i}\td{i}\t1\n" for i in rows))
    return home


def test_leaks_between_the_splits_of_a_folder_are_raised_and_only_they(check, folder) -> None:
    result = check("--data", "set", "--corpus", "set")
    assert grave(result) == {"test-queries-negated": 5}


def test_a_cleaned_copy_lets_the_test_queries_go(check, folder) -> None:
    (fix,) = [one["fix"] for one in check("--data", "set")["findings"] if one["code"] == "test-queries-negated"]
    program, verb, *arguments = shlex.split(fix.split("`")[1])  # as advised, word for word
    assert (program, verb) == ("embedtune", "check")
    fixed = check(*arguments)["fixed"]
    assert fixed["removed"] == {"a test query, or nearly one": 5}
    assert grave(check("--data", "clean.jsonl", "--eval-data", "set")) == {}


def test_an_encoder_adds_tokens_vocabulary_prompts_and_a_forecast(check, tmp_path, bert_folder) -> None:
    write(tmp_path / "pairs.jsonl", [*PAIRS, {"query": "아주 긴 질문 " * 40 + "인가요?", "answer": "네."}])
    result = check(
        "--data", "pairs.jsonl", "--model", str(bert_folder), "--batch-size", "8", "--device", "cpu", "--epochs", "3"
    )
    anchor = result["lengths"][0]
    assert (anchor["unit"], anchor["limit"]) == ("tokens", 64)
    assert anchor["cut"] >= 1
    assert any(one["code"] == "truncated-texts" for one in result["findings"])
    assert "vocabulary-does-not-fit" in grave(result)  # twelve sentences taught it few syllables
    left = len(prepare(DataSection(source="pairs.jsonl"), 0).train)  # as `train` reads them
    assert left < result["rows"] and result["forecast"]["steps"] == 3 * -(-left // 8)
    assert f"on about {left} of {result['rows']} rows (the rest is held out)" in result["forecast"]["message"]
    assert result["forecast"]["seconds"] >= 0
    assert result["forecast"]["memory_bytes"] > result["forecast"]["probe"]["weights_bytes"] > 0


def test_a_starter_reads_all_of_a_text(check, tmp_path) -> None:
    write(tmp_path / "pairs.jsonl", PAIRS)
    result = check("--data", "pairs.jsonl", "--model", "starter", "--device", "cpu")
    assert (result["lengths"][0]["limit"], grave(result)) == (None, {})


@pytest.mark.parametrize(
    ("records", "code"),
    [
        (
            [{"text": f"text {i}", "label": f"class {i % 4}"} for i in range(40)] + [{"text": "x", "label": "alone"}],
            "single-text-classes",
        ),
        (
            [{"sentence1": f"a {i}", "sentence2": f"b {i}", "score": i % 6} for i in range(60)]
            + [{"sentence1": "x", "sentence2": "y", "score": 50}] * 1,
            "scores-out-of-range",
        ),
    ],
)
def test_labels_and_scores(check, tmp_path, records, code) -> None:
    write(tmp_path / "rows.jsonl", records)
    assert code in {one["code"] for one in check("--data", "rows.jsonl")["findings"]}


def test_what_people_see(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "pairs.jsonl", [*PAIRS, {"query": "안녕\x1b[31m", "answer": "same [bold]text[/]"}])
    assert guarded(build_app(), ["check", "--data", "pairs.jsonl"]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out
    assert "pairs.jsonl:81" in out
    assert "This data can be used." in out
    assert "checked 81 pairs from pairs.jsonl" in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--data", "nowhere.jsonl"), 1, "no such file"),
        (("--data", "pairs.jsonl", "--split", "dev"), 1, "not divided into splits"),
        (("--data", "pairs.jsonl", "--fail-on", "bad"), 2, "one of error, warning, note"),
        (("--data", "pairs.jsonl", "--fix", "out.csv"), 2, "must end in .jsonl"),
        (("--data", "pairs.jsonl", "--model", "nowhere/at-all"), 1, "nowhere/at-all"),
    ],
)
def test_refusals(check, tmp_path, arguments, code, said) -> None:
    write(tmp_path / "pairs.jsonl", PAIRS)
    assert said in json.dumps(check(*arguments, code=code)["error"])


def test_rows_left_out_of_the_test_set_are_not_counted_as_removed(check, tmp_path) -> None:
    write(tmp_path / "pairs.jsonl", PAIRS)
    write(
        tmp_path / "test.jsonl",
        [{"query": f"another one {i}", "answer": f"reply {i}"} for i in range(9)] + [{"query": "b", "answer": ""}],
    )
    result = check("--data", "pairs.jsonl", "--eval-data", "test.jsonl", "--fix", "clean.jsonl")
    assert "empty-texts" in {one["code"] for one in result["findings"]}
    assert result["fixed"]["rows"] == len(PAIRS) and result["fixed"]["removed"] == {}


def test_the_option_that_is_wrong_is_named_where_another_is_right(check, tmp_path) -> None:
    write(tmp_path / "pairs.jsonl", PAIRS)
    error = check("--data", "pairs.jsonl", "--fix", "out.csv", "--fail-on", "warning", code=2)["error"]
    assert error["where"] == "--fix"


def test_test_queries_that_cannot_be_read_are_a_finding(check, folder) -> None:
    with (folder / "qrels" / "test.tsv").open("a") as stream:
        stream.write("q1\td1\thigh\n")
    assert "test-cannot-be-read" in grave(check("--data", "set", code=1))


def test_data_that_cannot_be_used_ends_with_1_and_a_repaired_copy_with_0(check, tmp_path) -> None:
    write(tmp_path / "pairs.jsonl", [*PAIRS, "{broken"])
    assert check("--data", "pairs.jsonl", code=1)["verdict"] == "errors"
    check("--data", "pairs.jsonl", "--fail-on", "error", code=3)
    check("--data", "pairs.jsonl", "--fix", "clean.jsonl")
    assert check("--data", "clean.jsonl")["verdict"] == "clean"
    write(tmp_path / "blank.jsonl", [*PAIRS, {"query": "", "answer": None}])
    assert check("--data", "blank.jsonl")["verdict"] == "notes"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"query": "a" "answer": "b"}\n' * 3, "invalid JSON at column 15"),
        ('{"query": "a", "answer": 5}\n' * 3, "must be text, got a number (5)"),
        ('{"query": "a", "answer": null}\n' * 3, "'answer' is nothing (null)"),
    ],
)
def test_the_faults_of_a_file_whose_rows_are_all_faulty_are_named(check, tmp_path, content, words) -> None:
    (tmp_path / "pairs.jsonl").write_text(content)
    result = check("--data", "pairs.jsonl", code=1)
    said = json.dumps(result, ensure_ascii=False)
    assert words in said
    assert "pairs.jsonl:1: " in said
    assert "pairs.jsonl:3: " in said


def test_a_cleaned_copy_keeps_what_judges_its_pairs(check, tmp_path) -> None:
    judged = [{**PAIRS[row // 2], "label": 1 - row % 2, "page": row} for row in range(40)]
    for row, record in enumerate(judged):
        record["answer"] += " 아닙니다." if row % 2 else ""
    write(tmp_path / "pairs.jsonl", judged)
    assert check("--data", "pairs.jsonl", "--fix", "clean.jsonl")["fixed"]["rows"] == 20
    rows = read(tmp_path / "clean.jsonl")
    assert [row["negatives"] for row in rows] == [[record["answer"]] for record in judged[1::2]]
    assert [row["page"] for row in rows] == list(range(0, 40, 2))


def test_a_cleaned_copy_of_preferences_is_read_as_preferences_with_their_weights(check, tmp_path) -> None:
    texts = [pair["answer"] for pair in PAIRS]
    rows = [
        {"anchor": pair["query"], "chosen": texts[row], "rejected": texts[row - 1], "weight": 1 + row % 3}
        for row, pair in enumerate(PAIRS)
    ]
    rows.append({"anchor": rows[0]["anchor"], "chosen": rows[0]["rejected"], "rejected": texts[5], "weight": 2})
    write(tmp_path / "liked.jsonl", rows)
    check("--data", "liked.jsonl", "--fix", "clean.jsonl")
    assert read(tmp_path / "clean.jsonl") == [{**row, "rejected": [row["rejected"]]} for row in rows]


def test_a_column_that_may_judge_the_pairs_is_asked_about(check, tmp_path) -> None:
    write(tmp_path / "pairs.jsonl", [{**pair, "fits": row % 2} for row, pair in enumerate(PAIRS)])
    error = check("--data", "pairs.jsonl", code=1)["error"]
    assert "the column 'fits' (yes or no: 0, 1) may say whether" in error["message"]
    assert error["next"].startswith("say what it is: --columns score=fits")
    assert check("--data", "pairs.jsonl", "--columns", "score=fits")["rows"] == 40
    assert check("--data", "pairs.jsonl", "--columns", "ignore=fits")["rows"] == 80
