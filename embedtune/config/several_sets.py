"""`--data` given several times, and `data:` as a list: one form for both, the first set with the keys of all."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
