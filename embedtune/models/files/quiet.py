"""Keeps progress bars and log lines of the model libraries off the terminal, and hands over what they warn about."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_libraries() -> Iterator[list[str]]:
    """While loading or saving, transformers and sentence-transformers print errors only, and no progress bars.

    Yields: their warnings, which are not printed: some change what a model means, and the caller has to read them.
    """
    from transformers.utils import logging as transformers_logging

    heard: list[str] = []
    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_warning()
    transformers_logging.disable_progress_bar()
    try:
        with _listening("transformers", heard), _listening("sentence_transformers", heard):
            yield heard
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()


class _Listener(logging.Handler):
    """Collects warnings; passes errors on to the handlers that were there before.

    Args:
        heard: where the warnings go.
        before: a logger's own handlers.
        upwards: whether the logger passed records on to the root logger.
    """

    def __init__(self, heard: list[str], before: list[logging.Handler], *, upwards: bool) -> None:
        super().__init__(logging.WARNING)
        self.heard, self.before, self.upwards = heard, before, upwards

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a warning, pass on an error."""
        if record.levelno < logging.ERROR:
            self.heard.append(record.getMessage())
            return
        for handler in self.before:
            handler.handle(record)
        if self.upwards:
            logging.getLogger().handle(record)


@contextmanager
def _listening(name: str, heard: list[str]) -> Iterator[None]:
    logger = logging.getLogger(name)
    before, upwards, level = logger.handlers, logger.propagate, logger.level
    logger.handlers = [_Listener(heard, before, upwards=upwards)]
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.handlers, logger.propagate = before, upwards
        logger.setLevel(level)
