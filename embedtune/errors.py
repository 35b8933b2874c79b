"""Every error that a user can cause, and the exit code of the command.

A message says what happened and what was needed; `where` is the place (file and line, option, recipe key); `next` says
what to do about it. The command line prints these three and no traceback, so they must say everything.
"""


class EmbedtuneError(Exception):
    """Base of all errors that embedtune raises on purpose.

    Args:
        message: one sentence: what is wrong, what was needed, what was given.
        where: file and line, option name or recipe key, if there is one.
        next: what the user can do now, a command where possible.
    """

    exit_code = 1
    code = "error"

    def __init__(self, message: str, *, where: str | None = None, next: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.next = next


def reason_of(error: BaseException) -> str:
    """The class and the first line of an error that a library raised, for a message.

    >>> reason_of(OSError("no such file\\nat line 7")), reason_of(KeyError())
    ('OSError: no such file', 'KeyError')
    """
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0][:300]}" if text else type(error).__name__


class DataError(EmbedtuneError):
    """The user's data cannot be used as it is."""

    code = "data"


class ChangedInputError(EmbedtuneError):
    """An input is not what it was when the command read it first; no `DataError`, since nothing may pass over it."""

    code = "data"


class ModelError(EmbedtuneError):
    """The named encoder cannot be found, loaded or used."""

    code = "model"


class OutputError(EmbedtuneError):
    """A result cannot be written to the requested place."""

    code = "output"


class ConfigError(EmbedtuneError):
    """An option, a recipe or a combination of them is invalid."""

    exit_code = 2
    code = "config"


class GuardError(EmbedtuneError):
    """A guard that the user enabled stopped the command."""

    exit_code = 3
    code = "guard"


class StoppedError(EmbedtuneError):
    """embedtune stopped the run itself, with its state saved: NaN, collapse, everything masked, disk full."""

    exit_code = 4
    code = "stopped"


class Interrupted(EmbedtuneError):
    """The user interrupted the command; the work so far is saved."""

    exit_code = 130
    code = "interrupted"
