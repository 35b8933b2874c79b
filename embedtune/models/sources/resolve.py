"""Decides what a model name means, before anything heavy loads: starter, folder, installed package or Hub model.

sentence-transformers takes ten seconds to load and then, without a network, minutes of retries to find out that a model
is not available. All of that is decided here in at most three seconds.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from embedtune.config.sections.encoder import ModelSection
from embedtune.config.sections.student import STATIC
from embedtune.config.systems import BM25
from embedtune.errors import ModelError
from embedtune.models.endpoints.address import is_endpoint, parse_endpoint
from embedtune.models.export.settings import ExportSettings, check_export, is_export
from embedtune.models.folders.contents import ModelFolder
from embedtune.models.folders.declarations import check_declarations
from embedtune.models.folders.described import DESCRIBED_BY, demand_access, demand_described
from embedtune.models.folders.family import A_RERANKER, check_family
from embedtune.models.folders.permissions import check_code, check_weights
from embedtune.models.sources.installed import (
    InstalledModel,
    installed_model,
    is_installed_name,
    stand_in,
)
from embedtune.models.sources.on_hub import (
    ORGANISATION,
    STARTER,
    HubUnreachableError,
    ask_hub,
    downloaded,
    has_weights,
    known_names,
    near,
    offline,
)

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
    demand_access(folder)
    if _is_path(name):
        raise ModelError(
            f"there is no folder {name}{near(folder.name, _siblings(folder))}",
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
    demand_described(folder)
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
        cached = downloaded(candidate)
        # Of an interrupted download only some files are there; another one completes it.
        if cached is not None and (offline() or has_weights(cached)):
            check_folder(cached, section, pairs=pairs, base=base)
            return Resolved(name, "hub", cached)
    carried = stand_in(full_name)
    try:
        full_name, files = ask_hub(name, full_name, "give a folder with the model" if pairs else INSTEAD)
    except HubUnreachableError as error:
        if carried is None:
            raise HubUnreachableError(
                error.message + near(name, known_names()), where="model", next=error.next
            ) from None
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


def _is_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or name.endswith("/") or "\\" in name or name.count("/") > 1


def _siblings(folder: Path) -> Iterator[str]:
    if folder.parent.is_dir():
        yield from (entry.name for entry in folder.parent.iterdir() if entry.is_dir())
