"""Clustering: vectors, links or series in, a group for each out. NumPy in, NumPy out; no model, text or file.

A method is one file of `methods/`, found by listing the folder. Its `METHOD` says what it takes and what it needs.

>>> "kmeans" in method_names() and "kmeans" == load_method("kmeans").name
True
"""

from importlib import import_module
from pathlib import Path

from embedtune.clustering.method import ClusterMethod
from embedtune.config.suggest import did_you_mean
from embedtune.errors import ConfigError


def method_names() -> list[str]:
    """The names of all methods, in alphabetical order."""
    return sorted(path.stem for path in (Path(__file__).parent / "methods").glob("*.py") if path.stem != "__init__")


def load_method(name: str) -> ClusterMethod:
    """The method of this name.

    Raises:
        ConfigError: there is none.
    """
    names = method_names()
    if name not in names:
        raise ConfigError(
            f"there is no method {name!r}{did_you_mean(name, names)}",
            where="--method",
            next=f"use auto or one of {', '.join(names)}",
        )
    method: ClusterMethod = import_module(f"embedtune.clustering.methods.{name}").METHOD
    return method
