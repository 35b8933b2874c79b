"""Several data sets in one run: `--data` given several times or `data:` as a list, and the keys of a further set."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from embedtune.config.fields import Columns
from embedtune.config.section import Name, Prompts, RecipeSection

_NAMED = re.compile(r"(?P<name>[\w-]+)=(?P<rest>.+)", re.DOTALL)
_WEIGHED = re.compile(r"(?P<rest>.+):(?P<weight>[0-9]*\.?[0-9]+)", re.DOTALL)


def parse_set(text: str) -> dict[str, Any]:
    """`[NAME=]SOURCE[:WEIGHT]` as the keys of a set; a file or folder of that very name is taken as it is.

    >>> parse_set("faq=pairs.jsonl:0.5"), parse_set("hf:owner/name"), parse_set("samples:ko")
    ({'source': 'pairs.jsonl', 'name': 'faq', 'weight': 0.5}, {'source': 'hf:owner/name'}, {'source': 'samples:ko'})
    """
    if _exists(text):
        return {"source": text}
    found: dict[str, Any] = {"source": text}
    if named := _NAMED.fullmatch(text):
        found = {"source": named["rest"], "name": named["name"]}
    weighed = _WEIGHED.fullmatch(found["source"])
    if weighed and not _exists(found["source"]):
        found |= {"source": weighed["rest"], "weight": float(weighed["weight"])}
    return found


def one_form(data: Any) -> Any:
    """The section `data` with the first set in its own keys and the others in `further`.

    >>> one_form(["a.jsonl", {"source": "b.jsonl", "weight": 2.0}])
    {'source': 'a.jsonl', 'further': [{'source': 'b.jsonl', 'weight': 2.0}]}
    >>> one_form({"source": ["a.jsonl:2", "b.jsonl"], "known_positives": "closure"})
    {'source': 'a.jsonl', 'weight': 2.0, 'known_positives': 'closure', 'further': [{'source': 'b.jsonl'}]}
    """
    if isinstance(data, list) and data:
        first, *others = (parse_set(one) if isinstance(one, str) else one for one in data)
        return {**first, "further": others} if isinstance(first, Mapping) and others else first
    if not isinstance(data, Mapping) or "source" not in data:
        return data
    given = data["source"]
    if isinstance(given, str) or not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        return data
    first, *others = map(parse_set, given) if given else ({"source": ""},)
    rest = {key: value for key, value in data.items() if key != "source" and (key != "further" or not others)}
    return {**first, **rest, **({"further": others} if others else {})}


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
    weight: float | None = Field(None, gt=0, description="its share of each epoch, next to the other sets' weights")
    prompts: Prompts = Field(default_factory=dict, description="put before its texts instead of the encoder's prompts")
    loss: list[SetLoss] = Field(default_factory=list, description="what its rows learn by; empty: by `loss`")
    negatives: int | None = Field(None, ge=0, description="most negatives of its rows that are used; null: all")
    split: Name = "train"
    eval_source: Name | None = None
    eval_split: Name = "test"
    columns: Columns = Field(default_factory=dict)
    group: Name | None = None
    grades: bool = Field(False, description="learn from its scored pairs by their scores; set where a loss does")
