"""Search results on a terminal."""

from typing import Any

from rich.cells import cell_len
from rich.console import Console

from embedtune.reports.search import search_results


def result(rank: int, text: str, **others: int | None) -> dict[str, Any]:
    return {"rank": rank, "score": 0.5 / rank, "document": f"문서 {rank}", "text": text, "others": others}


def shown(answer: dict[str, Any], width: int = 60) -> str:
    console = Console(width=width, force_terminal=True, color_system="standard", legacy_windows=False)
    with console.capture() as captured:
        console.print(search_results(answer))
    return captured.get()


def plain(answer: dict[str, Any], width: int = 60) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(search_results(answer))
    return captured.get()


def test_systems_stand_side_by_side_and_say_what_only_they_have() -> None:
    answer = {
        "query": "월세",
        "results": {
            "a": [result(1, "월세를 냅니다", b=2), result(2, "연금", b=None)],
            "b": [result(1, "전세", a=None), result(2, "월세를 냅니다", a=1), result(3, "끝", a=None)],
        },
    }
    out = plain(answer)
    first = next(line for line in out.splitlines() if line.startswith("1"))
    assert first.count("문서 1") == 2 and "#2 there" in first and "only here" in first
    assert any(line.startswith("3") and "문서 3" in line for line in out.splitlines())


def test_wide_letters_stay_within_the_terminal() -> None:
    answer = {"query": "지원", "results": {name: [result(1, "한국어 문장 지원 " * 60)] for name in "ab"}}
    lines = plain(answer, width=50).splitlines()
    assert max(cell_len(line) for line in lines) <= 50
    assert len(lines) < 25  # a long document is cut


def test_words_of_the_query_are_bold_and_no_text_acts_on_the_terminal() -> None:
    out = shown({"query": "월세", "results": {"a": [result(1, "청년 월세를 \x1b[31m내다 [bold]x[/bold]")]}})
    assert "\x1b[1;39m월세를\x1b[0m" in out
    assert "\\x1b[31m" in out and "[bold]x[/bold]" in out


def test_an_empty_answer_is_said() -> None:
    assert plain({"query": "x", "results": {"bm25": []}}).strip() == "nothing is found"
