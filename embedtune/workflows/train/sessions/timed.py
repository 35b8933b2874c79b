"""How long a run has taken in all its sessions: those that were interrupted count, also where a kill ended them.

A session is timed where it reports its progress, so that no part of the work has to know of it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from embedtune.errors import EmbedtuneError
from embedtune.progress import Progress
from embedtune.workflows.shared.run_folder import FACTS, SESSIONS, RunFolder
from embedtune.workflows.shared.talk import Talk

SECONDS_BETWEEN_NOTES = 30.0


class TimedTalk:
    """Passes everything on to a `Talk`, and notes in the run's record how long the session has taken.

    Args:
        talk: that speaks.
        folder: the run, whose record exists already.
        started: when the session began, by `clock`.
        clock: in seconds.
    """

    def __init__(
        self, talk: Talk, folder: RunFolder, started: float, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._talk, self._folder, self._started, self._clock = talk, folder, started, clock
        self._earlier = tuple(float(seconds) for seconds in folder.facts().get(SESSIONS, ()))
        self._noted = started

    @property
    def earlier_s(self) -> float:
        """The seconds of all sessions before this one."""
        return sum(self._earlier)

    def note(self) -> None:
        """Write down how long the session has taken so far."""
        self._noted = self._clock()
        with suppress(EmbedtuneError, OSError):  # of a full disk, the work itself speaks
            took = round(self._noted - self._started, 2)
            self._folder.write_json(FACTS, {**self._folder.facts(), SESSIONS: [*self._earlier, took]})

    def say(self, text: str) -> None:
        """A fact worth knowing."""
        self._talk.say(text)

    def warn(self, text: str) -> None:
        """Something that may change what the result means."""
        self._talk.warn(text)

    @contextmanager
    def progress(self, description: str, total: int | None = None) -> Iterator[Progress]:
        """A long piece of work, during which the time is noted now and then, and at its end, however it ends."""
        with self._talk.progress(description, total) as tell:

            def told(done: int, of: int | None = None, note: str = "", /) -> None:
                if self._clock() - self._noted >= SECONDS_BETWEEN_NOTES:
                    self.note()
                tell(done, of, note)

            try:
                yield told
            finally:
                if self._clock() - self._noted >= 1.0:
                    self.note()
