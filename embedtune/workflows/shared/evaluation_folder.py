"""The files of an evaluation's folder, which comparisons read again."""

import re
from typing import get_args

from embedtune.config.systems import Quantisation

_KEPT = rf"@(\d+|(\d+/)?({'|'.join(get_args(Quantisation))}))$"  # how vectors were cut or kept, at the end of a label
RESULT, REPORT, PER_QUERY = "evaluation.json", "report.html", "per_query.jsonl"


def file_name(label: str) -> str:
    """A system's label as a file name that tells it from others: the end of a path, a run's name for its model.

    >>> file_name("runs/first/model@64/int8"), file_name("intfloat/multilingual-e5-small"), file_name("내 모델")
    ('first@64-int8', 'multilingual-e5-small', '내-모델')
    """
    path, at, size = label.rpartition("@") if re.search(_KEPT, label) else (label, "", "")
    parts = [part for part in re.split(r"[/\\]", path) if part not in ("", ".", "..")]
    if len(parts) > 1 and parts[-1] == "model":
        parts.pop()
    # Cut, since a name of Korean letters takes three bytes for each, and 255 are all that a file may have.
    name = re.sub(r"[^\w.+-]+", "-", parts[-1] if parts else "")[:60].strip("-.")
    return (name or "model") + at + size.replace("/", "-")
