"""Whether the network may be used, and questions to it that end in time."""

import os
import threading
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")
_ON = ("1", "ON", "YES", "TRUE")


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
