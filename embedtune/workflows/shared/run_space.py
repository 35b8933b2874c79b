"""What a run takes on disk, and what of it is no longer needed once it is done.

A checkpoint holds the optimizer's state besides the model, so it is three times as large, and a run keeps up to three.
All that they are for is to go on; a run that is done has its model.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from embedtune.durable import UNFINISHED, discard
from embedtune.reports.document.wording import memory
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.shared.talk import Talk


def size_bytes(path: Path) -> int:
    """The size of a file, or of all files in a folder, in bytes; of links, only what the link itself takes."""
    with suppress(OSError):  # a file that goes meanwhile takes nothing
        if path.is_symlink() or not path.is_dir():
            return path.lstat().st_size
        return sum(size_bytes(entry) for entry in path.iterdir())
    return 0


def spare_parts(run: RunFolder) -> Iterator[Path]:
    """What a finished run can do without: its checkpoints, and what killed writers left."""
    if run.checkpoints.is_dir():
        yield run.checkpoints
    yield from sorted(run.path.glob(f".*{UNFINISHED}"))


def drop_checkpoints(run: RunFolder) -> int:
    """Remove the checkpoints of a run, as far as the system lets us. Returns how many bytes that freed.

    They lose their name first: a run never has half of its checkpoints, even after a kill.
    """
    freed, going = size_bytes(run.checkpoints), run.path / f".checkpoints.done{UNFINISHED}"
    discard(going)
    with suppress(OSError):
        run.checkpoints.rename(going)
        discard(going)
    return freed - size_bytes(run.checkpoints)


def tell_space(run: RunFolder, talk: Talk, *, keep: bool) -> None:
    """Remove the checkpoints of a run that is done, unless they are to be kept, and say what it takes on disk."""
    freed = 0 if keep else drop_checkpoints(run)
    takes, model, kept = (memory(size_bytes(one)) for one in (run.path, run.model, run.checkpoints))
    said = f"the run takes {takes} on disk, {model} of it the model"
    if freed:
        talk.say(f"{said}; its checkpoints, {memory(freed)}, were removed (--keep-checkpoints keeps them)")
    elif keep:
        talk.say(f"{said} and {kept} its checkpoints (`embedtune runs clean` removes them)")
