"""Pages: nothing from data acts, nothing is fetched, misspelt names are errors."""

from importlib.resources import files

import pytest
from jinja2 import UndefinedError

from embedtune.reports.html import render

TEMPLATES = sorted(entry.name for entry in (files("embedtune.reports") / "templates").iterdir())


def test_markup_and_control_characters_come_out_as_text() -> None:
    shown = render("text.html", text='<script>alert("1")</script>\x1b[31m\u202e한국어')
    assert shown == "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;\\x1b[31m\\u202e한국어"


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("text.html", txet="")


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_hold_no_script_and_fetch_nothing(name: str) -> None:
    text = (files("embedtune.reports") / "templates" / name).read_text(encoding="utf-8").lower()
    for forbidden in ("<script", "http://", "https://", "@import", "url(", "|safe", "| safe", "onload", "onclick"):
        assert forbidden not in text
