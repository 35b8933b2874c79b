"""What the options of `embedtune train` mean in a recipe: `--batch-size 64` is `training.batch_size: 64`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from embedtune.config.recipe.yaml_text import YamlMistake, read_scalar

# Option (as a Python name) -> the key it sets. `margin` belongs to the first term of the objective.
KEYS: Mapping[str, str] = {
    "data": "data.source",
    "split": "data.split",
    "eval_data": "data.eval_source",
    "eval_split": "data.eval_split",
    "columns": "data.columns",
    "group": "data.group",
    "known_positives": "data.known_positives",
    "texts_only": "data.texts_only",
    "views": "data.views",
    "loss": "loss",
    "margin": "loss.0.args.margin",
    "matryoshka": "matryoshka.dimensions",
    "queue": "queue",
    "model": "model.name",
    "prompts": "model.prompts",
    "max_length": "model.max_length",
    "trust_remote_code": "model.trust_remote_code",
    "allow_pickle": "model.allow_pickle",
    "guide": "guide.name",
    "epochs": "training.epochs",
    "max_steps": "training.max_steps",
    "batch_size": "training.batch_size",
    "lr": "training.lr",
    "precision": "training.precision",
    "seed": "training.seed",
    "device": "training.device",
    "output": "output.folder",
    "store": "output.store",
}


class OptionMistake(ValueError):
    """What was written after an option cannot be read."""


def option_name(name: str) -> str:
    """How the option is written on the command line."""
    return "--" + name.replace("_", "-")


def read_option(name: str, value: Any) -> Any:
    """The recipe's value for what was written after an option.

    Raises:
        OptionMistake: it cannot be read.
    """
    read = _READERS.get(name)
    return read(value) if read else value


def parse_losses(terms: Sequence[str]) -> list[dict[str, Any]]:
    """`NAME[:WEIGHT]` terms as the recipe's list.

    >>> parse_losses(["gist", "sigreg:0.05"])
    [{'name': 'gist'}, {'name': 'sigreg', 'weight': 0.05}]

    Raises:
        OptionMistake: a name is empty or a weight is not a number.
    """
    losses: list[dict[str, Any]] = []
    for term in terms:
        name, colon, weight = term.partition(":")
        if not name.strip() or (colon and not _is_number(weight)):
            raise OptionMistake(f"{term!r} is not NAME or NAME:WEIGHT, such as gist or sigreg:0.05")
        losses.append({"name": name.strip()} | ({"weight": float(weight)} if colon else {}))
    return losses


def parse_pairs(text: str) -> dict[str, str]:
    """`key=value,key=value` as a mapping. A value may stand in double quotes; a comma outside them is escaped as `\\,`.

    >>> parse_pairs('query="query: ",document=passage: ')
    {'query': 'query: ', 'document': 'passage: '}
    >>> parse_pairs("query=Find\\\\, then rank: ")
    {'query': 'Find, then rank: '}

    Raises:
        OptionMistake: a piece has no `=`, a key is given twice, or a quotation mark is left open.
    """
    pairs: dict[str, str] = {}
    for piece in _split_at_commas(text):
        name, equals, value = piece.partition("=")
        if not equals or not name.strip():
            raise OptionMistake(f"{piece!r} is not KEY=VALUE (write a comma inside a value as \\, or quote the value)")
        if name.strip() in pairs:
            raise OptionMistake(f"{name.strip()!r} is given twice")
        pairs[name.strip()] = _unquoted(value)
    return pairs


def _split_at_commas(text: str) -> list[str]:
    """Pieces between the commas that are neither escaped nor in quotes; escapes are kept for `_unquoted`."""
    pieces, start, quoted, i = [], 0, False, 0
    while i < len(text):
        if text[i] == "\\":
            i += 1
        elif text[i] == '"' and (quoted or text[i - 1 : i] == "="):
            quoted = not quoted
        elif text[i] == "," and not quoted:
            pieces.append(text[start:i])
            start = i + 1
        i += 1
    if quoted:
        raise OptionMistake(f"a quotation mark is left open in {text!r}")
    return [*pieces, text[start:]]


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]
    for mark in (",", '"', "\\"):
        value = value.replace("\\" + mark, mark)
    return value


def _is_number(text: str) -> bool:
    try:
        return isinstance(read_scalar(text), int | float) and not isinstance(read_scalar(text), bool)
    except YamlMistake:
        return False


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "loss": parse_losses,
    "prompts": lambda value: parse_pairs(value) if isinstance(value, str) else value,
    "columns": parse_pairs,
    "lr": lambda value: read_scalar(value) if isinstance(value, str) else value,
    "margin": lambda value: read_scalar(value) if isinstance(value, str) else value,
    "matryoshka": lambda value: read_scalar(f"[{value}]") if isinstance(value, str) else value,
    "dimensions": lambda value: read_scalar(f"[{value}]") if isinstance(value, str) else value,
    "quantize": lambda value: [name.strip() for one in value for name in one.split(",")],
    "metrics": lambda value: [name.strip() for name in value.split(",")] if isinstance(value, str) else value,
    "target_kept": lambda value: read_scalar(value) if isinstance(value, str) else value,
}
