"""Addresses, whether the network may be used, and questions to it that end in time."""

import os
import re
import threading
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")
_ON = ("1", "ON", "YES", "TRUE")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+-]+://.+")
_THIS_MACHINE = "file://"


def is_address(name: str) -> bool:
    """Whether a name is an address rather than a path.

    >>> is_address("s3://bucket/pairs.jsonl"), is_address("hf:owner/name"), is_address("data/pairs.jsonl")
    (True, False, False)
    """
    return _ADDRESS.fullmatch(name) is not None


def local_name(name: str) -> str:
    """A name without the prefix that says that it is a file of this machine.

    >>> local_name("file:///data/pairs.jsonl"), local_name("s3://bucket/pairs.jsonl")
    ('/data/pairs.jsonl', 's3://bucket/pairs.jsonl')
    """
    return name.removeprefix(_THIS_MACHINE)


def is_offline(*variables: str) -> bool:
    """Whether the user forbade the network with one of these environment variables."""
    return any(os.environ.get(name, "").upper() in _ON for name in variables)


def within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """What `ask` returns or raises, within this many seconds: looking up a host name has no timeout of its own.

    Raises:
        TimeoutError: there was no answer in time.
    """
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(ask())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return answers[0]
