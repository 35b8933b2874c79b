"""Vectors on disk, so that no frozen encoder encodes the same text twice, for guide, miner and evaluator alike.

One folder per encoder (its fingerprint), one segment file per writing process, appended block by block. A block says
what it holds and carries a checksum, so there is no separate index to fall out of step, a truncated block at the end is
ignored, a damaged block is struck out and computed again, and two writers never share a file. Files are read, not
memory-mapped: a map of a file that another process truncates would end this one.
"""

import hashlib
import logging
import os
import struct
import time
import uuid
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from embedtune.durable import cache_folder
from embedtune.errors import OutputError

HEADER = struct.Struct("<8sIII")  # magic, rows, dimensions, checksum of the keys and vectors that follow
MAGIC = b"embtvec1"
STRUCK = b"struck.."  # in place of the magic of a damaged block
KEY_BYTES = 16
BLOCK_BYTES = 4 * 2**20
SOUGHT_BYTES = 2**20
WRITTEN_EVERY_S = 30
"""A killed process loses at most this much work, or one block."""
CAP_BYTES = 4 * 2**30
SUFFIX = ".segment"

log = logging.getLogger(__name__)


def open_store(where: str | Path | None = "auto") -> "VectorStore | None":
    """Open the store in a folder, `auto` (the user's cache folder), or none (None or "none").

    Raises:
        OutputError: a folder that the user named cannot be written. If `auto`'s folder cannot, there is no store.
    """
    if where is None or where == "none":
        return None
    try:
        folder = default_folder() if where == "auto" else Path(where).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(f"{folder} is not writable")
    except (OSError, RuntimeError) as error:  # RuntimeError: unknown home
        if where != "auto":
            raise OutputError(
                f"the vector store {where} cannot be written: {getattr(error, 'strerror', None) or error}",
                where="--store",
                next="name another folder, or --store none",
            ) from error
        log.warning("no vector store: %s", error)
        return None
    return VectorStore(folder)


def default_folder() -> Path:
    """Where the store is."""
    return cache_folder() / "vectors"


def text_key(prompt: str, text: str, settings: str) -> bytes:
    """16 bytes for the exact string encoded, and `settings`: all else that its vector depends on, except the model.

    Prompt and text are separate, because some models leave the prompt's tokens out of the mean.
    """
    digest = hashlib.blake2b(digest_size=KEY_BYTES)
    for part in (prompt, text, settings):
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.digest()


@dataclass(frozen=True)
class VectorStore:
    """All shelves under one folder, kept below a size by removing the least recently used."""

    folder: Path
    cap_bytes: int = CAP_BYTES

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
        except OSError:  # another process is changing it
            return
        total = sum(size for size, _, _ in shelves)
        for size, _, path in sorted(shelves, key=lambda shelf: shelf[1]):
            if total > self.cap_bytes and path != keep:
                with suppress(OSError):  # only segments: the user may have named a folder that holds other folders
                    for segment in path.glob(f"*{SUFFIX}"):
                        segment.unlink(missing_ok=True)
                    path.rmdir()
                total -= size


@dataclass(frozen=True)
class StoredBlock:
    """Where the rows of a block are: `start` is the offset of its keys (rows,) in the segment."""

    segment: Path
    start: int
    keys: np.ndarray
    checksum: int


class Shelf:
    """One encoder's vectors: reads what earlier processes wrote, and adds to a segment of its own."""

    def __init__(self, folder: Path, dimensions: int, room_bytes: int) -> None:
        self.folder = folder
        self.dimensions = dimensions
        self._room = room_bytes
        self._keys: list[bytes] = []
        self._vectors: list[np.ndarray] = []
        self._written = time.monotonic()
        self.segment = folder / f"{os.getpid()}-{uuid.uuid4().hex}{SUFFIX}"
        self._blocks = [block for path in sorted(folder.glob(f"*{SUFFIX}")) for block in self._scan(path)]
        self._sort()

    def read(self, keys: Sequence[bytes], into: np.ndarray) -> list[int]:
        """Fill the rows (n, D) whose keys are known; returns the positions of the others."""
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
        """Add vectors (n, D); they are written when a block is full, after 30 s, or by `flush` and `close`."""
        self._keys += keys
        self._vectors.append(np.ascontiguousarray(vectors, dtype="<f4"))
        full = len(self._keys) * (self.dimensions * 4 + KEY_BYTES) >= BLOCK_BYTES
        if full or time.monotonic() - self._written >= WRITTEN_EVERY_S:
            self.flush()

    def close(self) -> None:
        """Write what is not on disk yet."""
        self.flush()

    def flush(self) -> None:
        """Write what was added and is not on disk yet, as one block of this shelf's own segment."""
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
            _append(self.segment, block)
        except OSError as error:
            # A full disk costs the next run time, but never costs this run its result.
            log.warning("vector store: %s", error)
            self._room = 0

    def _scan(self, path: Path) -> Iterator[StoredBlock]:
        """The complete blocks of a segment; anything between them is skipped."""
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
            return  # removed or truncated by another process in the meantime

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
    """Append a block to a segment, or undo a partial write."""
    with path.open("ab", buffering=0) as file:
        before, left = file.tell(), memoryview(block)
        try:
            while left:
                left = left[file.write(left) :]
        except OSError:
            file.truncate(before)
            raise


def _strike_out(block: StoredBlock) -> None:
    """Mark a damaged block, so that no later process reads it."""
    with suppress(OSError), block.segment.open("r+b") as file:
        file.seek(block.start - HEADER.size)
        file.write(STRUCK)


def _next_block(file: BinaryIO, position: int) -> int:
    """The next position where a block may begin; the end of the file if there is none."""
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
    """Bytes of all segments in a folder and below it, as far as they can be read."""
    total = 0
    for path in folder.rglob(f"*{SUFFIX}"):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total
