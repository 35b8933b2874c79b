"""The files of an evaluation folder, which `compare` reads again."""

import re
from typing import get_args

from embedtune.config.systems import Quantisation

_KEPT = rf"@(\d+|(\d+/)?({'|'.join(get_args(Quantisation))}))$"  # the end of a label: how vectors were cut or quantised
RESULT, REPORT, PER_QUERY = "evaluation.json", "report.html", "per_query.jsonl"


def file_name(label: str) -> str:
    """A system's label as a distinct file name: the end of its path, or the run's name for a run's model.

    >>> file_name("runs/first/model@64/int8"), file_name("intfloat/multilingual-e5-small"), file_name("내 모델")
    ('first@64-int8', 'multilingual-e5-small', '내-모델')
    """
    path, at, size = label.rpartition("@") if re.search(_KEPT, label) else (label, "", "")
    parts = [part for part in re.split(r"[/\\]", path) if part not in ("", ".", "..")]
    if len(parts) > 1 and parts[-1] == "model":
        parts.pop()
    # Cut, because a Korean letter takes three bytes and a file name may have 255.
    name = re.sub(r"[^\w.+-]+", "-", parts[-1] if parts else "")[:60].strip("-.")
    return (name or "model") + at + size.replace("/", "-")
