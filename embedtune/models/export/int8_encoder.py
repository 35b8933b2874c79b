"""An encoder that multiplies whole numbers of eight bits while it encodes: made once, kept in the user's cache.

Whether it still ranks alike is not known from its numbers. `embedtune export --precision int8` measures it on judged
data and leaves what passed here; `auto` uses that and nothing else.
"""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from embedtune.durable import whole_folder
from embedtune.errors import ConfigError, ModelError
from embedtune.models.encode.store import default_folder
from embedtune.models.encoder import Encoder
from embedtune.models.export.job import ExportJob
from embedtune.models.export.opening import open_export
from embedtune.models.export.settings import ExportSettings, digest_of, is_export
from embedtune.models.reading import limit_length
from embedtune.models.speed.precision import FP32

INT8 = "int8"
FORM = "per token"
"""How the graph is quantised; another word for another way makes it again."""
ENGINES = ("onnxruntime", "onnx", "torch", "transformers")
"""Packages of which another release may write or run another graph."""
ARM = ("arm64", "aarch64")


def int8_encoder(encoder: Encoder, *, only_measured: bool = False) -> Encoder | None:
    """The encoder in eight bits, with its prompts and its maximum length.

    Args:
        encoder: on the CPU; stays as it is.
        only_measured: whether to take it only if its ranking was shown to be equivalent.

    Returns: None where it was not, and only then.

    Raises:
        ConfigError: this machine or the encoder has no use for it, or a package is missing.
        ModelError: the encoder cannot be exported.
    """
    from embedtune.models.export.targets import onnx

    if only_measured and not (_root().is_dir() and encoder.has_products and multiplies_int8()):
        return None
    folder = _folder(encoder)
    measured = _measured(folder)
    if only_measured and not measured:
        return None
    if not _is_whole(folder):
        _demand(encoder)
        onnx.demand()
        with whole_folder(folder) as unfinished:
            onnx.write(ExportJob(encoder, unfinished, INT8))
    model, _ = open_export(folder)
    model.prompts.update(encoder.model.prompts)
    limit_length(model, encoder.max_length)
    return replace(
        encoder, model=model, products=FP32, helpers=(), notes=(*encoder.notes, _said(encoder.name, measured))
    )


def keep_measured(encoder: Encoder, folder: Path, settings: ExportSettings, parity: Mapping[str, Any]) -> None:
    """Leave an export that passed its gate where `auto` looks for it.

    Args:
        encoder: what it was made from.
        folder: of the export.
        settings: of the export.
        parity: what was measured.
    """
    with whole_folder(_folder(encoder)) as unfinished:
        for name in (settings.file, "tokenizer.json"):
            (unfinished / name).write_bytes((folder / name).read_bytes())
        replace(settings, parity=parity).write(unfinished)


def multiplies_int8() -> bool:
    """Whether the processor adds up products of eight bits without overflow; only asked here, so a test can say so."""
    import torch

    found: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(found.get("avx512_vnni") or found.get("avx_vnni")) or platform.machine().lower() in ARM


def _demand(encoder: Encoder) -> None:
    if encoder.model.device.type != "cpu":
        raise ConfigError(
            f"int8 runs on the CPU, and the encoder is on {encoder.model.device}",
            where="--precision",
            next="add --device cpu, or use --precision bf16",
        )
    if not encoder.has_products:
        raise ConfigError(
            f"{encoder.name} multiplies no matrices of its own, so int8 would gain no time",
            where="--precision",
            next="leave --precision out",
        )
    if not multiplies_int8():
        raise ConfigError(
            "this processor has no VNNI, without which sums of eight-bit products overflow",
            where="--precision",
            next="leave --precision out",
        )


def _root() -> Path:
    return default_folder().parent / INT8


def _folder(encoder: Encoder) -> Path:
    """Where the encoder's export is kept: a name that changes with anything that its vectors depend on."""
    known = [FORM, encoder.fingerprint(), str(encoder.max_length), *(f"{name}{_version(name)}" for name in ENGINES)]
    return _root() / hashlib.sha256(" ".join(known).encode()).hexdigest()[:32]


def _version(package: str) -> str:
    try:
        return version(package)
    except ModuleNotFoundError:
        return ""


def _measured(folder: Path) -> bool:
    return _is_whole(folder) and bool(ExportSettings.read(folder).parity.get("holds"))


def _is_whole(folder: Path) -> bool:
    """Whether an export is there, with the files that it had when it was made; otherwise it is made again."""
    try:
        settings = ExportSettings.read(folder) if is_export(folder) else None
    except ModelError:
        return False
    return settings is not None and digest_of(folder, settings.file) == settings.sha256


def _said(name: str, measured: bool) -> str:
    if measured:
        return (
            f"{name} encodes in int8 through onnxruntime; its ranking was shown to be equivalent by `embedtune export`"
        )
    return (
        f"{name} encodes in int8 through onnxruntime; whether it ranks alike was not measured: embedtune export {name} "
        "--precision int8 --data SET"
    )
