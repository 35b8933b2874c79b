"""`embedtune losses`: say what each loss is for, what it needs and what it costs.

The words are those of the loss's own docstring.
"""

import inspect
import re
import shlex
import textwrap
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated

from embedtune.cli.shared.completion import loss_value
from embedtune.cli.shared.options import AsJson, argument, written
from embedtune.cli.shared.output import print_json, print_text, readable_width
from embedtune.errors import ConfigError

if TYPE_CHECKING:
    from embedtune.losses import Loss

EXAMPLES = """
embedtune losses
embedtune losses --data samples
embedtune losses gist --data samples
embedtune losses --json
"""
Name = Annotated[str | None, argument("NAME", "A loss to explain in full.", "a list of all", loss_value)]
Data = Annotated[
    str | None,
    written(
        "--data",
        metavar="SET",
        help="Propose losses for this data, with reasons; with NAME, say whether it can serve that loss.",
        group="Data",
        default="none",
    ),
]
Columns = Annotated[
    str | None,
    written(
        "--columns",
        metavar="ROLE=COLUMN,...",
        help="Columns whose names are not the usual ones, such as anchor=question,positive=answer.",
        group="Data",
        default="the usual names",
    ),
]
Encoding = Annotated[
    str | None,
    written(
        "--encoding",
        metavar="NAME",
        help="Encoding of text files that are not UTF-8, such as cp949 or cp1252.",
        group="Data",
        default="recognized where it is certain",
    ),
]
_NEEDS = {"negatives": "negatives", "guide": "a guide", "labels": "labels", "teacher": "teacher scores"}
_COMPANIONS = {
    "averaged": "an averaged teacher (made while training)",
    "clusters": "clusters (made while training)",
    "teacher": "the vectors of another encoder (--teacher)",
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
    """The facts that help to choose a loss; `serves` is data that was found to have what it needs."""

    name: str
    data: str
    summary: str
    needs: tuple[str, ...]
    when: str
    cost: str
    arguments: dict[str, object]
    source: str = ""
    bounds: str = ""
    explained: dict[str, str] = field(default_factory=dict)
    command: str = ""
    serves: str | None = None


def losses(
    name: Name = None,
    data: Data = None,
    columns: Columns = None,
    encoding: Encoding = None,
    as_json: AsJson = False,
) -> None:
    """List the losses: what each is for, what it needs and costs, and its arguments with their defaults.

    With a name, explain one in full: where it comes from, what its arguments mean, and a command that trains with it.
    Names from elsewhere, such as MNRL or SimCLR, are understood. With --data, say which losses suit a data set and why;
    with both, say whether the data can serve the loss, and why not.
    """
    from embedtune.losses import loss_names

    known = None if name is None else _known(name)
    card = None if known is None else loss_card(known)
    if data is None and (columns or encoding):
        raise ConfigError(
            "these are about data, and none is named", where="--columns, --encoding", next="add --data SET"
        )
    if data is not None:
        _of_data({"data": data, "columns": columns, "encoding": encoding}, known, as_json=as_json)
        return
    if card is not None:
        print_json(card) if as_json else print_text(_in_full(card))
        return
    cards = [loss_card(one) for one in loss_names()]
    if as_json:
        print_json({"losses": cards})
        return
    for data, heading in GROUPS.items():
        print_text(f"{heading}\n")
        for card in cards:
            if card.data == data:
                print_text(textwrap.indent(_in_words(card), "  ", lambda line: bool(line.strip())))


def _of_data(options: dict[str, str | None], name: str | None, *, as_json: bool) -> None:
    """Say which losses suit a data set and how to find out; of one loss, whether the data can serve it.

    Raises:
        DataError: the data cannot be read, or cannot serve the loss; says what is missing and which losses it serves.
    """
    from embedtune.config.recipe.load import load
    from embedtune.config.verbs.train import TrainConfig
    from embedtune.data.sources.source import open_source
    from embedtune.losses import loss_names
    from embedtune.workflows.shared.choosing.losses import advise
    from embedtune.workflows.shared.stream_talk import StreamTalk
    from embedtune.workflows.train.plan import plan_config
    from embedtune.workflows.train.recipe_checks import check_needs
    from embedtune.workflows.train.run import read_data

    talk, source = StreamTalk(), str(options["data"])
    asked = {**options, "loss": [name] if name else []}
    plan = plan_config(load(TrainConfig, None, (), asked, known_losses=loss_names(), verb="losses"), talk=talk)
    data = read_data(plan.config, plan.source or open_source(source), talk)
    if name is not None:
        check_needs(plan.config, plan.losses, data)
        card = loss_card(name)
        command = f"{card.command.rpartition(' ')[0]} {shlex.quote(source)}"
        card = replace(card, serves=source, command=command)
        print_json(card) if as_json else print_text(_in_full(card))
        return
    found = advise(data, source, plan.config.data.columns)
    if as_json:
        print_json(found)
        return
    width = readable_width()
    lines = [f"proposed: {', '.join(found.losses)}", ""]
    for reason in found.reasons:
        lines += textwrap.wrap(reason, width, initial_indent="- ", subsequent_indent="  ")
    print_text("\n".join([*lines, "", f"train with it    {found.command}", f"to know          {found.know}"]))


def _known(name: str) -> str:
    """The name of a loss as it is here.

    Raises:
        ConfigError: there is no such loss; says what it is in terms of those that are.
    """
    from embedtune.config.reference.loss_words import likeness, usual_name
    from embedtune.losses import loss_names

    like = likeness(name)
    if like is not None and usual_name(name) not in loss_names():
        raise ConfigError(f"there is no loss {name!r}; {like}", where="NAME", next="embedtune losses")
    return usual_name(name)


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
            _texts_needed(kind),
            *(words for need, words in _NEEDS.items() if getattr(kind, f"needs_{need}")),
            *(words for name, words in _COMPANIONS.items() if name in kind.companions),
        ),
        when=_labelled(text, "When to use"),
        cost=_labelled(text, "Cost"),
        arguments={parameter.name: parameter.default for parameter in parameters},
        source=_labelled(text, "Source"),
        bounds=_labelled(text, "Bounds"),
        explained=_explained(text),
        command=_command(name, kind),
    )


def _texts_needed(kind: "type[Loss]") -> str:
    """The texts that it learns from."""
    if kind.reads_single_texts:
        return "texts, or pairs"
    return "pairs, or two views of a text" if kind.made_for_views else "pairs"


def _explained(text: str) -> dict[str, str]:
    """What each argument means, from the docstring's `Args:`."""
    found = re.search(r"^Args:\n(.+?)(?=\n\n|\n\S|\Z)", text, re.DOTALL | re.MULTILINE)
    parts = re.split(r"^    (\w+): ", found[1], flags=re.MULTILINE)[1:] if found else []
    return {name: " ".join(said.split()) for name, said in zip(parts[::2], parts[1::2], strict=True)}


def _command(name: str, kind: "type[Loss]") -> str:
    """A command that trains with it, on the data that it is made for."""
    data = {"texts": "corpus.txt", "preferences": "preferences.jsonl", "negatives": "mined.jsonl"}
    views = f" --views {kind.suits_views or 'crop'}" if kind.made_for_views and not kind.reads_single_texts else ""
    teacher = " --teacher MODEL" if "teacher" in kind.companions else ""
    added = "" if kind.pulls_pairs else " --loss gist"
    weight = "" if kind.pulls_pairs else ":0.05"
    return f"embedtune train{added} --loss {name}{weight}{views}{teacher} --data {data.get(_data(kind), 'pairs.jsonl')}"


def _data(kind: "type[Loss]") -> str:
    """The data that a loss is made for, one of `GROUPS`."""
    if kind.made_for_views:
        return "texts"
    return "preferences" if "reference" in kind.companions else "negatives" if kind.needs_teacher else "pairs"


def _labelled(text: str, label: str) -> str:
    """The sentence or sentences after `label:`, up to the next label or the end of the paragraph."""
    found = re.search(rf"\b{label}: (.+?)(?=\s[A-Z][\w ]*: |\n\s*\n|\Z)", text, re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def _in_full(card: LossCard) -> str:
    """Everything about one loss, its arguments one by one."""
    width = readable_width()
    facts = {"needs": ", ".join(card.needs), "when": card.when, "cost": card.cost, "source": card.source}
    facts |= {"bounds": card.bounds}
    lines = [card.name, textwrap.fill(card.summary, width, initial_indent="  ", subsequent_indent="  "), ""]
    for label, text in facts.items():
        lines += textwrap.wrap(text, width, initial_indent=f"  {label:<11}", subsequent_indent=" " * 13)
    lines += ["", "  arguments (recipe: loss.0.args.NAME)"] if card.arguments else []
    for name, default in card.arguments.items():
        said = f"{card.explained.get(name, '')} [default: {default}]".strip()
        lines += [f"    {name}", *textwrap.wrap(said, width, initial_indent=" " * 8, subsequent_indent=" " * 8)]
    also = "; name a teacher, too" if "--teacher" in card.command else ""
    able = [f"  {card.serves} has what it needs{also}"] if card.serves else []
    return "\n".join([*lines, "", *able, f"  {card.command}"])


def _in_words(card: LossCard) -> str:
    width = readable_width() - 2
    arguments = ", ".join(f"{name}={default}" for name, default in card.arguments.items()) or "none"
    facts = {"needs": ", ".join(card.needs), "when": card.when, "cost": card.cost, "arguments": arguments}
    lines = [card.name, textwrap.fill(card.summary, width, initial_indent="  ", subsequent_indent="  ")]
    for label, text in facts.items():
        lines += textwrap.wrap(text, width, initial_indent=f"  {label:<11}", subsequent_indent=" " * 13)
    return "\n".join([*lines, ""])
