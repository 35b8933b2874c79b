"""Only scores of the same questions are compared: documents, judgments, texts and depths; and one seed of a recipe."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from embedtune.config.recipe.load import load
from embedtune.config.verbs.evaluate import EvaluateConfig
from embedtune.errors import ConfigError, DataError
from embedtune.findings import Finding
from embedtune.reports.compare import comparison
from embedtune.reports.document.markdown import markdown
from embedtune.workflows.compare.run import CompareOptions, compare
from embedtune.workflows.evaluate.run import evaluate
from embedtune.workflows.shared.run_folder import RunFolder

WORDS = ("refund", "delivery", "password", "invoice", "환불", "배송", "영수증", "쿠폰")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def judged(name: str, documents: int = 12, *, queries: int = 8, ids: str = "d", **changed: Any) -> str:
    """A set of queries, one relevant document each; `changed` gives another text, or another relevant document."""
    folder = Path(name)
    (folder / "qrels").mkdir(parents=True)
    texts = {f"{ids}{i}": changed.get(f"d{i}", f"All about {WORDS[i % 8]} number {i}.") for i in range(documents)}
    asked = {f"q{i}": changed.get(f"q{i}", f"How does {WORDS[i]} work?") for i in range(queries)}
    for file, rows in (("corpus", texts), ("queries", asked)):
        lines = [json.dumps({"_id": key, "text": text}) for key, text in rows.items()]
        (folder / f"{file}.jsonl").write_text("\n".join(lines) + "\n")
    relevant: Mapping[str, int] = changed.get("relevant", {})
    rows = [f"q{i}\t{ids}{relevant.get(f'q{i}', i)}\t1" for i in range(queries)]
    (folder / "qrels/test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "\n".join(rows) + "\n")
    return name


def scored(data: str, output: str, **options: Any) -> str:
    given = {"data": [data], "output": output, "store": "none", "metrics": "ndcg@10,recall@100", "model": ["bm25"]}
    evaluate(load(EvaluateConfig, options=given | options))
    return output


def compared(a: str, *others: str, **options: Any) -> dict[str, Any]:
    result = compare(CompareOptions(a, others, **options)).as_json()
    return result | {"codes": {one["code"] for one in result["findings"]}}


@pytest.mark.parametrize(
    ("other", "sizes"),
    [
        ({"documents": 16}, "12 and 16"),
        ({"documents": 9}, "12 and 9"),
        ({"d11": "Something else."}, "12 each"),
        ({"d3": "Refund: all about invoice number 3."}, "12 each"),
    ],
)
def test_other_documents_are_another_question(other: dict[str, Any], sizes: str) -> None:
    a, b = scored(judged("x/s"), "one"), scored(judged("y/s", **other), "two")
    for pair in ((a, b), (b, a)):
        with pytest.raises(DataError, match="ranked different documents") as refused:
            compared(*pair)
        assert "embedtune evaluate --model A --model B" in str(refused.value.next)
    assert sizes in str(refused.value.message) or "and 12" in str(refused.value.message)


def test_one_set_under_other_ids_and_in_another_order_is_one_question() -> None:
    a, _ = judged("a"), judged("b", ids="doc-")
    corpus = Path("b/corpus.jsonl")
    corpus.write_text("".join(reversed(corpus.read_text().splitlines(keepends=True))))
    shutil.copytree("b", "c/a")  # sets are recognised by the name of their folder
    result = compared(scored(a, "one"), scored("c/a", "two"))
    assert result["queries"] == 8 and not result["codes"] & {"questions-differ", "questions-not-recorded"}
    assert result["difference"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    "other", [{"q2": "What is a delivery?"}, {"relevant": {"q2": 5}}, {"q2": "How does Password work?"}]
)
def test_queries_that_ask_something_else_are_left_out_and_counted(other: dict[str, Any]) -> None:
    judged("x/s")
    judged("y/s", **other)
    result = compared(scored("x/s", "one"), scored("y/s", "two"))
    (finding,) = [one for one in result["findings"] if one["code"] == "questions-differ"]
    assert (result["queries"], finding["count"], finding["severity"]) == (7, 1, "warning")
    assert "left out 1 query of 8" in finding["message"]


def test_where_every_query_asks_something_else_nothing_is_compared() -> None:
    judged("x/s")
    judged("y/s", **{f"q{i}": f"Other question {i}?" for i in range(8)})
    with pytest.raises(DataError, match="no query with the same text"):
        compared(scored("x/s", "one"), scored("y/s", "two"))


def test_a_run_file_is_held_to_the_documents_of_its_data() -> None:
    one = scored(judged("x/s"), "one")
    judged("y/s", documents=30)
    with pytest.raises(DataError, match=r"ranked different documents \(12 and 30\)"):
        compared(one, "one/bm25.trec", data="y/s")
    assert compared(one, "one/bm25.trec", data="x/s")["difference"] == pytest.approx(0, abs=1e-6)


def test_a_run_that_ends_before_the_metric_does_is_said() -> None:
    data = judged("s", documents=40)
    lines = Path(scored(data, "one"), "bm25.trec").read_text().splitlines()
    kept = [line for line in lines if int(line.split()[3]) <= 3]
    Path("cut.trec").write_text("\n".join(kept) + "\n")
    (finding,) = [
        one
        for one in compared("one", "cut.trec", data=data, metrics=["recall@100"])["findings"]
        if one["code"] == "runs-cut"
    ]
    assert "cut.trec ends at rank 3, and recall@100 looks at 100" in finding["message"]
    assert finding["fix"].endswith("compare recall@3.")
    assert "runs-cut" not in compared("one/bm25.trec", "cut.trec", data=data, metrics=["ndcg@3"])["codes"]
    again = scored(data, "two", model=[], run=["cut.trec"])
    assert "runs-cut" in compared("one", again, metrics=["recall@100"])["codes"]


def test_evaluations_that_recorded_nothing_are_compared_with_a_note() -> None:
    one, two = scored(judged("s"), "one"), scored("s", "two")
    path = Path(two, "per_query.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    kept = [{key: value for key, value in row.items() if key not in ("question", "candidates")} for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in kept))
    result = compared(one, two)
    assert result["queries"] == 8 and "questions-not-recorded" in result["codes"]


class TestSeeds:
    """One trained seed each tells two models apart, never two recipes."""

    def run_of(self, recipe: Any, name: str, values: Mapping[str, float], **options: Any) -> str:
        folder = RunFolder(Path(name))
        folder.path.mkdir()
        from embedtune.config.recipe.load import dump_config

        folder.write("recipe.yaml", dump_config(recipe(output=name, **options)))
        marks = {"question": "0", "candidates": "3:0"}
        rows = (
            {key: {"ndcg@10": one + 0.01 * (i % 3)} for key, one in values.items()} | {"query": f"q{i}", "unseen": True}
            for i in range(40)
        )
        lines = [json.dumps(row | marks) for row in rows]
        folder.write("per_query.jsonl", "\n".join(lines) + "\n")
        return name

    @pytest.fixture
    def runs(self, recipe: Any) -> tuple[str, ...]:
        low, high = {"before": 0.1, "after": 0.4}, {"before": 0.1, "after": 0.6}
        return (
            self.run_of(recipe, "a1", low, seed=1),
            self.run_of(recipe, "a2", high, seed=2),
            self.run_of(recipe, "b1", high, seed=1, epochs=3),
        )

    def test_two_seeds_of_one_recipe_differ_by_luck(self, runs: tuple[str, ...]) -> None:
        result = compare(CompareOptions("a1", ["a2"]))
        assert result.verdict == "better" and result.findings[0].code == "one-seed-each"
        assert "A and B are one recipe with different seeds" in result.findings[0].message
        assert "the luck of the seed" in markdown(comparison(result))
        assert "the luck of the seed" in Path(result.report).read_text(encoding="utf-8")

    def test_one_seed_trained_twice_is_no_luck_of_the_seed(self, runs: tuple[str, ...], recipe: Any) -> None:
        self.run_of(recipe, "again", {"before": 0.1, "after": 0.4}, seed=1)
        (found,) = [one for one in compare(CompareOptions("a1", ["again"])).findings if one.code == "one-seed-each"]
        assert found.message.startswith("A and B are one recipe trained twice with one seed")
        Path("again/run.json").write_text('{"data_sha256": {"pairs.jsonl": "0"}}')  # by the same name, other data
        (found,) = [one for one in compare(CompareOptions("a1", ["again"])).findings if one.code == "one-seed-each"]
        assert found.message.startswith("A and B are one trained seed each")

    @pytest.mark.parametrize("sides", [("a1,a2,again", "b1"), ("b1", "a2,a1,again")])
    def test_one_seed_is_not_counted_twice(self, runs: tuple[str, ...], recipe: Any, sides: tuple[str, str]) -> None:
        self.run_of(recipe, "again", {"before": 0.1, "after": 0.4}, seed=1)
        with pytest.raises(ConfigError, match="again repeats a1: the same recipe with the same seed, 1") as refused:
            compare(CompareOptions(sides[0], sides[1:]))
        assert "leave one of them out" in str(refused.value.next)

    def test_one_seed_each_of_two_recipes_is_said_of_each_pair(self, runs: tuple[str, ...]) -> None:
        said = [one.message for one in compare(CompareOptions("a1", ["a2", "b1"])).findings]
        assert any(text.startswith("A and C are one trained seed each") for text in said)
        assert any(text.startswith("A and B are one recipe") for text in said)

    @pytest.mark.parametrize("pair", [("a1#before", "a1"), ("a1,a2", "b1"), ("a1#before", "b1")])
    def test_nothing_is_said_where_seeds_are_several_or_one_side_is_not_trained(
        self, runs: tuple[str, ...], pair: tuple[str, str]
    ) -> None:
        assert "one-seed-each" not in compared(*pair)["codes"]

    def test_runs_that_kept_their_start_are_named(self, runs: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        kept = SimpleNamespace(findings=[Finding("start-kept", "warning", 1, "")])
        other = SimpleNamespace(findings=())
        monkeypatch.setattr(RunFolder, "result", lambda run: kept if run.path.name == "b1" else other)
        findings = {one["code"]: one["message"] for one in compared("a1", "b1")["findings"]}
        assert findings["start-kept"].startswith("training kept the encoder as it was in b1")
        assert "one-seed-each" not in findings
        assert "start-kept" not in compared("a1", "b1#before")["codes"]
