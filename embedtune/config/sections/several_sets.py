"""Several data sets in one run: `--data` given several times or `data:` as a list, and the keys of a further set."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from embedtune.config.fields import Columns
from embedtune.config.section import Name, Prompts, RecipeSection

_NAMED = re.compile(r"(?P<name>[^=]*)=(?P<rest>.+)", re.DOTALL)
_NAME = re.compile(r"[\w-]+")
_WEIGHED = re.compile(r"(?P<rest>.+):(?P<weight>[^:/\\]*)", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
MOST_WEIGHT = 1e6
SHARED = ("columns", "group")
"""Keys that say how rows are read: files that are given together mostly have the same columns."""


def parse_set(text: str) -> dict[str, Any]:
    """`[NAME=]SOURCE[:WEIGHT]` as the keys of a set; a file or folder of that very name is taken as it is.

    >>> parse_set("faq=pairs.jsonl:0.5"), parse_set("hf:owner/name"), parse_set("samples:ko")
    ({'source': 'pairs.jsonl', 'name': 'faq', 'weight': 0.5}, {'source': 'hf:owner/name'}, {'source': 'samples:ko'})

    Raises:
        ValueError: what stands before or after the name of a file that exists is not a name or not a weight.
    """
    if _exists(text):
        return {"source": text}
    found: dict[str, Any] = {"source": text}
    named = _NAMED.fullmatch(text)
    if named and _NAME.fullmatch(named["name"]):
        found = {"source": named["rest"], "name": named["name"]}
    elif named and _exists(_unweighed(named["rest"])):
        raise ValueError(f"{named['name']!r} cannot name a set; use letters, digits, _ and -")
    weighed = None if _exists(found["source"]) else _WEIGHED.fullmatch(found["source"])
    if weighed and _NUMBER.fullmatch(weighed["weight"]):
        found |= {"source": weighed["rest"], "weight": float(weighed["weight"])}
    elif weighed and _exists(weighed["rest"]):
        raise ValueError(f"the weight of {weighed['rest']} must be a number above 0, got {weighed['weight']!r}")
    return found


def _unweighed(text: str) -> str:
    """A source without what may be its weight."""
    weighed = _WEIGHED.fullmatch(text)
    return weighed["rest"] if weighed and not _exists(text) else text


def one_form(data: Any) -> Any:
    """The section `data` with the first set in its own keys and the others in `further`.

    >>> one_form(["a.jsonl", {"source": "b.jsonl", "weight": 2.0}])
    {'source': 'a.jsonl', 'further': [{'source': 'b.jsonl', 'weight': 2.0}]}
    >>> one_form({"source": ["a.jsonl:2", "b.jsonl"], "known_positives": "closure"})
    {'source': 'a.jsonl', 'weight': 2.0, 'further': [{'source': 'b.jsonl'}], 'known_positives': 'closure'}

    What `SHARED` names beside the list holds for each set that says nothing else:

    >>> one_form({"source": ["a.csv", "b.csv"], "group": "who"})
    {'source': 'a.csv', 'further': [{'group': 'who', 'source': 'b.csv'}], 'group': 'who'}

    Raises:
        ValueError: a list names no set, or an entry of it has no source.
    """
    if isinstance(data, list):
        return _together(data)
    if not isinstance(data, Mapping) or not isinstance(data.get("source"), list):
        return data
    found = _together(data["source"])
    shared = {key: data[key] for key in SHARED if key in data}
    if shared and "further" in found:
        found["further"] = [{**shared, **one} for one in found["further"]]
    return {**found, **{key: value for key, value in data.items() if key != "source" and (key not in found)}}


def _together(entries: Sequence[Any]) -> dict[str, Any]:
    """A list of sets in the keys of a section."""
    if not entries:
        raise ValueError("the list names no set; give at least one source")
    read = [_entry(number, one) for number, one in enumerate(entries, start=1)]
    return {**read[0], **({"further": read[1:]} if read[1:] else {})}


def _entry(number: int, entry: Any) -> dict[str, Any]:
    found = parse_set(entry) if isinstance(entry, str) else dict(entry) if isinstance(entry, Mapping) else None
    if found is None:
        return {"source": entry}  # the schema says what a source must be
    if "source" not in found:
        raise ValueError(
            f"entry {number} of the list has no source: write it as text (FILE or FILE:WEIGHT), or with the key source"
        )
    return found


def as_written(path: Sequence[str | int], data: Any) -> list[str | int]:
    """Where a key of the section `data`, in the form of `one_form`, stands in what the user wrote.

    >>> as_written(["further", 0, "weight"], ["a.jsonl", {"source": "b.jsonl", "weight": 0}])
    [1, 'weight']
    >>> as_written(["weight"], {"source": ["a.jsonl:0", "b.jsonl"], "mixed": True})
    ['source', 0, 'weight']

    Args:
        path: below `data`.
        data: as it was written.
    """
    listed = data if isinstance(data, list) else data.get("source") if isinstance(data, Mapping) else None
    if not isinstance(listed, list) or not path:
        return [*path]
    number, key = 0, [*path]
    if path[0] == "further" and len(path) > 1 and isinstance(path[1], int):
        number, key = path[1] + 1, [*path[2:]]
    elif isinstance(data, Mapping) and path[0] in data and path[0] != "source":
        return key  # it stands beside the list
    if key == ["source"] and not isinstance(listed[number], Mapping):
        key = []
    return [*([] if data is listed else ["source"]), number, *key]


def demand_fitting_sets(names: Sequence[str | None], weights: Sequence[float | None], sampling: str) -> None:
    """Refuse names that stand for two sets, and weights that would have no effect.

    Raises:
        ValueError: says which.
    """
    given = [name for name in names if name is not None]
    twice = sorted({name for name in given if given.count(name) > 1})
    if twice:
        raise ValueError(f"two sets are called {twice[0]}; give each a name of its own, since results go by it")
    if all(weight is None for weight in weights):
        return
    if len(weights) == 1:
        raise ValueError("a weight is the share of a set among several, and there is one set; leave the weight out")
    if sampling not in ("auto", "weight"):
        raise ValueError(f"sampling: {sampling} takes no weights; leave them out, or use sampling: weight")


def _exists(text: str) -> bool:
    try:
        return Path(text).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return False


class SetLoss(RecipeSection):
    """One term of the objective of a single set."""

    name: str
    weight: float = Field(1.0, gt=0)
    args: dict[str, Any] = Field(default_factory=dict)


class SetSection(RecipeSection):
    """A further data set of a run."""

    flagged = frozenset()

    source: Name
    name: Name | None = Field(None, description="what results call it; null: the name of its file or folder")
    weight: float | None = Field(
        None, gt=0, le=MOST_WEIGHT, description="its share of each epoch, next to the other sets' weights"
    )
    prompts: Prompts = Field(default_factory=dict, description="put before its texts instead of the encoder's prompts")
    loss: list[SetLoss] = Field(default_factory=list, description="what its rows learn by; empty: by `loss`")
    negatives: int | None = Field(None, ge=0, description="most negatives of its rows that are used; null: all")
    split: Name = "train"
    eval_source: Name | None = None
    eval_split: Name = "test"
    columns: Columns = Field(default_factory=dict)
    group: Name | None = None
    grades: bool = Field(False, description="learn from its scored pairs by their scores; set where a loss does")
