"""Pages: valid, nothing from data acts, nothing is fetched, misspelt names are errors."""

import re
from importlib.resources import files
from itertools import pairwise
from xml.etree.ElementTree import Element

import html5lib
import pytest
from jinja2 import UndefinedError
from markdown_it import MarkdownIt

from embedtune.reports.compare import comparison
from embedtune.reports.document import html
from embedtune.reports.document.html import render
from embedtune.reports.document.markdown import markdown
from embedtune.reports.evaluate import evaluation
from embedtune.reports.mine import mining
from embedtune.reports.train import training

REPORTS = {
    "trained": training,
    "evaluated": evaluation,
    "compared": comparison,
    "mined": mining,
}

TEMPLATES = sorted(entry.name for entry in (files("embedtune.reports.document") / "templates").iterdir())


def test_markup_and_control_characters_come_out_as_text() -> None:
    shown = render("text.html", text='<script>alert("1")</script>\x1b[31m\u202e한국어')
    assert shown == "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;\\x1b[31m\\u202e한국어"


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("text.html", txet="")


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_hold_no_script_and_fetch_nothing(name: str) -> None:
    text = (files("embedtune.reports.document") / "templates" / name).read_text(encoding="utf-8").lower()
    for forbidden in ("<script", "http://", "https://", "@import", "url(", "|safe", "| safe", "onload", "onclick"):
        assert forbidden not in text


@pytest.fixture(params=REPORTS)
def page(request: pytest.FixtureRequest) -> str:
    return html.page(REPORTS[request.param](request.getfixturevalue(request.param)))


@pytest.fixture
def tree(page: str) -> Element:
    """The page as a strict HTML5 parser reads it: any error in it is raised."""
    root: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    return root


def tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def test_every_page_is_valid_with_one_heading_of_the_first_level(tree: Element) -> None:
    tags = [tag(element) for element in tree.iter()]
    assert tags.count("h1") == 1
    assert tags.count("title") == 1
    levels = [int(name[1]) for name in tags if re.fullmatch("h[1-6]", name)]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))


def test_a_page_runs_nothing_and_fetches_nothing(tree: Element, page: str) -> None:
    """The only links are those of its contents, and each leads to a part of it."""
    ids = {element.get("id") for element in tree.iter()}
    assert not {"script", "img", "iframe", "object", "embed", "link", "base", "form"} & {
        tag(element) for element in tree.iter()
    }
    for element in tree.iter():
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on") and name.lower() not in ("src", "xlink:href", "action")
            assert name.lower() != "href" or (tag(element) == "a" and value[0] == "#" and value[1:] in ids)
            assert "url(" not in value
    policy = next(element for element in tree.iter() if element.get("http-equiv") == "Content-Security-Policy")
    assert policy.get("content") == "default-src 'none'; style-src 'unsafe-inline'"
    assert "\x1b" not in page


def test_texts_of_the_data_stay_texts_and_korean_survives(tree: Element) -> None:
    text = "".join(tree.itertext())
    assert "<script>" in text
    assert re.search("[가-힣]{2}", text)


def test_every_drawing_can_be_heard_and_every_table_has_its_headings(tree: Element) -> None:
    for element in tree.iter():
        if tag(element) == "svg":
            assert element.get("aria-label") or element.get("aria-hidden") == "true"
        if tag(element) == "table":
            assert all(row.find("th") is not None for row in element.iter("tr"))


@pytest.mark.parametrize("name", REPORTS)
def test_page_and_markdown_have_the_same_headings(name: str, request: pytest.FixtureRequest) -> None:
    report = REPORTS[name](request.getfixturevalue(name))
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown(report))
    in_markdown = [
        "".join(child.content for child in tokens[place + 1].children or ())
        for place, token in enumerate(tokens)
        if token.type == "heading_open"
    ]
    tree = html5lib.parse(html.page(report), namespaceHTMLElements=False)
    on_page = ["".join(element.itertext()) for element in tree.iter() if re.fullmatch("h[1-6]", str(element.tag))]
    assert on_page == in_markdown


@pytest.mark.parametrize("name", REPORTS)
def test_nothing_of_the_data_acts_in_markdown(name: str, request: pytest.FixtureRequest) -> None:
    report = markdown(REPORTS[name](request.getfixturevalue(name)))
    tokens = MarkdownIt("commonmark").enable("table").parse(report)
    kinds = {token.type for token in tokens} | {child.type for token in tokens for child in token.children or ()}
    assert not kinds & {"html_block", "html_inline", "link_open", "image"}
    assert "\x1b" not in report
