"""The maps of a training run: a line per query, dots of both sides, nothing where nothing was mapped."""

from embedtune.reports.document.blocks import Report
from embedtune.reports.document.html import page
from embedtune.reports.results.train import QueryMap
from embedtune.reports.sections.vectors.space_map import NAMES, space_section


def test_every_query_is_joined_to_its_answer_on_both_maps() -> None:
    before = ((0.0, 0.0), (1.0, 1.0), (0.5, 0.0), (0.5, 1.0))
    drawn = page(Report("t", "t", "said", [space_section(QueryMap(2, before, before[::-1]))]))
    assert drawn.count('class="link"') == 2 * 2
    assert drawn.count('<line class="link" x1="0" y1="1000" x2="500" y2="1000"/>') == 1  # the first query, before
    assert all(name in drawn for name in (*NAMES, "Before training.", "After training."))


def test_nothing_is_shown_where_nothing_was_mapped() -> None:
    assert not space_section(None).blocks
