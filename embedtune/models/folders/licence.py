"""What a model's folder says about its licence, in the front matter of its README.md."""

import re
from pathlib import Path

import yaml

CARD = "README.md"
FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n---\s*(?:\n|\Z)", re.DOTALL)
MOST_BYTES = 2**20


def front_matter(text: str) -> dict[str, object]:
    """The YAML between the dashes at the top of a model card; empty where there is none that can be read.

    >>> front_matter("---\\nlicense: mit\\n---\\n# A model")
    {'license': 'mit'}
    """
    found = FRONT_MATTER.match(text)
    try:
        read = yaml.safe_load(found[1]) if found else None
    except (yaml.YAMLError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def licence_of(folder: Path | None) -> str | None:
    """The licence that a model's own card declares; None where it declares none."""
    if folder is None:
        return None
    try:
        with (folder / CARD).open(encoding="utf-8", errors="replace") as file:
            declared = front_matter(file.read(MOST_BYTES)).get("license")
    except OSError:
        return None
    return declared if isinstance(declared, str) and re.fullmatch(r"[a-z0-9.\-]{2,60}", declared) else None
