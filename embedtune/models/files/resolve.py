"""Decides what a model name means, before anything heavy loads: starter, folder, installed package or Hub model.

sentence-transformers takes ten seconds to load and then, without a network, minutes of retries to find out that a model
is not available. All of that is decided here in at most three seconds.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Literal

from embedtune.config.encoder import ModelSection
from embedtune.errors import ModelError, reason_of
from embedtune.models.files.installed import (
    InstalledModel,
    installed_model,
    installed_names,
    is_installed_name,
    stand_in,
)
from embedtune.network import is_offline, within

STARTER = "starter"
PROBE_S = 2.5  # seconds that the Hub gets to answer
ORGANISATION = "sentence-transformers"  # the owner of a Hub name without one
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
OFFLINE_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
INSTEAD = "use `starter`, or give a folder with the model"


@dataclass(frozen=True)
class Resolved:
    """Where a model comes from.

    Args:
        path: its folder; None for the starter and for a Hub model that is not downloaded yet.
        installed: the package that it lies in, if it does.
        note: what the user should know about where it comes from.
    """

    name: str
    kind: Literal["starter", "folder", "installed", "hub"]
    path: Path | None = None
    installed: InstalledModel | None = None
    note: str | None = None


class HubUnreachableError(ModelError):
    """The Hub did not answer, so nothing is known about the model."""


def resolve(section: ModelSection) -> Resolved:
    """Find the model of a section, in under five seconds and without loading sentence-transformers.

    It takes the section and not a name, so that what the user allows the model to do cannot be left behind.

    Raises:
        ModelError: there is no usable model of that name; says what was found and what to do.
    """
    name = section.name
    if name == STARTER:
        return Resolved(name, "starter")
    if is_installed_name(name):
        return _from_package(installed_model(name), section)
    folder = Path(os.path.expanduser(name))  # noqa: PTH111  (pathlib raises for an unknown home)
    # os.path.exists and not Path.exists, which raises on a name too long for the file system.
    if name.strip() and os.path.exists(folder):  # noqa: PTH110
        _check_folder(folder, section)
        return Resolved(name, "folder", folder)
    if _is_path(name):
        raise ModelError(
            f"there is no folder {name}{_near(folder.name, _siblings(folder))}",
            where="model",
            next="check the path; a Hub name has the form owner/model",
        )
    return _resolve_hub(section)


def _check_folder(folder: Path, section: ModelSection) -> None:
    """Raise ModelError unless the folder holds a sentence-transformers or transformers model that may be loaded."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is a file; a model is a folder", where="model", next=f"try {folder.parent}")
    if not (folder / "modules.json").exists() and not (folder / "config.json").exists():
        raise ModelError(
            f"{folder} is not a model: it has neither modules.json (sentence-transformers) nor config.json "
            f"(transformers); it holds {_listing(folder)}",
            where="model",
            next=_model_inside(folder),
        )
    files = [file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()]
    _check_weights(str(folder), files, section)
    if not section.trust_remote_code:
        _check_code(folder, section)


def _resolve_hub(section: ModelSection) -> Resolved:
    name = section.name
    full_name = name if "/" in name else f"{ORGANISATION}/{name}"
    for candidate in dict.fromkeys((name, full_name)):
        cached = _cached(candidate)
        if cached is not None:
            _check_folder(cached, section)
            return Resolved(name, "hub", cached)
    carried = stand_in(full_name)
    try:
        full_name, files = _ask_hub(name, full_name)
    except HubUnreachableError as error:
        if carried is None:
            raise ModelError(error.message + _near(name, _known()), where="model", next=error.next) from None
        return _from_package(carried, section, f"{error.message}; using the copy in the package {carried.described}")
    if "modules.json" not in files and "config.json" not in files:
        raise ModelError(f"{full_name} on the Hub is not a sentence-transformers or transformers model", where="model")
    _check_weights(full_name, files, section)
    return Resolved(name, "hub")


def _from_package(found: InstalledModel, section: ModelSection, note: str | None = None) -> Resolved:
    _check_folder(found.folder, section)
    return Resolved(section.name, "installed", found.folder, found, note)


def offline() -> bool:
    """Whether the user disabled network access."""
    return is_offline(*OFFLINE_VARIABLES)


def _ask_hub(name: str, full_name: str) -> tuple[str, list[str]]:
    """The model's name on the Hub and its file names, or a ModelError that says why there is none."""
    if offline():
        raise HubUnreachableError(
            f"{name} is not on this machine, and HF_HUB_OFFLINE prevents downloading it",
            where="model",
            next=f"unset HF_HUB_OFFLINE, or {INSTEAD}",
        )
    from huggingface_hub import model_info
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    try:
        info = within(PROBE_S + 0.25, lambda: model_info(full_name, timeout=PROBE_S))
        return full_name, [file.rfilename for file in info.siblings or ()]
    except HFValidationError:
        message, then = f"{name!r} is neither a folder nor a valid Hub name", "write owner/model"
    except GatedRepoError:
        message, then = f"{full_name} requires accepting its conditions first", "accept them, then `hf auth login`"
    except RepositoryNotFoundError:
        if name != full_name:
            return _ask_hub(name, name)  # for example bert-base-uncased, which has no owner
        message, then = f"the Hub has no model {full_name}, or it is private", "check the name, or `hf auth login`"
    except Exception as error:  # a network can fail in too many ways to list
        raise HubUnreachableError(
            f"{name} is not on this machine, and the Hub cannot be reached ({reason_of(error)})",
            where="model",
            next=f"check the network, or {INSTEAD}",
        ) from None
    raise ModelError(message + _near(name, _known()), where="model", next=then)


def _cached(repository: str) -> Path | None:
    """The folder of a Hub model in the local cache, if its configuration is there."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    for file in ("modules.json", "config.json"):
        try:
            found = try_to_load_from_cache(repository, file)
        except HFValidationError:
            return None
        if isinstance(found, str):
            return Path(found).parent
    return None


def pickled_weights(files: Iterable[str]) -> list[str]:
    """The weight files of a model that would be opened as a pickle: those without safetensors next to them.

    >>> pickled_weights(["model.safetensors", "training_args.bin", "2_Dense/pytorch_model.bin"])
    ['2_Dense/pytorch_model.bin']
    """
    paths = [PurePosixPath(file) for file in files]
    safe = {path.parent for path in paths if path.suffix == ".safetensors"}
    pickles = [path for path in paths if path.suffix in PICKLES and path.parent not in safe]
    # With safetensors elsewhere, only files with the name that libraries look for are weights.
    return sorted(str(path) for path in pickles if not safe or path.name.startswith("pytorch_model"))


def _check_weights(name: str, files: list[str], section: ModelSection) -> None:
    pickles = pickled_weights(files)
    if pickles and not section.allow_pickle:
        permission = section.permission("allow_pickle")
        raise ModelError(
            f"{name} keeps weights only as pickle ({pickles[0]}), which can run code when opened; "
            f"that needs {permission}",
            where="model",
            next=f"choose a model that has model.safetensors, convert this one, or trust it with {permission}",
        )
    if not pickles and not any(file.endswith(".safetensors") for file in files):
        raise ModelError(f"{name} describes a model but holds no weights (*.safetensors)", where="model")


def _check_code(folder: Path, section: ModelSection) -> None:
    if not (folder / "modules.json").exists():
        return
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        types = [str(module["type"]) for module in modules]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelError(f"{folder / 'modules.json'} cannot be read: {error}", where="model") from None
    foreign = [kind for kind in types if not kind.startswith("sentence_transformers.")]
    if foreign:
        raise ModelError(
            f"{folder} needs its own code ({', '.join(foreign)})",
            where="model",
            next=f"read that code, then trust it with {section.permission('trust_remote_code')}",
        )


def _is_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or name.endswith("/") or "\\" in name or name.count("/") > 1


def _listing(folder: Path) -> str:
    names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in folder.iterdir())
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "nothing"


def _model_inside(folder: Path) -> str | None:
    inside = sorted(path.parent for path in folder.glob("*/*.json") if path.name in ("modules.json", "config.json"))
    return f"there is a model in {inside[0]}" if inside else None


def _siblings(folder: Path) -> Iterator[str]:
    if folder.parent.is_dir():
        yield from (entry.name for entry in folder.parent.iterdir() if entry.is_dir())


def _known() -> Iterator[str]:
    """Names that would have worked: the starter, installed packages and all models in the local Hub cache."""
    from huggingface_hub.constants import HF_HUB_CACHE

    yield STARTER
    yield from installed_names()
    if Path(HF_HUB_CACHE).is_dir():
        for entry in Path(HF_HUB_CACHE).glob("models--*"):
            yield entry.name.removeprefix("models--").replace("--", "/")


def _near(name: str, known: Iterator[str]) -> str:
    close = get_close_matches(name, list(known), n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""
