"""Files of weights (safetensors): their headers, their full length, and whether all of several are there."""

import json
import os
from pathlib import Path
from typing import Any

from embedtune.models.folders.faults import cut_off, damaged, incomplete, unreadable

HEADER_BYTES = 100 * 2**20
"""The longest header that the safetensors library accepts."""


def tensors_of(file: Path) -> dict[str, dict[str, Any]]:
    """The header of a safetensors file: of each tensor its dtype, shape and place.

    Raises:
        ModelError: it has no such header.
    """
    try:
        with file.open("rb") as opened:
            size = int.from_bytes(opened.read(8), "little")
            content = opened.read(size) if 0 < size <= HEADER_BYTES else b""
            if content and len(content) < size:
                raise cut_off(file, 8 + len(content), 8 + size)
            header = json.loads(content)
    except OSError as error:
        raise unreadable(file, error) from None
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise damaged(file, "it does not begin with the header of a safetensors file")
    return {name: tensor for name, tensor in header.items() if name != "__metadata__" and isinstance(tensor, dict)}


def check_length(file: Path, tensors: dict[str, dict[str, Any]]) -> None:
    """Refuse a file of weights that ends too early."""
    with file.open("rb") as opened:
        start = 8 + int.from_bytes(opened.read(8), "little")
        there = os.fstat(opened.fileno()).st_size
    ends = [tensor["data_offsets"][-1:] for tensor in tensors.values() if isinstance(tensor.get("data_offsets"), list)]
    needed = start + max((end for [end] in filter(None, ends) if isinstance(end, int)), default=0)
    if there < needed:
        raise cut_off(file, there, needed)


def check_shards(index: Path, content: dict[str, Any]) -> None:
    """Refuse weights in several files of which some are not there."""
    places = content.get("weight_map")
    if not isinstance(places, dict):
        raise damaged(index, "it has no weight_map")
    missing = sorted({str(name) for name in places.values() if not os.path.exists(index.parent / str(name))})  # noqa: PTH110
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise incomplete(index.parent, f"{missing[0]}{more}", f"{index.name} names it")
