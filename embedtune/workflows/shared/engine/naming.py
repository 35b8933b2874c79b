"""The names of engines: `here`, `local:N`, `ray`, `ray://HOST:PORT`."""

import re
from dataclasses import dataclass
from importlib.util import find_spec

from embedtune.errors import ConfigError

HERE, LOCAL, RAY = "here", "local", "ray"


@dataclass(frozen=True)
class EngineName:
    """An engine as the user named it.

    Args:
        kind: here, local or ray.
        workers: processes of `local`.
        address: of a Ray cluster; None for the one of this machine, or a new one.
    """

    kind: str = HERE
    workers: int = 1
    address: str | None = None


def engine_named(text: str) -> EngineName:
    """The engine that a name means.

    >>> engine_named("local:4")
    EngineName(kind='local', workers=4, address=None)

    Raises:
        ConfigError: there is no such engine, or it is not installed.
    """
    if text == HERE:
        return EngineName()
    local = re.fullmatch(r"local:(\d{1,4})", text)
    if local and int(local[1]) > 0:
        return EngineName(LOCAL, int(local[1]))
    if not re.fullmatch(r"ray(://[^\s/]+)?", text):
        raise ConfigError(
            f"unknown engine {text!r}",
            where="--engine",
            next="use here, local:N (N processes on this machine), ray, or ray://HOST:PORT",
        )
    if find_spec("ray") is None:
        raise ConfigError(
            "Ray is not installed", where="--engine", next="pip install 'embedtune[ray]', or use --engine local:N"
        )
    return EngineName(RAY, address=None if text == RAY else text)
