"""Search results on a terminal."""

from rich.cells import cell_len
from rich.console import Console

from embedtune.reports.results.search import FoundDocument, SearchAnswer, SearchResult


def result(rank: int, text: str, **others: int | None) -> FoundDocument:
    return FoundDocument(rank, 0.5 / rank, f"문서 {rank}", text, others)


def answer_of(query: str, **results: list[FoundDocument]) -> SearchAnswer:
    return SearchAnswer(query, {label: tuple(found) for label, found in results.items()})


def shown(answer: SearchAnswer, width: int = 60) -> str:
    console = Console(width=width, force_terminal=True, color_system="standard", legacy_windows=False)
    with console.capture() as captured:
        console.print(answer.table())
    return captured.get()


def plain(answer: SearchAnswer | SearchResult, width: int = 60) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(answer.table())
    return captured.get()


def test_systems_stand_side_by_side_and_say_what_only_they_have() -> None:
    answer = answer_of(
        "월세",
        a=[result(1, "월세를 냅니다", b=2), result(2, "연금", b=None)],
        b=[result(1, "전세", a=None), result(2, "월세를 냅니다", a=1), result(3, "끝", a=None)],
    )
    out = plain(answer)
    first = next(line for line in out.splitlines() if line.startswith("1"))
    assert first.count("문서 1") == 2 and "#2 there" in first and "only here" in first
    assert any(line.startswith("3") and "문서 3" in line for line in out.splitlines())


def test_wide_letters_stay_within_the_terminal() -> None:
    answer = answer_of("지원", **{name: [result(1, "한국어 문장 지원 " * 60)] for name in "ab"})
    lines = plain(answer, width=50).splitlines()
    assert max(cell_len(line) for line in lines) <= 50
    assert len(lines) < 25  # a long document is cut


def test_words_of_the_query_are_bold_and_no_text_acts_on_the_terminal() -> None:
    out = shown(answer_of("월세", a=[result(1, "청년 월세를 \x1b[31m내다 [bold]x[/bold]")]))
    assert "\x1b[1;39m월세를\x1b[0m" in out
    assert "\\x1b[31m" in out and "[bold]x[/bold]" in out


def test_an_empty_answer_is_said() -> None:
    assert plain(answer_of("x", bm25=[])).strip() == "nothing found"


def test_several_queries_are_printed_one_below_the_other() -> None:
    answers = (answer_of("첫째", bm25=[result(1, "하나")]), answer_of("둘째", bm25=[]))
    out = plain(SearchResult("a corpus: 1 document", ("bm25",), 5, answers))
    assert out.index("첫째") < out.index("문서 1") < out.index("둘째") < out.index("nothing found")
