"""The report of a training run: read back by parsers, so that what is tested is what a reader sees."""

from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from embedtune.reports.document.markdown import markdown
from embedtune.reports.results.base import from_plain
from embedtune.reports.results.train import RightFirst, TrainResult
from embedtune.reports.sections.scores import basis, score_parts
from embedtune.reports.train import CURVE_ROWS, plain_sentence, training, word_and_sentence
from embedtune.training.guide.advice import GuideAdvice
from embedtune.training.guide.audit import MarginEffect

PARSER = MarkdownIt("commonmark").enable("table").enable("strikethrough")


def training_report(result):
    return markdown(training(result))


def inline_text(tokens):
    """What a reader sees of inline tokens, code spans included."""
    return "".join(child.content for token in tokens for child in (token.children or []))


def headings(report):
    tokens = PARSER.parse(report)
    return [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]


def tables(report):
    """Every table as rows of cell texts."""
    found, tokens = [], PARSER.parse(report)
    for i, token in enumerate(tokens):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in ("td_open", "th_open"):
            found[-1][-1].append(inline_text([tokens[i + 1]]))
    return found


def fences(report):
    return {token.info: token.content for token in PARSER.parse(report) if token.type == "fence"}


def test_the_verdict_comes_first_then_the_rest_in_order(result, verdict):
    report = training_report(result)
    expected = [
        "No difference shown",
        "What to know",
        "On the dev split",
        "What the guide is worth",
        "Data",
        "The run",
        "Use the model",
        "Repeat this run",
    ]
    assert [heading for heading in headings(report) if heading in expected] == expected
    second = next(token for token in PARSER.parse(report) if token.type == "inline" and token.content.startswith("**"))
    assert inline_text([second]) == verdict.sentence
    assert report.endswith("\n") and not report.endswith("\n\n")


def test_scores_of_both_parts(result):
    all_queries, unseen = tables(training_report(result))[:2]
    assert all_queries[0] == ["metric", "before", "after", "difference"]
    assert all_queries[1] == ["nDCG@10", "0.571", "0.812", "+0.241"]
    assert unseen[1] == ["nDCG@10", "0.614", "0.613", "-0.001"]


def test_facts_of_the_run_and_its_guide(result):
    cells = {row[0]: row[1] for table in tables(training_report(result)) for row in table}
    assert cells["losses"] == "gist:1, sigreg:0.05"
    assert cells["total time"] == "3 min 12 s" and cells["peak memory"] == "2.0 GiB"
    assert cells["training pairs per second"] == "2,310"
    assert cells["ranks the positive first"] == "61.2%" and cells["other candidates dropped"] == "1.3%"
    assert cells["epochs"] == "2.67" and cells["torch"] == "2.13.0" and cells["청년 월세.jsonl"] == "0a1b"


def test_margins_not_taken_and_what_is_proposed(result):
    proposal = {"kind": "margin", "sentence": "at | margin 0.1", "option": "--margin 0.1"}
    margins = (MarginEffect(0.0, 0.0131, None), MarginEffect(0.1, 0.05, 0.9))
    guide = replace(result.guide, margins=margins, proposal=from_plain(GuideAdvice, proposal))
    report = training_report(replace(result, guide=guide))
    cells = [row for table in tables(report) for row in table]
    assert ["0", "1.31%", "none known"] in cells and ["0.1", "5.00%", "90.0%"] in cells
    assert "Proposal: at \\| margin 0.1 (`--margin` 0.1)." in report


def test_code_and_recipe_can_be_copied_as_they_are(result):
    blocks = fences(training_report(result))
    assert blocks["python"] == "\n".join(result.how_to_use) + "\n"
    assert blocks["yaml"] == result.recipe


def test_a_recipe_with_a_fence_of_its_own_stays_one_block(result):
    recipe = 'note: "```"\n# ~~~~\n````\nlast: 1\n'
    assert fences(training_report(replace(result, recipe=recipe)))["yaml"] == recipe


def test_texts_of_the_data_stay_texts(result):
    """The hostile text opens no heading, link, emphasis, code, cell or tag, and can be read as it was."""
    tokens = PARSER.parse(training_report(result))
    kinds = {child.type for token in tokens for child in (token.children or [])}
    assert not kinds & {"link_open", "em_open", "html_inline", "image", "s_open"}
    assert not any(token.type == "html_block" for token in tokens)
    seen = inline_text(tokens)
    assert (
        seen.count(
            "청년 | 월세 [bold]지원[/bold] <script>x</script> [눌러](http://evil) *a* `b`\\x1b[31m\\n# heading\\u202e"
        )
        == 3
    )


def test_the_dev_curve_marks_the_step_that_was_kept(result):
    curve = tables(training_report(result))[2]
    assert curve[0] == ["step", "nDCG@10", "MRR@10"] and len(curve) == 11
    assert curve[9] == ["261 (kept)", "0.590", "0.400"]


def test_a_long_dev_curve_is_thinned_but_keeps_the_best_and_the_last(result):
    curve = [(step, {"ndcg@10": step / 1000}) for step in range(1, 501)]
    shown = [row[0] for row in tables(training_report(replace(result, dev_curve=curve, best_step=263)))[2][1:]]
    assert len(shown) <= CURVE_ROWS + 2 and "263 (kept)" in shown and shown[-1] == "500"


def test_parts_without_content_are_left_out():
    bare = TrainResult("run", "run/model", (), 1, 1.0, 1.0, 1.0, 1, {}, {}, None, None, None)
    assert headings(training_report(bare)) == ["No verdict", "The run"]


def test_bm25_stands_beside_before_and_after(result):
    words = {name: value / 2 for name, value in result.before.items()}
    unseen = {name: value / 4 for name, value in result.before.items()}
    measured = replace(result, baselines=({"model": "bm25", "metrics": words, "metrics_unseen": unseen},))
    [everything, part] = tables(training_report(measured))[:2]
    assert everything[0] == ["metric", "BM25", "before", "after", "difference"]
    assert everything[1][:3] == ["nDCG@10", "0.286", "0.571"]
    assert part[1][:3] == ["nDCG@10", "0.143", "0.614"]
    assert tables(training_report(result))[0][0] == ["metric", "before", "after", "difference"]


def test_the_unseen_part_stands_apart_only_where_it_is_a_part(result):
    def shown(**changes):
        return [heading for heading, *_ in score_parts(replace(result, **changes))]

    both = ["all test queries (300)", "unseen documents only (104)"]
    assert shown() == both
    assert shown(unseen_queries=300) == shown(before_unseen=None, unseen_queries=0) == both[:1]
    assert shown(before={}) == []


@pytest.mark.parametrize(
    ("unseen_queries", "says"),
    [
        (104, "rests on the unseen part: the other 196 queries ask for documents that were positives in training"),
        (0, "All 300 test queries ask for documents that were positives in training or dev: a gain on them may be"),
    ],
)
def test_a_leak_is_said(unseen_queries, says):
    assert says in basis(300, unseen_queries)


def test_no_leak_needs_no_words():
    assert basis(300, 300) == basis(0, 0) == ""


def test_a_verdict_in_one_word(verdict):
    assert word_and_sentence(verdict) == ("no difference shown", verdict.sentence)
    assert word_and_sentence(None)[0] == "no verdict"


def test_the_run_says_what_it_started_from(result: TrainResult) -> None:
    text = training_report(replace(result, recipe="model:\n  name: runs/a/model\n"))
    assert "| started from | runs/a/model |" in text
    assert "started from" not in training_report(replace(result, recipe=""))
    student = "model: {name: a/e5, layers: 2}\nteacher: {name: b/large}\nloss: [{name: align}]\n"
    text = training_report(replace(result, recipe=student))
    assert "2 layers of a/e5" in text and "b/large" in text
    assert "b/large" not in training_report(replace(result, recipe=student.replace("align", "gist"))).split("yaml")[0]


def test_a_run_on_several_sets_names_them_all(result: TrainResult) -> None:
    recipe = "model:\n  name: e5\ndata:\n  source: x/a.csv\n  further:\n  - source: y/b.jsonl\n"
    report = training(replace(result, recipe=recipe))
    assert report.subject == "e5 on a.csv + b.jsonl"
    assert dict(report.about)["data"] == "a.csv + b.jsonl"


def test_the_first_lines_say_what_was_trained_on_what_for_how_long(result: TrainResult) -> None:
    recipe = "model:\n  name: intfloat/e5-small\ndata:\n  source: export/helpdesk.csv\n"
    changed = {"recipe": recipe, "date": "2026-11-30", "model_bytes": 91 * 2**20}
    about = dict(training(replace(result, **changed)).about)
    assert about == {
        "started from": "e5-small",
        "data": "helpdesk.csv",
        "loss": "gist + sigreg",
        "test queries": "300",
        "time": "3 min 12 s",
        "model size": "91 MiB",
        "date": "2026-11-30",
    }
    assert training(replace(result, **changed)).subject == "e5-small on helpdesk.csv"
    assert "started from: e5-small · data: helpdesk.csv" in training_report(replace(result, **changed))


def test_the_plain_sentence_counts_and_leaves_the_judging_to_the_verdict(result: TrainResult) -> None:
    first = RightFirst(before=32, after=59, queries=100)
    better = replace(result.verdict, verdict="better")
    said = "For 59 of 100 questions a right answer comes first now; before training it was 32."
    assert plain_sentence(replace(result, right_first=first, verdict=better)) == said
    assert plain_sentence(replace(result, right_first=first)) == f"{said} That can be chance."
    same = RightFirst(before=59, after=59, queries=100)
    assert ", as many as before" in plain_sentence(replace(result, right_first=same))
    assert plain_sentence(replace(result, right_first=None)) == plain_sentence(replace(result, verdict=None)) == ""
