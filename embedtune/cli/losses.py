"""`embedtune losses`: say what each loss is for, what it needs and what it costs.

The words are those of the loss's own docstring.
"""

import inspect
import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embedtune.cli.shared.options import AsJson
from embedtune.cli.shared.output import print_json, print_text, readable_width

if TYPE_CHECKING:
    from embedtune.losses import Loss

EXAMPLES = """
embedtune losses
embedtune losses --json
"""
_NEEDS = {"negatives": "negatives", "guide": "a guide", "labels": "labels", "teacher": "teacher scores"}
_COMPANIONS = {
    "averaged": "an averaged teacher (made while training)",
    "clusters": "clusters (made while training)",
    "reference": "the vectors of the encoder before training (made by embedtune)",
    "originals": "the undamaged texts as tokens (looked up while training)",
}
GROUPS = {
    "pairs": "From pairs (or from views of texts alone)",
    "negatives": "From pairs with negatives and scores of a teacher",
    "texts": "From texts alone (pairs are made from views of them: --views crop; they take pairs too)",
    "preferences": "From preferences (anchor, chosen, rejected)",
}
"""Data that a loss is made for -> the heading of its losses."""


@dataclass(frozen=True)
class LossCard:
    """The facts that help to choose a loss."""

    name: str
    data: str
    summary: str
    needs: tuple[str, ...]
    when: str
    cost: str
    arguments: dict[str, object]


def losses(as_json: AsJson = False) -> None:
    """List the losses: what each is for, what it needs and costs, and its arguments with their defaults."""
    from embedtune.losses import loss_names

    cards = [loss_card(name) for name in loss_names()]
    if as_json:
        print_json({"losses": cards})
        return
    for data, heading in GROUPS.items():
        print_text(f"{heading}\n")
        for card in cards:
            if card.data == data:
                print_text(textwrap.indent(_in_words(card), "  ", lambda line: bool(line.strip())))


def loss_card(name: str) -> LossCard:
    """What the loss declares: its docstring, its `needs_*` and `companions` attributes, its arguments."""
    from embedtune.losses import loss_class

    kind = loss_class(name)
    text = inspect.getdoc(kind) or ""
    parameters = inspect.signature(kind).parameters.values()
    return LossCard(
        name=name,
        data=_data(kind),
        summary=" ".join(text.split("\n\n")[0].split()),
        needs=(
            "pairs, or two views of a text" if kind.made_for_views else "pairs",
            *(words for need, words in _NEEDS.items() if getattr(kind, f"needs_{need}")),
            *(words for name, words in _COMPANIONS.items() if name in kind.companions),
        ),
        when=_labelled(text, "When to use"),
        cost=_labelled(text, "Cost"),
        arguments={parameter.name: parameter.default for parameter in parameters},
    )


def _data(kind: "type[Loss]") -> str:
    """The data that a loss is made for, one of `GROUPS`."""
    if kind.made_for_views:
        return "texts"
    return "preferences" if "reference" in kind.companions else "negatives" if kind.needs_teacher else "pairs"


def _labelled(text: str, label: str) -> str:
    """The sentence or sentences after `label:`, up to the next label or the end of the paragraph."""
    found = re.search(rf"\b{label}: (.+?)(?=\s[A-Z][\w ]*: |\n\s*\n|\Z)", text, re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def _in_words(card: LossCard) -> str:
    width = readable_width() - 2
    arguments = ", ".join(f"{name}={default}" for name, default in card.arguments.items()) or "none"
    facts = {"needs": ", ".join(card.needs), "when": card.when, "cost": card.cost, "arguments": arguments}
    lines = [card.name, textwrap.fill(card.summary, width, initial_indent="  ", subsequent_indent="  ")]
    for label, text in facts.items():
        lines += textwrap.wrap(text, width, initial_indent=f"  {label:<11}", subsequent_indent=" " * 13)
    return "\n".join([*lines, ""])
