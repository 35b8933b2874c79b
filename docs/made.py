"""Pages of the documentation that are made from the code when the site is built: what a reader looks up.

A page says `<!-- made: NAME -->` where the text of the function of that name goes, and `<!-- picture: NAME -->` for a
function of `pictures.py`.
"""

import dataclasses
import inspect
import re
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from embedtune.cli.losses import GROUPS, LossCard, loss_card
from embedtune.cli.shared.app import verb_names
from embedtune.config.options import schema_of
from embedtune.config.reference.keys import KeyFacts, keys_of
from embedtune.losses import loss_names
from embedtune.reports.results.base import VerbResult


def on_page_markdown(markdown: str, **_: Any) -> str:
    """MkDocs calls this for every page."""
    return re.sub(r"<!-- (made|picture): (\w+) -->", lambda found: _part(*found.groups()), markdown)


def _part(kind: str, name: str) -> str:
    if kind == "made":
        return globals()[name]()
    # MkDocs loads this file by its path, so its neighbour is found by path too.
    where = spec_from_file_location("pictures", Path(__file__).with_name("pictures.py"))
    pictures = module_from_spec(where)
    where.loader.exec_module(pictures)
    return getattr(pictures, name)()


def keys() -> str:
    """Every key of every verb's recipe, a table per verb and section."""
    text = []
    for verb in verb_names():
        try:
            facts = keys_of(schema_of(verb))
        except ModuleNotFoundError:  # a verb without a recipe
            continue
        text.append(f"## {verb}\n\n| key, option | takes, default, meaning |\n| --- | --- |")
        text += [_row(one) + ("\n" if one is facts[-1] else "") for one in facts]
    return "\n".join(text)


def _row(fact: KeyFacts) -> str:
    named = f"`{fact.key}`" + (f"<br>`{fact.option}`" if fact.option else "")
    said = f"{fact.takes} [`{fact.default}`]" + (f"<br>{_plain(fact.meaning)}" if fact.meaning else "")
    return f"| {named} | {said.replace('|', chr(92) + '|')} |"


def _plain(text: str) -> str:
    return text.replace("<", "&lt;")


def results() -> str:
    """Every key of every verb's `--json` object, as the result's class explains it."""
    text = []
    for verb in verb_names():
        try:
            module = import_module(f"embedtune.reports.results.{verb}")
        except ModuleNotFoundError:  # a verb that prints a list of its own
            continue
        kind = getattr(module, f"{verb.capitalize()}Result", None)
        if kind is None or not dataclasses.is_dataclass(kind):
            continue
        said = _shared()
        for base in reversed(kind.__mro__):
            said |= _arguments(inspect.getdoc(base) or "")
        text.append(f"## {verb}\n\n| key | meaning |\n| --- | --- |")
        names = [field.name for field in dataclasses.fields(kind)]
        text += [f"| `{name}` | {_plain(said.get(name, '')).replace('|', chr(92) + '|')} |" for name in names]
        text[-1] += "\n"
    return "\n".join(text)


def _shared() -> dict[str, str]:
    """What fields of several verbs mean, from the class of all results."""
    text = " ".join((inspect.getdoc(VerbResult) or "").split())
    return dict(re.findall(r"`(\w+)` (?:is )?(?:are )?([^;.`]+)", text.partition("Fields that")[2]))


def _arguments(docstring: str) -> dict[str, str]:
    """What `Args:` says of each field."""
    found = re.search(r"^Args:\n(.+?)(?=\n\n|\n\S|\Z)", docstring, re.DOTALL | re.MULTILINE)
    parts = re.split(r"^    ([\w, ]+): ", found[1], flags=re.MULTILINE)[1:] if found else []
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return {name: " ".join(text.split()) for names, text in pairs for name in names.split(", ")}


def losses() -> str:
    """Every loss in full: what it does, when to use it, its source, its arguments, a command."""
    cards = [loss_card(name) for name in loss_names()]
    groups = [(heading, [card for card in cards if card.data == data]) for data, heading in GROUPS.items()]
    return "\n\n".join(f"## {heading}\n\n" + "\n\n".join(map(_loss, own)) for heading, own in groups)


def _loss(card: LossCard) -> str:
    facts = {"When": card.when, "Needs": ", ".join(card.needs), "Cost": card.cost}
    facts |= {"Source": card.source, "Bounds": card.bounds}
    lines = [f"### {card.name}\n", card.summary + "\n"]
    lines += [f"- *{name}*: {said}" for name, said in facts.items() if said]
    lines += [f"- `{name}` = `{card.arguments[name]}`: {said}" for name, said in card.explained.items()]
    return "\n".join([*lines, f"\n```\n{card.command}\n```"])
