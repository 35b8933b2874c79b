"""Installed packages, compared with the version ranges that embedtune declares."""

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from embedtune import __version__
from embedtune.reports.results.doctor import Installed

EXTRAS = ("lora", "mlflow", "tensorboard", "trackio", "wandb")
"""Optional extras for users; those for developers do not matter here."""


def installed() -> tuple[Installed, ...]:
    """embedtune, Python and every package that embedtune requires; only the first two if it is not installed itself."""
    python = platform.python_version()
    try:
        range_of_python = str(metadata("embedtune").json.get("requires_python", ""))
    except PackageNotFoundError:
        return (Installed("embedtune", __version__, "", True), Installed("python", python, "", True))
    wanted = [Requirement(line) for line in requires("embedtune") or ()]
    packages = (_installed(need, extra) for need in wanted for extra in _extras(need))
    return (
        Installed("embedtune", __version__, "", True),
        Installed("python", python, range_of_python, SpecifierSet(range_of_python).contains(python, prereleases=True)),
        *(one for one in packages if one.version is not None or one.extra is None),
    )


def _extras(need: Requirement) -> Sequence[str | None]:
    """[None] for a requirement of everybody, [extra] for one of an extra, [] for one of developers."""
    if need.marker is None or need.marker.evaluate({"extra": ""}):
        return [None]
    return [extra for extra in EXTRAS if need.marker.evaluate({"extra": extra})][:1]


def _installed(need: Requirement, extra: str | None) -> Installed:
    try:
        found = version(need.name)
    except PackageNotFoundError:
        return Installed(need.name, None, str(need.specifier), False, extra)
    return Installed(need.name, found, str(need.specifier), need.specifier.contains(found, prereleases=True), extra)
