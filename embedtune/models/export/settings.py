"""What an export says of itself: everything that vectors depend on besides its files."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from embedtune.durable import write_text
from embedtune.errors import ModelError

SETTINGS = "embedtune_export.json"
TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class ExportSettings:
    """What is needed to use an export, and where it comes from.

    Args:
        target: what it was made for: onnx or openvino.
        precision: fp32, fp16 or int8.
        file: the file that makes vectors of token ids, in the same folder.
        sha256: of that file and the tokenizer.
        dimensions: of its vectors.
        max_length: most tokens of a text; None for no limit.
        special_tokens: whether the tokenizer is to add those.
        prompts: text put before a query and before a document.
        similarity: how vectors are compared: cosine, in which case they have length 1, or dot.
        made_from: the encoder, as the user named it.
        fingerprint: of the encoder.
        dynamic: whether each batch sets the range of its activations, so that vectors depend on it; exports of early
            versions did so.
        parity: what was measured against the encoder; empty until it is.
    """

    target: str
    precision: str
    file: str
    sha256: str
    dimensions: int
    max_length: int | None
    special_tokens: bool
    prompts: Mapping[str, str]
    similarity: str
    made_from: str
    fingerprint: str
    dynamic: bool = False
    parity: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write them into the folder of the export."""
        write_text(folder / SETTINGS, json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n")

    @staticmethod
    def read(folder: Path) -> "ExportSettings":
        """The settings of an export.

        Raises:
            ModelError: they are damaged, or a file that they name is missing.
        """
        try:
            found = ExportSettings(**json.loads((folder / SETTINGS).read_text(encoding="utf-8")))
            inside = Path(found.file).name == found.file
            prompts = all(isinstance(found.prompts[role], str) for role in ("query", "document"))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ModelError(
                f"{folder / SETTINGS} is damaged or of another release of embedtune", where="model", next=EXPORT_AGAIN
            ) from error
        missing = [name for name in (found.file, TOKENIZER) if not (folder / name).is_file()]
        if missing or not inside or not prompts:
            what = f"has no {missing[0]}" if missing else f"has settings that do not fit ({SETTINGS})"
            raise ModelError(f"the export {folder} {what}", where="model", next=EXPORT_AGAIN)
        return found


EXPORT_AGAIN = "copy the whole folder again, or export the encoder again: embedtune export MODEL --to onnx"


def is_export(folder: Path) -> bool:
    """Whether a folder holds an export that runs in an engine of its own; a static export is an ordinary model."""
    return (folder / SETTINGS).is_file()


def digest_of(folder: Path, file: str) -> str:
    """The SHA-256 of the files of an export that its vectors depend on, in hex."""
    digest = hashlib.sha256()
    beside = [folder / f"{file}.data", (folder / file).with_suffix(".bin")]
    for path in (folder / file, *(one for one in beside if one.is_file()), folder / TOKENIZER):
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def check_export(folder: Path, *, pairs: bool = False, base: bool = False) -> None:
    """Refuse an export that cannot be read, before anything heavy loads.

    Raises:
        ModelError: says what is wrong with it.
    """
    settings = ExportSettings.read(folder)
    if pairs or base:
        what = "scores no pairs" if pairs else "takes no adapter"
        raise ModelError(f"{folder} is an export, which {what}", where="model", next=f"use {settings.made_from}")
