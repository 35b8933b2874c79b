"""Keeps progress bars and loading reports of the model libraries off the terminal; embedtune prints what matters."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """While loading or saving, transformers and sentence-transformers log errors only and show no progress bars."""
    import logging

    from transformers.utils import logging as transformers_logging

    verbosity, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    ours = logging.getLogger("sentence_transformers")
    level = ours.level
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    ours.setLevel(logging.ERROR)
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        ours.setLevel(level)
        if bars:
            transformers_logging.enable_progress_bar()
