"""What `https://HOST/v1#NAME` means, and where the key for it comes from.

A key is read from the environment when a request is made. It is in no object that could be printed, logged or saved.
"""

import ipaddress
import os
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from embedtune.config.suggest import did_you_mean
from embedtune.errors import ModelError

PREFIXES = ("https://", "http://")
KNOWN_KEYS = {"api.openai.com": "OPENAI_API_KEY"}
"""Variables that a provider's own tools read; they are used for that host only."""
MOST_AT_ONCE = 64
WRITE = "write https://HOST/v1#NAME"


@dataclass(frozen=True)
class EndpointAddress:
    """A model behind an endpoint, and how it may be asked.

    Args:
        name: as the user named it.
        url: without a slash at its end.
        model: its name there.
        batch: texts per request at most.
        requests_per_minute: at most; None for no limit of ours.
        price: of a million tokens, in any currency; None if it is not known.
        dimensions: to ask for; None for the model's own.
    """

    name: str
    url: str
    model: str
    batch: int = MOST_AT_ONCE
    requests_per_minute: float | None = None
    price: float | None = None
    dimensions: int | None = None

    @property
    def host(self) -> str:
        """The name of the machine, without its port."""
        return urlsplit(self.url).hostname or ""

    @property
    def key_variables(self) -> tuple[str, ...]:
        """Environment variables that may hold the key, the first one first."""
        own = "EMBEDTUNE_KEY_" + re.sub(r"[^A-Z0-9]", "_", self.host.upper())
        return (own, *filter(None, [KNOWN_KEYS.get(self.host)]))

    def key(self) -> str | None:
        """The key for this host and no other; None if there is none."""
        return next((os.environ[name].strip() for name in self.key_variables if os.environ.get(name)), None)


def is_endpoint(name: str) -> bool:
    """Whether a model name means an endpoint.

    >>> is_endpoint("https://api.example.com/v1#small"), is_endpoint("owner/name")
    (True, False)
    """
    return name.lower().startswith(PREFIXES)


def parse_endpoint(name: str) -> EndpointAddress:
    """The address that a name means; options follow the model's name, each after an ampersand.

    >>> parse_endpoint("https://api.example.com/v1#small&batch=32&price=0.02").price
    0.02

    Raises:
        ModelError: it names no model, holds a password, or would send a key in the clear.
    """
    try:
        parts = urlsplit(name)
        url = _url(parts)
    except ValueError as error:
        raise ModelError(f"this address cannot be read: {error}", where="model", next=WRITE) from None
    model, *options = parts.fragment.split("&")
    if not model.strip():
        raise ModelError(f"{url} names no model", where="model", next=f"write its name after a #: {url}#NAME")
    address = EndpointAddress(name, url, unquote(model), **_options(options))
    if parts.scheme == "http" and address.key() is not None and not _is_here(address.host):
        raise ModelError(
            f"{url} is not encrypted, so the key in {address.key_variables[0]} is not sent to it",
            where="model",
            next="use https://, or unset the key",
        )
    return address


def _url(parts: SplitResult) -> str:
    """The address without its fragment; a password in it would end up in recipes and reports."""
    if parts.username or parts.password or parts.query:
        raise ModelError(
            "an endpoint's address may hold neither a user name, a password nor a query: it is written into reports",
            where="model",
            next="keep the key in the environment: EMBEDTUNE_KEY_ and the host, in capitals, with _ for other signs",
        )
    if not parts.hostname:
        raise ModelError("this address names no host", where="model", next=WRITE)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path.rstrip('/')}"


def _is_here(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_READERS = {"batch": int, "requests_per_minute": float, "price": float, "dimensions": int}


def _options(written: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in written:
        key, _, value = one.partition("=")
        if key not in _READERS:
            raise ModelError(
                f"an endpoint has no option {key!r}{did_you_mean(key, list(_READERS))}",
                where="model",
                next=f"the options are {', '.join(_READERS)}",
            )
        try:
            found[key] = _READERS[key](value)
        except ValueError:
            found[key] = -1
        if not 0 < found[key] < 10**9:
            raise ModelError(f"{key} must be a number above 0, got {value!r}", where="model", next=f"such as &{key}=32")
    return found
