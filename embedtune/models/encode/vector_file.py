"""Vectors in one .npy file, written block by block: a kill at any point costs at most the block being written."""

import io
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from embedtune.durable import read_sealed, replace, write_sealed, writing


class VectorFile:
    """A .npy file that grows under the name `<path>.part` and gets its own name when its last row is in it.

    Next to it, `<path>.json` records the blocks that are safely on disk, their key and checksums; it is written after
    them. Rows from the first damaged block on count as not written.

    Args:
        path: of the .npy file.
        shape: (n, D) of the complete file.
        dtype: "float16" or "float32".
        key: identifies what the vectors are of; a file with another key is written from scratch.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, shape: tuple[int, int], dtype: str, key: Mapping[str, object]) -> None:
        self.path, self.shape, self.dtype = path, shape, np.dtype(dtype).newbyteorder("<")
        self._part = path.with_name(f"{path.name}.part")
        self._facts = path.with_name(f"{path.name}.json")
        self._key = json.loads(json.dumps({**key, "shape": shape, "dtype": dtype}))
        header = io.BytesIO()
        shaped = {"descr": self.dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(header, shaped)
        self._header, self._row_bytes = header.getvalue(), shape[1] * self.dtype.itemsize
        self._blocks: list[tuple[int, int]] = []  # rows and checksum of each
        self.rows = self._rows_on_disk()
        self.is_whole = self.rows == shape[0] and path.is_file() and not self._part.exists()
        if not self.is_whole:
            with writing(path):
                self._begin()

    def write(self, first: int, vectors: np.ndarray) -> None:
        """Write vectors (b, D) from row `first` on, which must be the first missing row; safely on disk afterwards."""
        if first != self.rows:
            raise ValueError(f"{self.rows} rows are written, but the block begins at row {first}")
        content = np.ascontiguousarray(vectors, dtype=self.dtype).tobytes()
        with writing(self.path):
            with self._part.open("r+b") as file:
                file.seek(len(self._header) + first * self._row_bytes)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._blocks.append((len(vectors), zlib.crc32(content)))
            self._note()

    def written(self) -> np.ndarray:
        """The vectors of a file all of whose rows are written, before it has its own name: (n, D), read-only."""
        return np.load(self._part, mmap_mode="r" if self.shape[0] else None)

    def finish(self) -> np.ndarray:
        """Give the file its own name; returns the vectors, memory-mapped and read-only."""
        if not self.is_whole:
            with writing(self.path):
                replace(self._part, self.path)
            self.is_whole = True
        return np.load(self.path, mmap_mode="r" if self.shape[0] else None)  # an empty file cannot be mapped

    def _rows_on_disk(self) -> int:
        """The number of rows in undamaged blocks, up to the first damaged one."""
        note = read_sealed(self._facts)
        facts = {} if note is None else json.loads(note)
        there = self._part if self._part.exists() else self.path
        if facts.get("key") != self._key or not there.is_file():
            return 0
        self._blocks = []
        with there.open("rb") as file:
            if file.read(len(self._header)) != self._header:
                return 0
            for rows, checksum in facts["blocks"]:
                if zlib.crc32(file.read(rows * self._row_bytes)) != checksum:
                    break
                self._blocks.append((rows, checksum))
        return sum(rows for rows, _ in self._blocks)

    def _begin(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.rows:
            if not self._part.exists():  # it was complete before it was damaged
                os.replace(self.path, self._part)  # noqa: PTH105  (replaces on Windows too, and says so)
            return
        self._blocks = []
        self._facts.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        self._part.write_bytes(self._header)
        self._note()

    def _note(self) -> None:
        facts = {"key": self._key, "blocks": self._blocks}
        write_sealed(self._facts, json.dumps(facts).encode())
        self.rows = sum(rows for rows, _ in self._blocks)
