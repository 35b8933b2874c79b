"""Writing Markdown: read back by a Markdown parser, so that what is tested is what a reader sees."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from embedtune.reports.document.markdown import code, escape

PARSER = MarkdownIt("commonmark").enable("table").enable("strikethrough")


def inline_text(tokens):
    """What a reader sees of inline tokens, code spans included."""
    return "".join(child.content for token in tokens for child in (token.children or []))


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cf")), min_size=1))
@example("__0__")
def test_escaped_text_reads_as_it_was(text):
    tokens = PARSER.parse(f"- {escape(text)}")
    assert [token.type for token in tokens if token.nesting >= 0][:2] in (["bullet_list_open", "list_item_open"],)
    assert not any(token.type in ("heading_open", "fence", "html_block", "ordered_list_open") for token in tokens)
    assert "".join(inline_text(tokens).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "text", ["- a", "1. a", "12) b", "+ a", "# a", "> a", "---", "===", "| a | b |", "_a_", "&amp;", "a_b_c"]
)
def test_signs_that_would_open_something_do_not(text):
    tokens = PARSER.parse(escape(text))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert inline_text(tokens) == text and {child.type for child in tokens[1].children} <= {"text", "text_special"}


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cf")), min_size=1).filter(str.strip))
def test_code_spans_hold_any_text(text):
    children = PARSER.parse(f"- x {code(text)} y")[3].children
    spans = [child.content for child in children if child.type == "code_inline"]
    assert len(spans) == 1 and spans[0].split() == text.split()
