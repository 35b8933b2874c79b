"""The report and the tables of an evaluation: what they say, and that what data say in them stays text."""

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from markdown_it import MarkdownIt
from rich.console import Console

from embedtune.reports.document.markdown import markdown
from embedtune.reports.evaluate import evaluation, evaluation_rows, unseen_sentence, with_short_names
from embedtune.reports.results.evaluate import EvaluateResult

EVIL = "<script>alert(1)</script>|`x`\x1b[31m"


@pytest.fixture
def result(evaluated: EvaluateResult) -> EvaluateResult:
    return evaluated


def test_cells_stand_under_their_headings(result: EvaluateResult) -> None:
    header, rows = evaluation_rows(result, "세트 test")
    assert header == ("model", "nDCG@10", "95% interval", "Recall@5")
    assert rows[0] == ("가", "0.300", "0.200 to 0.400", "0.250")
    assert rows[1][1:] == ("0.500", "0.400 to 0.600", "0.250")


def test_the_report_renders_with_texts_of_data_as_text(result: EvaluateResult) -> None:
    html = MarkdownIt("commonmark").enable("table").render(markdown(evaluation(result)))
    assert "<script>" not in html and "\x1b" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 5
    scores, tests = html.split("</table>")[:2]
    for table, columns in ((scores, 4), (tests, 5)):
        assert {len(re.findall("<t[hd]", line)) for line in table.split("<tr>")[1:]} == {columns}
    for cell in ("+0.200", "+0.125 to +0.250", "&lt; 0.001", "better"):
        assert f">{cell}</td>" in tests
    assert "1,234 queries, 5,678 documents." in html


def test_means_over_sets_are_a_table_of_their_own(result: EvaluateResult) -> None:
    assert "Mean over the sets" not in markdown(evaluation(result))
    means = {"task": "retrieval", "model": "가", "label": "가", "sets": 2, "metrics": {"ndcg@10": 0.5}}
    other = {**result.models[0], "data": "other"}
    several = replace(result, models=(*result.models, other), means=({**means, "metrics_unseen": None},))
    report = markdown(evaluation(several))
    assert "## Mean over the sets\n\n| model | nDCG@10 |\n| --- | ---: |\n| 가 | 0.500 |" in report
    assert report.index("## 세트 test") < report.index("## other")


def shown(renderable: Any, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_terminal_shows_tables_sentences_and_findings(result: EvaluateResult) -> None:
    text = shown(result.table())
    for part in ("세트 test", "0.200 to 0.400", "Better: it rose.", "warning:", "report  out/report.html"):
        assert part in text
    assert "\x1b" not in text


def test_what_is_unseen_and_what_vectors_take_have_columns_where_they_are_known(result: EvaluateResult) -> None:
    for row, size in zip(result.models, (64, None), strict=True):
        row |= {"bytes_per_vector": size, "queries_unseen": 1, "metrics_unseen": {"ndcg@10": 0.25}}
    header, rows = evaluation_rows(result, "세트 test")
    assert header[:4] == ("model", "nDCG@10", "95% interval", "unseen") and rows[0][3] == "0.250"
    assert "Unseen: the 1 of 1,234 queries" in markdown(evaluation(result))
    small = {**result.models[0], "label": "가@int8", "bytes_per_vector": 16}
    header, rows = evaluation_rows(replace(result, models=(*result.models, small)), "세트 test")
    assert header[3:5] == ("unseen", "bytes") and [row[4] for row in rows] == ["64", "", "16"]
    for row in result.models:
        row["queries_unseen"] = row["queries"]
    assert "unseen" not in evaluation_rows(result, "세트 test")[0]


def test_vectors_cut_stand_under_their_model_and_decide_nothing(result: EvaluateResult) -> None:
    (test,) = result.comparisons
    cut = {**test, "kind": "vectors", "a": test["b"], "b": "작은 것", "verdict": "worse"}
    result = replace(result, comparisons=({**test, "kind": "systems"}, cut))
    found = evaluation(result)
    assert (found.verdict, found.lead) == (test["verdict"], test["sentence"])
    tables = markdown(evaluation(result)).split("\n\n")
    assert sum(part.startswith("| against ") for part in tables) == 2


def test_the_lead_names_what_each_system_is_compared_with_where_that_differs(result: EvaluateResult) -> None:
    (test,) = result.comparisons
    systems = {**test, "kind": "systems", "a": "small", "b": "bm25", "verdict": "worse", "difference": -0.093}
    own = {**test, "kind": "reranked", "a": "bm25", "b": "bm25, reranked", "verdict": "better", "difference": 0.107}
    lead = evaluation(replace(result, comparisons=(systems, own))).lead
    assert "bm25, reranked (+0.107 against bm25)" in lead
    assert "bm25 (-0.093 against small)" in lead
    assert "Compared with" not in lead


def test_many_cuts_of_a_model_are_a_table_on_a_terminal_and_few_are_sentences(result: EvaluateResult) -> None:
    (test,) = result.comparisons
    first = test["a"]
    cuts = [{**test, "kind": "vectors", "b": f"{first}@{size}", "sentence": f"cut to {size}."} for size in (8, 16, 32)]
    few, many = (shown(replace(result, comparisons=tuple(some)).table()) for some in (cuts[:2], cuts))
    assert "cut to 8." in few and f"against {first}" not in few
    assert "cut to" not in many and all(f"@{size} " in many for size in (8, 16, 32))
    assert "cut to 8." in markdown(evaluation(replace(result, comparisons=tuple(cuts))))


def test_the_only_comparison_is_said_once(result: EvaluateResult) -> None:
    assert markdown(evaluation(result)).count("Better: it rose.") == 1


def test_how_much_is_unseen_is_a_sentence(result: EvaluateResult) -> None:
    row = result.models[0]
    assert unseen_sentence(row) == ""
    said = "Unseen: the 104 of 1,234 queries with no relevant document in the known training data; "
    assert unseen_sentence({**row, "queries_unseen": 104}) == f"{said}comparisons use these alone."
    assert "cannot tell finding from remembering" in unseen_sentence({**row, "queries_unseen": 0})
    assert unseen_sentence({**row, "queries_unseen": 1234}) == "No relevant document is in the known training data."


def test_models_go_by_their_last_folder_where_that_tells_them_apart(result: EvaluateResult) -> None:
    first, second = (row["model"] for row in result.models[:2])

    def named(one: str, other: str) -> EvaluateResult:
        names = {first: one, second: other}

        def renamed(row: Any) -> Any:
            keys = {"model", "label", "a", "b"} & row.keys()
            return {**row, **{key: names.get(row[key], row[key]) for key in keys}}

        models, compared = (tuple(map(renamed, rows)) for rows in (result.models, result.comparisons))
        return replace(result, models=models, comparisons=compared)

    shown = with_short_names(named("runs/long/path/first/model", "bm25"))
    assert [row["model"] for row in shown.models[:2]] == ["first", "bm25"]
    assert {shown.comparisons[0]["a"], shown.comparisons[0]["b"]} == {"first", "bm25"}
    alike = with_short_names(named("a/first/model", "b/first/model"))
    assert [row["model"] for row in alike.models[:2]] == ["a/first/model", "b/first/model"]
