"""Vectors on disk, so that no frozen encoder reads the same text twice, for guide, miner and evaluator alike.

One folder an encoder (its fingerprint), one segment file a writing process, appended block by block. A block says what
it holds and carries a checksum, so there is no separate index to fall out of step, a torn end is no block at all, a
damaged block is struck out and computed again, and two writers never share a file. Read by plain reads: a memory map
of a file that somebody cuts off would end the process.
"""

import hashlib
import logging
import os
import shutil
import struct
import sys
import time
import uuid
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from embedtune.errors import OutputError

HEADER = struct.Struct("<8sIII")  # magic, rows, dimensions, checksum of the keys and vectors that follow
MAGIC = b"embtvec1"
STRUCK = b"struck.."  # in place of the magic of a damaged block
KEY_BYTES = 16
BLOCK_BYTES = 4 * 2**20
SOUGHT_BYTES = 2**20
WRITTEN_EVERY_S = 30
"""A process that is killed loses no more of its work than this, or a block."""
CAP_BYTES = 4 * 2**30
SUFFIX = ".segment"

log = logging.getLogger(__name__)


def open_store(where: str | Path | None = "auto", *, cap_bytes: int = CAP_BYTES) -> "VectorStore | None":
    """Open the store in a folder, `auto` (the user's cache folder), or none (None or "none").

    Raises:
        OutputError: a folder that the user named cannot be written. Without `auto`'s folder there is just no store.
    """
    if where is None or where == "none":
        return None
    try:
        folder = default_folder() if where == "auto" else Path(where).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(f"{folder} is not writable")
    except (OSError, RuntimeError) as error:  # RuntimeError: nobody knows that home
        if where != "auto":
            raise OutputError(
                f"the vector store {where} cannot be written: {getattr(error, 'strerror', None) or error}",
                where="--store",
                next="name another folder, or --store none",
            ) from error
        log.warning("no vector store: %s", error)
        return None
    return VectorStore(folder, cap_bytes)


def default_folder() -> Path:
    """Where this platform keeps what can be computed again; XDG_CACHE_HOME, where set, on any of them."""
    if os.environ.get("XDG_CACHE_HOME"):
        base = Path(os.environ["XDG_CACHE_HOME"])
    elif os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path.home() / ".cache"
    return base / "embedtune" / "vectors"


def text_key(prompt: str, text: str, way: str) -> bytes:
    """16 bytes for the exact string encoded, and `way`: all else its vector depends on beside the model.

    Prompt and text are told apart, for some models leave the prompt's tokens out of the mean.
    """
    digest = hashlib.blake2b(digest_size=KEY_BYTES)
    for part in (prompt, text, way):
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.digest()


class VectorStore:
    """All shelves under one folder, kept below a size by removing those not used for longest."""

    def __init__(self, folder: Path, cap_bytes: int = CAP_BYTES) -> None:
        self.folder = folder
        self.cap_bytes = cap_bytes

    def shelf(self, fingerprint: str, dimensions: int) -> "Shelf":
        """The vectors of one encoder, for reading and adding."""
        folder = self.folder / fingerprint
        try:
            folder.mkdir(parents=True, exist_ok=True)
            os.utime(folder)
        except OSError as error:
            log.warning("vector store: %s", error)
        self._trim(keep=folder)
        return Shelf(folder, dimensions, room_bytes=self.cap_bytes - stored_bytes(folder))

    def _trim(self, keep: Path) -> None:
        try:
            shelves = [
                (stored_bytes(path), path.stat().st_mtime, path) for path in self.folder.iterdir() if path.is_dir()
            ]
        except OSError:  # another process is at it
            return
        total = sum(size for size, _, _ in shelves)
        for size, _, path in sorted(shelves, key=lambda shelf: shelf[1]):
            if total > self.cap_bytes and path != keep:
                shutil.rmtree(path, ignore_errors=True)
                total -= size


@dataclass(frozen=True)
class StoredBlock:
    """Where a block's rows are: `start` is the first byte of its keys (rows,) in the segment."""

    segment: Path
    start: int
    keys: np.ndarray
    checksum: int


class Shelf:
    """One encoder's vectors: read what earlier processes wrote, add to a segment of its own."""

    def __init__(self, folder: Path, dimensions: int, room_bytes: int) -> None:
        self.folder = folder
        self.dimensions = dimensions
        self._room = room_bytes
        self._keys: list[bytes] = []
        self._vectors: list[np.ndarray] = []
        self._written = time.monotonic()
        self._own = folder / f"{os.getpid()}-{uuid.uuid4().hex}{SUFFIX}"
        self._blocks = [block for path in sorted(folder.glob(f"*{SUFFIX}")) for block in self._scan(path)]
        self._sort()

    def read(self, keys: Sequence[bytes], into: np.ndarray) -> list[int]:
        """Fill the rows (n, D) whose keys are here; returns the numbers of the others."""
        wanted = np.frombuffer(b"".join(keys), dtype=f"S{KEY_BYTES}")  # (n,)
        while True:
            if not len(self._sorted):
                return list(range(len(keys)))
            place = np.minimum(np.searchsorted(self._sorted, wanted), len(self._sorted) - 1)  # (n,)
            found = np.flatnonzero(self._sorted[place] == wanted)
            block_of, row_of = self._block_of[place[found]], self._row_of[place[found]]
            damaged = set()
            for number in np.unique(block_of):
                rows = self._rows(self._blocks[number])
                if rows is None:
                    damaged.add(int(number))
                    continue
                here = block_of == number
                into[found[here]] = rows[row_of[here]]
            if not damaged:
                return sorted(set(range(len(keys))) - set(found.tolist()))
            log.warning("vector store: %d damaged blocks of %s are computed again", len(damaged), self.folder)
            self._blocks = [block for number, block in enumerate(self._blocks) if number not in damaged]
            self._sort()

    def add(self, keys: Sequence[bytes], vectors: np.ndarray) -> None:
        """Keep these vectors (n, D); they reach the disk once a block is full, after a while, or at `close`."""
        self._keys += keys
        self._vectors.append(np.ascontiguousarray(vectors, dtype="<f4"))
        full = len(self._keys) * (self.dimensions * 4 + KEY_BYTES) >= BLOCK_BYTES
        if full or time.monotonic() - self._written >= WRITTEN_EVERY_S:
            self._write()

    def close(self) -> None:
        """Write what is left."""
        self._write()

    def _write(self) -> None:
        if not self._keys:
            return
        payload = b"".join(self._keys) + np.concatenate(self._vectors).tobytes()
        block = HEADER.pack(MAGIC, len(self._keys), self.dimensions, zlib.crc32(payload)) + payload
        self._keys, self._vectors = [], []
        self._written = time.monotonic()
        self._room -= len(block)
        if self._room < 0:
            return
        try:
            _append(self._own, block)
        except OSError as error:
            # A full disk costs the next run some time, never this run its result.
            log.warning("vector store: %s", error)
            self._room = 0

    def _scan(self, path: Path) -> Iterator[StoredBlock]:
        """The whole blocks of a segment; what is between them is passed over."""
        try:
            with path.open("rb") as file:
                position, size = 0, os.fstat(file.fileno()).st_size
                while position + HEADER.size <= size:
                    file.seek(position)
                    magic, rows, dimensions, checksum = HEADER.unpack(file.read(HEADER.size))
                    start = position + HEADER.size
                    end = start + rows * (KEY_BYTES + dimensions * 4)
                    if magic != MAGIC or end > size:
                        position = _next_block(file, position + 1)
                        continue
                    if dimensions == self.dimensions and rows:
                        yield StoredBlock(
                            path, start, np.frombuffer(file.read(rows * KEY_BYTES), f"S{KEY_BYTES}"), checksum
                        )
                    position = end
        except (OSError, struct.error, ValueError):
            return  # removed or cut off by another process meanwhile

    def _sort(self) -> None:
        keys = [block.keys for block in self._blocks]
        together = np.concatenate(keys) if keys else np.empty(0, f"S{KEY_BYTES}")  # (rows of all blocks,)
        order = np.argsort(together, kind="stable")
        self._sorted = together[order]
        self._block_of = np.repeat(np.arange(len(keys)), [len(part) for part in keys])[order]
        self._row_of = np.concatenate([np.arange(len(part)) for part in keys])[order] if keys else order

    def _rows(self, block: StoredBlock) -> np.ndarray | None:
        """The vectors of a block (rows, D), or None when it is damaged or gone."""
        rows = len(block.keys)
        try:
            with block.segment.open("rb") as file:
                file.seek(block.start)
                payload = file.read(rows * (KEY_BYTES + self.dimensions * 4))
        except OSError:
            return None
        if zlib.crc32(payload) != block.checksum:
            _strike_out(block)
            return None
        return np.frombuffer(payload, "<f4", offset=rows * KEY_BYTES).reshape(rows, self.dimensions)  # (rows, D)


def _append(path: Path, block: bytes) -> None:
    """Add a block to the end of a segment, or take back what could be written of it."""
    with path.open("ab", buffering=0) as file:
        before, left = file.tell(), memoryview(block)
        try:
            while left:
                left = left[file.write(left) :]
        except OSError:
            file.truncate(before)
            raise


def _strike_out(block: StoredBlock) -> None:
    """Make no block of a damaged one, so that no later process trips over it."""
    with suppress(OSError), block.segment.open("r+b") as file:
        file.seek(block.start - HEADER.size)
        file.write(STRUCK)


def _next_block(file: BinaryIO, position: int) -> int:
    """Where the next block may begin, from a position on; the end of the file where there is none."""
    while True:
        file.seek(position)
        piece = file.read(SOUGHT_BYTES)
        found = piece.find(MAGIC)
        if found >= 0:
            return position + found
        if len(piece) < SOUGHT_BYTES:
            return position + len(piece)
        position += len(piece) - len(MAGIC) + 1


def stored_bytes(folder: Path) -> int:
    """The size of all segments in a folder and below it, as far as one may look."""
    total = 0
    for path in folder.rglob(f"*{SUFFIX}"):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total
