"""The report of a comparison, as a page and as Markdown: is B better than A, by how much, and on which queries."""

from collections.abc import Mapping
from typing import Any

from embedtune.reports.html import render
from embedtune.reports.markdown import escape, findings


def comparison_page(result: Mapping[str, Any]) -> str:
    """The report as one HTML file.

    Args:
        result: the keys of `embedtune compare --json`; a part whose keys are missing or empty is left out.
    """
    return render("comparison.html", result=result)


def comparison_report(result: Mapping[str, Any]) -> str:
    """The same as Markdown, with tables in place of plots; ends with a line end."""
    sections = [f"# {result['verdict'].capitalize()}", f"**{escape(result['sentence'])}**", findings(result)]
    return "\n\n".join(section for section in sections if section) + "\n"
