"""Which split a file is for, by its name: `train.jsonl`, `validation-00000-of-00003.parquet`."""

import re
from collections.abc import Iterable
from pathlib import Path

from embedtune.data.sources.streams import plain_stem
from embedtune.errors import DataError

ALIASES = {
    "train": ("train", "training"),
    "dev": ("dev", "valid", "validation", "val", "eval", "development"),
    "test": ("test",),
}
"""The usual names of each split."""
_SHARD = re.compile(r"(?P<name>.+?)-(?P<number>\d+)-of-(?P<all>\d+)(-[0-9a-f]{8,})?")


def unsharded(path: Path) -> str:
    """The file's name without its suffix and the number of its shard.

    >>> unsharded(Path("data/train-00001-of-00002.parquet"))
    'train'
    """
    shard = _SHARD.fullmatch(plain_stem(path))
    return shard["name"] if shard else plain_stem(path)


def split_of(path: Path) -> str:
    """The split that a file is named after, "" for none."""
    name = unsharded(path).lower()
    return name if any(name in names for names in ALIASES.values()) else ""


def split_in_name(path: Path) -> str:
    """The split that a longer name contains as a word of its own, "" for none or several.

    >>> split_in_name(Path("multinli.train.ko.tsv")), split_in_name(Path("pretraining.jsonl"))
    ('train', '')
    """
    words = set(re.split(r"[._\s-]+", unsharded(path).lower()))
    found = [name for names in ALIASES.values() for name in names if name in words]
    return found[0] if len(found) == 1 else ""


def refuse_two(split: str, paths: Iterable[Path], where: str) -> None:
    """Refuse two files for one split, unless they are its shards.

    Raises:
        DataError: names the files.
    """
    named = list(paths)
    if len(named) > 1 and not all(_SHARD.fullmatch(plain_stem(path)) for path in named):
        names = " and ".join(path.name for path in named)
        raise DataError(f"two files are for the split {split!r}: {names}", where=where, next="keep one of them")


def lacking(paths: Iterable[Path]) -> str:
    """Which shards are missing by the numbers in the names of others, in words; nothing where all are there.

    >>> lacking([Path("data/train-00000-of-00003.parquet"), Path("data/train-00002-of-00003.parquet")])
    '1 of the 3 shards of train is missing'
    """
    there: dict[tuple[Path, str, int], set[int]] = {}
    for path in paths:
        if (shard := _SHARD.fullmatch(plain_stem(path))) is not None:
            there.setdefault((path.parent, shard["name"], int(shard["all"])), set()).add(int(shard["number"]))
    gone = [(every - len(numbers), every, name) for (_, name, every), numbers in there.items() if len(numbers) < every]
    return ", ".join(
        f"{missing:,} of the {every:,} shards of {name} {'is' if missing == 1 else 'are'} missing"
        for missing, every, name in gone
    )
