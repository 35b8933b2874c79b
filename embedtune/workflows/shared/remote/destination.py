"""Where the files of a command go if the user names an address: written on this machine, then copied, one object each.

Nothing is streamed to an address: a file that is half there looks like a whole one, and resuming needs files. The work
folder stays on this machine, in the user's cache, under a name that the address decides, so that the same command finds
it again. What was written there is recognised by what the driver says about it: size, time, tag.
"""

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedtune.data.sources.reading.remote import errors_of, said_of
from embedtune.durable import cache_folder
from embedtune.errors import OutputError
from embedtune.network import is_address, local_name


def written_here(output: str) -> Path:
    """The file of this machine that an output is written to first: itself, unless it is an address."""
    output = local_name(output)
    if not is_address(output):
        return Path(output).expanduser()
    key = hashlib.blake2b(output.encode(), digest_size=12).hexdigest()
    return cache_folder() / "outputs" / key / (output.rpartition("/")[2] or "folder")


def destination_of(output: str) -> "Destination | None":
    """The address that an output goes to; None for a file of this machine."""
    output = local_name(output)
    return Destination(output) if is_address(output) else None


@dataclass(frozen=True)
class Destination:
    """The address of a command's first file; the others go next to it.

    Args:
        address: such as s3://bucket/mined.jsonl.
    """

    address: str

    def of(self, path: Path) -> str:
        """The address of one of the files, by its name on this machine."""
        return f"{self.address.rpartition('/')[0]}/{path.name}"

    def demand_writable(self, option: str) -> None:
        """Write a few bytes next to the file, and remove them: only that shows whether hours of work will arrive.

        Raises:
            OutputError: they cannot be written, or the address is that of a folder.
        """
        where = f"{option} {self.address}"
        if self.address.endswith("/"):
            raise OutputError("this is a folder; a file is needed", where=where, next="name a file in it")
        with errors_of(where, written=True):
            system, path = _opened(self.address)
            if system.isdir(path):
                raise OutputError("this is a folder; a file is needed", where=where, next="name a file in it")
            probe = f"{path.rpartition('/')[0]}/.{path.rpartition('/')[2]}.embedtune-probe"
            system.pipe_file(probe, b"embedtune")
            system.rm(probe)

    def mark(self, path: Path) -> list[int] | None:
        """The size of a file at its address, and a checksum of what is said about it; None if there is none."""
        with errors_of(self.of(path), written=True):
            system, there = _opened(self.of(path))
            try:
                facts = system.info(there)
            except FileNotFoundError:
                return None
        return [int(facts.get("size") or 0), zlib.crc32(str(said_of(facts)).encode())]

    def send(self, written: Path, path: Path) -> list[int] | None:
        """Copy a finished file to its address; returns its `mark`.

        Raises:
            OutputError: it does not get there.
        """
        with errors_of(self.of(path), written=True):
            system, there = _opened(self.of(path))
            system.put_file(str(written), there)
        return self.mark(path)

    def remove(self, path: Path) -> None:
        """Remove a file from its address, if it is there."""
        if self.mark(path) is not None:
            with errors_of(self.of(path), written=True):
                system, there = _opened(self.of(path))
                system.rm(there)

    def is_read_from(self, name: str, path: Path) -> bool:
        """Whether an address is that of one of the files, or of a folder that it would be in."""
        own, read = _parts(self.of(path)), _parts(name)
        return own[: len(read)] == read


def _parts(address: str) -> list[str]:
    kind, _, path = address.partition("://")
    return [kind.lower(), *filter(None, path.split("/"))]


def _opened(address: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs  # only for addresses

    system, path = url_to_fs(address)
    system.invalidate_cache()  # what a driver has listed before may have changed
    return system, path
