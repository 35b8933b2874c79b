"""The table of smaller vectors: every row, with what it loses; nothing where none were trained."""

from rich.console import Console

from embedtune.reports.document.blocks import Report
from embedtune.reports.document.markdown import markdown
from embedtune.reports.sections.vectors.smaller import smaller_section, smaller_table

ROWS = (
    {"dimensions": 1024, "stored": None, "bytes_per_vector": 4096, "before": 0.5, "after": 0.625, "difference": 0.0,
     "interval": (0.0, 0.0)},
    {"dimensions": 256, "stored": "binary", "bytes_per_vector": 32, "before": None, "after": 0.6, "difference": -0.025,
     "interval": (-0.031, -0.019)},
)  # fmt: skip


def test_rows_say_what_they_lose() -> None:
    page = markdown(Report("t", "t", "said", [smaller_section(ROWS)]))
    assert "| 1,024 | float32 | 4,096 | 0.500 | 0.625 |  |" in page
    assert "| 256 | binary | 32 |  | 0.600 | -0.025 (-0.031 to -0.019) |" in page
    console = Console(width=100, record=True)
    console.print(smaller_table(ROWS))
    assert "-0.025 (-0.031 to -0.019)" in console.export_text()


def test_nothing_is_shown_where_none_were_trained() -> None:
    assert not smaller_section(()).blocks
