"""The evidence behind a verdict: every number of it can be read, in plots and in the tables that stand for them."""

from dataclasses import replace
from typing import Any

import pytest

from embedtune.evaluation.verdicts.evidence import Evidence
from embedtune.reports.document.blocks import Example, Figure, Figures, Section, Table, Text
from embedtune.reports.sections.evidence import change_sections, evidence_sections


@pytest.fixture
def sections(evidence: Evidence) -> dict[str, Section]:
    return {section.heading: section for section in evidence_sections(evidence)}


def table_of(section: Any) -> dict[str, tuple[str, ...]]:
    """The rows of a section's first figure, by their first cells."""
    figure = next(block for block in section.blocks if isinstance(block, Figure))
    assert isinstance(figure.table, Table)
    return {first: tuple(rest) for first, *rest in figure.table.rows}


def test_everything_has_its_section(sections: dict[str, Section]) -> None:
    assert list(sections) == [
        "Query by query",
        "Recall over k",
        "Scores of relevant and other documents",
        "Queries helped most",
        "Queries hurt most",
    ]


def test_differences_are_counted_and_told_by_quantiles(sections: dict[str, Section]) -> None:
    said = sections["Query by query"].blocks[0]
    assert isinstance(said, Text)
    assert said.text.startswith("After training, compared with before, on unseen documents: won 1, lost 2, tied 7.")
    assert said.text.endswith("would be detected 4 times out of 5.")
    assert "0.062" in said.text and "unseen" in said.text
    rows = table_of(sections["Query by query"])
    assert rows["0"] == ("-0.375",) and rows["50"] == ("+0.000",) and rows["100"] == ("+0.750",)


def test_recall_has_a_column_a_system(sections: dict[str, Section]) -> None:
    rows = table_of(sections["Recall over k"])
    assert rows == {"1": ("0.250",) * 3, "10": ("0.500",) * 3, "100": ("0.750",) * 3}
    unfound = sections["Recall over k"].blocks[1]
    assert isinstance(unfound, Text)
    assert unfound.text.startswith("Relevant documents not among the first 100: before 2, after 0,")


def test_scores_are_counted_whole_and_a_threshold_says_what_it_would_give(sections: dict[str, Section]) -> None:
    drawn, *said = sections["Scores of relevant and other documents"].blocks
    assert isinstance(drawn, Figures) and len(drawn.drawings) == len(said) == 3
    counts = [[int(cell.replace(",", "")) for cell in row[2:]] for row in drawn.table.rows if row[0] == "before"]
    assert [sum(column) for column in zip(*counts, strict=True)] == [30, 140]
    assert said[0].text.startswith("Before: ") and said[1].text.startswith("After: ")  # type: ignore[attr-defined]
    for part in ("0.625", "F1 0.60", "75%", "50%"):
        assert part in said[0].text  # type: ignore[attr-defined]


def test_only_systems_of_one_scale_share_their_axis(sections: dict[str, Section], evidence: Evidence) -> None:
    drawn = [str(one) for one in sections["Scores of relevant and other documents"].blocks[0].drawings]  # type: ignore[attr-defined]
    ticks = [drawing[drawing.index('class="ticks"') : drawing.index("<figcaption>")] for drawing in drawn]
    assert ticks[0] == ticks[1] != ticks[2]


def test_a_move_is_good_or_bad_by_what_moved(sections: dict[str, Section]) -> None:
    example = sections["Queries helped most"].blocks[0]
    assert isinstance(example, Example)
    assert example.scores == "0.250 → 1.000"
    assert [(one.label, one.standing, one.better) for one in example.passages] == [
        ("relevant (grade 2)", "rank 12 → 1", True),
        ("not judged relevant", "rank 1 → >100", True),
        ("document", "rank >100 → 3", None),
    ]
    assert example.passages[1].text == "d2"


def test_a_query_without_a_text_goes_by_its_id(sections: dict[str, Section]) -> None:
    example = sections["Queries hurt most"].blocks[0]
    assert isinstance(example, Example) and example.query == "q2"


def test_with_several_pairs_each_heading_says_whose_queries_they_are(evidence: Evidence) -> None:
    several = replace(evidence, pairs=(*evidence.pairs, replace(evidence.pairs[0], b="bm25")))
    headings = [section.heading for section in evidence_sections(several)]
    assert "Queries that after helped most" in headings and "Queries that bm25 hurt most" in headings


def test_without_evidence_there_is_no_section() -> None:
    assert evidence_sections(None) == []


def test_scores_that_mean_nothing_are_left_out(evidence: Evidence) -> None:
    bare = replace(evidence, systems=tuple(replace(system, scores=None) for system in evidence.systems))
    assert not next(section for section in evidence_sections(bare) if section.heading.startswith("Scores"))


def test_three_queries_are_shown_and_the_rest_is_folded(evidence: Evidence) -> None:
    [pair, *_] = evidence.pairs
    many = replace(pair, helped=pair.helped[:1] * 5)
    helped = change_sections(replace(evidence, pairs=(many,)))[0]
    shown, folded = helped.blocks[:3], helped.blocks[3]
    assert all(isinstance(one, Example) for one in shown)
    assert isinstance(folded, Section) and folded.folded and folded.heading == "2 more" and len(folded.blocks) == 2
