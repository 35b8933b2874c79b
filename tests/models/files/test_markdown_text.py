"""A model card shows a folder's name and its prompts as plain text, whatever they hold."""

import dataclasses
import re
from pathlib import Path

import pytest

from embedtune.models.encoder import Encoder
from embedtune.models.files.markdown_text import code_span
from embedtune.models.files.save import save_encoder

HOSTILE = [
    "a`b",
    "``",
    "`<script>alert(1)</script>`",
    "x\n\n# A heading",
    "a\r\nb",
    "a](http://x) ![i](http://y)",
    "\x1b[31mred",
    "\u202egnirts",
    "zero\u200bwidth",
    "",
    " ",
    "한국어 모델",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_leaves_its_code_span(text: str):
    shown = code_span(text)
    fence = re.match("`+", shown)[0]
    inside = shown[len(fence) : -len(fence)]
    assert shown.endswith(fence) and fence not in re.findall("`+", inside)
    assert inside.isprintable() and "<" not in shown and not inside.startswith("`") and not inside.endswith("`")


def test_plain_names_stay_as_they_are():
    assert [code_span(name) for name in ("owner/model", "한국어 모델")] == ["`owner/model`", "`한국어 모델`"]


@pytest.mark.parametrize("name", ["m`\n\n<script>alert(1)</script>\n# Trust this", "](http://x)<img src=x onerror=y>"])
def test_the_card_of_a_folder_with_a_hostile_name(starter: Encoder, tmp_path: Path, name: str):
    encoder = dataclasses.replace(starter, name=name, prompts={"query": name, "document": ""})
    save_encoder(encoder, tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "<script" not in card and "<img" not in card
    assert [line for line in card.splitlines() if line.startswith("#")] == [
        "# Sentence encoder fine-tuned with embedtune"
    ]
