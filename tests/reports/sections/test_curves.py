"""Training curves: a plot for every group, the loss terms apart, and a table of some of the steps."""

from embedtune.reports.document.blocks import Figures, Text
from embedtune.reports.results.train import Curves
from embedtune.reports.sections.curves import ROWS, curves_section


def figures(curves: Curves, best_step: int | None = None) -> Figures:
    section = curves_section(curves, best_step)
    return next(block for block in section.blocks if isinstance(block, Figures))


def test_every_group_is_drawn_and_loss_terms_apart(curves: Curves) -> None:
    drawings = [str(drawing) for drawing in figures(curves).drawings]
    titles = [drawing.partition("<strong>")[2].partition("</strong>")[0] for drawing in drawings]
    assert titles == ["loss", "gist", "collapse: effective rank", "dev"]
    assert "loss: 16 at first, 7 at last" in drawings[0]
    assert "nDCG@10" in drawings[3]


def test_only_dev_marks_the_step_kept(curves: Curves) -> None:
    marked = ['class="mark"' in drawing for drawing in figures(curves, 40).drawings]
    assert marked == [False, False, False, True]


def test_the_table_has_the_first_and_the_last_point_and_no_more_than_it_should(curves: Curves) -> None:
    table = figures(curves).table
    assert list(table.header) == ["step", "loss", "gist", "collapse: effective rank"]
    assert table.rows[0] == ("4", "16", "8", "") and table.rows[-1] == ("40", "7", "3.5", "90")
    many = Curves(tuple(range(200)), 1, ({"name": "loss", "lines": {"loss": [1.0] * 200}},))
    rows = figures(many).table.rows
    assert len(rows) <= ROWS + 1 and (rows[0][0], rows[-1][0]) == ("0", "199")


def test_what_a_point_stands_for_is_said(curves: Curves) -> None:
    said = " ".join(block.text for block in curves_section(curves, None).blocks if isinstance(block, Text))
    assert "mean of 4 steps" in said and "effective rank" in said


def test_a_run_without_curves_has_no_section() -> None:
    assert not curves_section(None, 3)
