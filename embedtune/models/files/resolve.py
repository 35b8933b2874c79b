"""Decides what a model name means, before anything heavy loads: starter, folder, installed package or Hub model.

sentence-transformers takes ten seconds to load and then, without a network, minutes of retries to find out that a model
is not available. All of that is decided here in at most three seconds.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from embedtune.config.sections.encoder import ModelSection
from embedtune.config.sections.student import STATIC
from embedtune.config.systems import BM25
from embedtune.errors import ModelError, reason_of
from embedtune.models.endpoints.address import is_endpoint, parse_endpoint
from embedtune.models.export.settings import SETTINGS, ExportSettings, check_export, is_export
from embedtune.models.files.installed import (
    InstalledModel,
    installed_model,
    installed_names,
    is_installed_name,
    stand_in,
)
from embedtune.models.folders.contents import ModelFolder
from embedtune.models.folders.declarations import check_declarations
from embedtune.models.folders.family import A_RERANKER, check_family, other_weights
from embedtune.models.folders.permissions import PICKLES, check_code, check_weights
from embedtune.network import is_offline, within

STARTER = "starter"
PROBE_S = 2.5  # seconds that the Hub gets to answer
ORGANISATION = "sentence-transformers"  # the owner of a Hub name without one
OFFLINE_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
NAME_A_MODEL = "name the folder of a model; data are given with --data"
DESCRIBED_BY = ("modules.json", "config.json", "adapter_config.json", SETTINGS)
"""Files of which any makes a folder a model: of sentence-transformers, of transformers, of PEFT, and an export."""
INSTEAD = "use `starter`, or give a folder with the model"


@dataclass(frozen=True)
class Resolved:
    """Where a model comes from.

    Args:
        name: as the user named it.
        kind: what the name means.
        path: of its folder; None for the starter, an endpoint and a Hub model that is not downloaded yet.
        repository: the full name of a Hub model that is not downloaded yet.
        installed: the package that it lies in, if it does.
        note: what the user should know about where it comes from.
    """

    name: str
    kind: Literal["starter", "folder", "installed", "hub", "endpoint"]
    path: Path | None = None
    repository: str | None = None
    installed: InstalledModel | None = None
    note: str | None = None


class HubUnreachableError(ModelError):
    """The Hub did not answer, so nothing is known about the model."""


def resolve(section: ModelSection, *, pairs: bool = False, base: bool = False) -> Resolved:
    """Find the model of a section, in under five seconds and without loading sentence-transformers.

    It takes the section and not a name, so that what the user allows the model to do cannot be left behind.

    Args:
        section: the name of the model and what it may do.
        pairs: whether it is to score pairs as a cross-encoder, and not to encode texts.
        base: whether an adapter is to be merged into it.

    Raises:
        ModelError: there is no usable model of that name; says what was found and what to do.
    """
    name = section.name
    if pairs:
        _demand_pairs(name)
    if name == STARTER:
        return Resolved(name, "starter")
    if name == STATIC:
        raise ModelError(
            "a static student is made of a teacher by `train`, and is no model yet",
            where="model",
            next="embedtune train --model static --teacher MODEL --loss align; then name RUN/model",
        )
    if is_endpoint(name):
        return _endpoint(section, weights=base)
    if is_installed_name(name):
        return _from_package(installed_model(name), section, pairs=pairs, base=base)
    folder = Path(os.path.expanduser(name))  # noqa: PTH111  (pathlib raises for an unknown home)
    # os.path.exists and not Path.exists, which raises on a name too long for the file system.
    if name.strip() and os.path.exists(folder):  # noqa: PTH110
        check_folder(folder, section, pairs=pairs, base=base)
        return Resolved(name, "folder", folder)
    _demand_access(folder)
    if _is_path(name):
        raise ModelError(
            f"there is no folder {name}{_near(folder.name, _siblings(folder))}",
            where="model",
            next="check the path; a Hub name has the form owner/model",
        )
    if name == BM25:
        raise ModelError(
            "bm25 is not an encoder: it ranks by shared words",
            where="model",
            next="name an encoder, or `starter`; `evaluate` and `search` take bm25, and `mine` --candidates dense+bm25",
        )
    return _resolve_hub(section, pairs=pairs, base=base)


def _demand_pairs(name: str) -> None:
    """Refuse by its name what reads one text at a time where a cross-encoder is wanted.

    Raises:
        ModelError: says what it is.
    """
    what = {STARTER: "encodes one text at a time", BM25: "ranks by shared words"}.get(name)
    what = "is an endpoint, which gives vectors" if is_endpoint(name) else what
    if what is not None:
        raise ModelError(f"{name} {what}; it is not a cross-encoder", where="model", next=A_RERANKER)


def demand_weights(section: ModelSection, what: str) -> None:
    """Refuse an endpoint where a model is to be changed.

    Raises:
        ModelError: the model is behind an endpoint.
    """
    if is_endpoint(section.name):
        raise ModelError(
            f"{section.name} is an endpoint: it gives vectors, not weights, so it cannot be {what}",
            where="model",
            next=f"name a model with weights, or {INSTEAD}; an endpoint may be the --guide",
        )


def _endpoint(section: ModelSection, *, weights: bool) -> Resolved:
    if weights:
        demand_weights(section, "used to carry an adapter")
    parse_endpoint(section.name)
    return Resolved(section.name, "endpoint")


def resolve_trainable(section: ModelSection, what: str) -> Resolved:
    """Find a model whose weights can change, as `resolve` does.

    Args:
        section: the name of the model and what it may do.
        what: is to be done with it, after "cannot be".

    Raises:
        ModelError: as `resolve`, or it is an endpoint or an export.
    """
    demand_weights(section, what)
    found = resolve(section)
    if found.path is not None and is_export(found.path):
        made_from = ExportSettings.read(found.path).made_from
        raise ModelError(
            f"{section.name} is an export of {made_from}, which cannot be {what}",
            where="model",
            next="name the encoder that it was made from",
        )
    return found


def _demand_access(folder: Path) -> None:
    """Refuse a path that may exist, but lies in a folder that may not be entered."""
    try:
        folder.stat()
    except PermissionError as error:
        raise ModelError(
            f"{folder} cannot be read: {error.strerror}", where="model", next="check the permissions of its folders"
        ) from None
    except (OSError, ValueError):  # it is not there, or its name can be no file's
        return


def is_model(folder: Path) -> bool:
    """Whether a folder holds a file that describes a model."""
    return any((folder / name).exists() for name in DESCRIBED_BY)


def check_folder(
    folder: Path, section: ModelSection, *, pairs: bool = False, base: bool = False, whole: bool = True
) -> None:
    """Refuse a folder unless it holds a model of the right family, all of it, that may be loaded.

    Args:
        folder: of the model.
        section: what the model may do.
        pairs: as in `resolve`.
        base: as in `resolve`.
        whole: False where only its JSON files were downloaded so far.

    Raises:
        ModelError: says what is wrong with which file.
    """
    if not folder.is_dir():
        around = is_model(folder.parent)
        raise ModelError(
            f"{folder} is a file; a model is a folder",
            where="model",
            next=f"try {folder.parent}" if around else NAME_A_MODEL,
        )
    if not os.access(folder, os.R_OK | os.X_OK):
        raise ModelError(f"{folder} cannot be read: permission denied", where="model", next="check its permissions")
    if not is_model(folder):
        other = other_weights(file.name for file in folder.iterdir())
        raise ModelError(
            f"{folder} is not a model: it has neither modules.json (sentence-transformers) nor config.json "
            f"(transformers); it holds {_listing(folder)}"
            + (f", weights for {other} that cannot be trained or read here" if other else ""),
            where="model",
            next=_model_inside(folder) or ("name the model that they were converted from" if other else NAME_A_MODEL),
        )
    if is_export(folder):
        check_export(folder, pairs=pairs, base=base)
        return
    model = ModelFolder(folder)
    if whole:
        model.check_files()
    check_family(model, pairs=pairs)
    check_declarations(model, section)
    if whole:
        check_weights(str(folder), [file.relative_to(folder).as_posix() for file in _all_files(folder)], section)
        _check_types(model)
    if not section.trust_remote_code:
        check_code(model, section)
    if model.adapter is not None and pairs:
        raise ModelError(
            f"{folder} is an adapter, which scores no pairs", where="model", next="merge it with PEFT first"
        )
    if model.adapter is not None and base:
        raise ModelError(f"{folder} is itself an adapter", where="model", next="merge it with PEFT")
    if model.adapter is not None:
        _check_base(model, section)


def _all_files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file())


def _check_base(model: ModelFolder, section: ModelSection) -> None:
    """An adapter needs the model that it was trained on, which is foreign too."""
    base = (model.adapter or {}).get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise ModelError(
            f"{model.path} holds an adapter and does not say of which model",
            where="model",
            next="name the model in base_model_name_or_path of its adapter_config.json",
        )
    try:
        resolve(section.model_copy(update={"name": base}), base=True)
    except ModelError as error:
        error.message = f"{model.path} is an adapter for the model {base}: {error.message}"
        error.next = "put that model there, or merge the adapter with PEFT (merge_and_unload) and name the merged model"
        raise


def _check_types(model: ModelFolder) -> None:
    quantised = model.quantised()
    if quantised is not None:
        raise ModelError(
            f"the weights of {model.path} are quantised ({quantised}), and its config.json does not say how",
            where="model",
            next="name the model that it was made from, with weights in float32, float16 or bfloat16",
        )


def _resolve_hub(section: ModelSection, *, pairs: bool, base: bool) -> Resolved:
    name = section.name
    full_name = name if "/" in name else f"{ORGANISATION}/{name}"
    for candidate in dict.fromkeys((name, full_name)):
        cached = _cached(candidate)
        # Of an interrupted download only some files are there; another one completes it.
        if cached is not None and (offline() or _has_weights(cached)):
            check_folder(cached, section, pairs=pairs, base=base)
            return Resolved(name, "hub", cached)
    carried = stand_in(full_name)
    try:
        full_name, files = _ask_hub(name, full_name, "give a folder with the model" if pairs else INSTEAD)
    except HubUnreachableError as error:
        if carried is None:
            raise ModelError(error.message + _near(name, _known()), where="model", next=error.next) from None
        note = f"{error.message}; using the copy in the package {carried.described}"
        return _from_package(carried, section, note, pairs=pairs, base=base)
    if not any(name in files for name in DESCRIBED_BY):
        raise ModelError(f"{full_name} on the Hub is not a sentence-transformers or transformers model", where="model")
    check_weights(full_name, files, section)
    return Resolved(name, "hub", repository=full_name)


def _from_package(
    found: InstalledModel, section: ModelSection, note: str | None = None, *, pairs: bool, base: bool
) -> Resolved:
    check_folder(found.folder, section, pairs=pairs, base=base)
    return Resolved(section.name, "installed", found.folder, installed=found, note=note)


def offline() -> bool:
    """Whether the user disabled network access."""
    return is_offline(*OFFLINE_VARIABLES)


def _ask_hub(name: str, full_name: str, instead: str) -> tuple[str, list[str]]:
    """The model's name on the Hub and its file names, or a ModelError that says why there is none."""
    if offline():
        raise HubUnreachableError(
            f"{name} is not on this machine, and HF_HUB_OFFLINE prevents downloading it",
            where="model",
            next=f"unset HF_HUB_OFFLINE, or {instead}",
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
            return _ask_hub(name, name, instead)  # for example bert-base-uncased, which has no owner
        message, then = f"the Hub has no model {full_name}, or it is private", "check the name, or `hf auth login`"
    except Exception as error:  # a network can fail in too many ways to list
        raise HubUnreachableError(
            f"{name} is not on this machine, and the Hub cannot be reached ({reason_of(error)})",
            where="model",
            next=f"check the network, or {instead}",
        ) from None
    raise ModelError(message + _near(name, _known()), where="model", next=then)


def _cached(repository: str) -> Path | None:
    """The folder of a Hub model in the local cache, if its configuration is there."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    for file in DESCRIBED_BY:
        try:
            found = try_to_load_from_cache(repository, file)
        except HFValidationError:
            return None
        if isinstance(found, str):
            return Path(found).parent
    return None


def _has_weights(folder: Path) -> bool:
    return any(file.suffix in (".safetensors", *PICKLES) for file in folder.rglob("*"))


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
