"""What a person reads at the end of a run, as text on a terminal of 80 columns."""

import io
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console


def shown(result, *, width=80, colour=False, told=(), **changes):
    console = Console(
        file=io.StringIO(), width=width, force_terminal=colour, color_system="standard" if colour else None
    )
    console.print(replace(result, **changes).table(told))
    return console.file.getvalue()


def words(text):
    """The text as one line, wherever it was wrapped."""
    return " ".join(text.split())


def row_of(text, label):
    return next(line.split() for line in text.splitlines() if line.strip().startswith(label))


def test_before_after_and_difference_of_both_parts(result):
    text = shown(result)
    all_part, unseen_part = text.split("unseen documents only (104)")
    assert "all test queries (300)" in all_part
    assert row_of(all_part, "nDCG@10") == ["nDCG@10", "0.571", "0.812", "+0.241"]
    assert row_of(unseen_part, "nDCG@10") == ["nDCG@10", "0.614", "0.613", "-0.001"]
    assert row_of(unseen_part, "Recall@100") == ["Recall@100", "0.902", "0.911", "+0.009"]


def test_the_verdict_sentence_stands_whole_and_before_the_findings(result, verdict):
    text = words(shown(result))
    assert verdict.sentence in text
    assert "The verdict rests on the unseen part: the other 196 queries" in text
    assert text.index("Recall@100") < text.index(verdict.sentence) < text.index("error:")


def test_findings_say_their_severity_in_words_the_gravest_first(result):
    text = shown(result)
    labels = re.findall(r"^(error|warning|note):", text, flags=re.MULTILINE)
    assert labels == ["error", "warning", "note"]
    assert "judgments overlap with training" in words(text)


def test_findings_that_were_told_are_only_named(result):
    text = words(shown(result, told={"2 rows are equal", "judgments overlap with training"}))
    assert "2 rows are equal" not in text and "judgments overlap" not in text and "error:" in text
    assert "Reported earlier, and in the report: 1 warning (overlap), 1 note (copies)." in text


def test_user_texts_neither_act_on_the_screen_nor_are_read_as_markup(result):
    text = words(shown(result))
    assert "[bold]지원[/bold]" in text and "\\x1b[31m\\n# heading\\u202e" in text
    assert "\x1b" not in text and "\u202e" not in text


def test_colour_adds_nothing_that_the_text_does_not_say(result):
    coloured = shown(result, colour=True)
    assert "\x1b[" in coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in plain.splitlines()] == [line.rstrip() for line in shown(result).splitlines()]


@pytest.mark.parametrize("width", [80, 60])
def test_no_line_is_wider_than_the_terminal_in_korean_too(result, width):
    assert max(cell_len(line) for line in shown(result, width=width).splitlines()) <= width


def test_where_every_query_is_unseen_there_is_one_part(result):
    text = shown(result, unseen_queries=300)
    assert "unseen documents only" not in text and "The verdict rests" not in text


def test_where_none_is_unseen_the_leak_is_said(result):
    text = words(shown(result, before_unseen=None, after_unseen=None, unseen_queries=0))
    assert "All 300 test queries ask for documents that were positives in training or dev" in text


def test_without_test_queries_there_is_no_verdict_and_no_table(result):
    nothing = {"before": {}, "after": {}, "before_unseen": None, "after_unseen": None, "verdict": None}
    text = shown(result, **nothing, test_queries=0, unseen_queries=0, findings=())
    assert words(text).startswith("No verdict: there were no test queries to judge by. time 3 min 12 s model ")


def test_where_model_and_report_are_comes_last_and_is_never_wrapped(result):
    path = "runs/" + "긴 이름 " * 40
    console = Console(file=io.StringIO(), width=40)
    console.print(replace(result, model=path, report="").table(), crop=False)
    assert console.file.getvalue().splitlines()[-2:] == [f"model   {path}", f"report  {result.run}/report.md"]


def test_print_shows_what_the_command_shows(result):
    assert str(result).splitlines() == shown(result, width=100).splitlines()
