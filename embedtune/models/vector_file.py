"""Vectors in one .npy file, written block by block: a kill at any point costs no more than the block being written."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from embedtune.errors import OutputError


class VectorFile:
    """A .npy file that grows under the name `<path>.part` and takes its own name when its last row is in it.

    Beside it `<path>.json` says how many rows are on disk for certain, and of what: it is written after the rows are.

    Args:
        path: of the .npy file.
        shape: (n, D), the rows there will be.
        dtype: "float16" or "float32".
        key: what the vectors are of; rows of another key are written anew.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, shape: tuple[int, int], dtype: str, key: Mapping[str, object]) -> None:
        self.path, self.shape, self.dtype = path, shape, np.dtype(dtype).newbyteorder("<")
        self._part = path.with_name(f"{path.name}.part")
        self._facts = path.with_name(f"{path.name}.json")
        self._key = json.loads(json.dumps({**key, "shape": shape, "dtype": dtype}))
        self.rows = self._rows_on_disk()
        self.is_whole = self.rows == shape[0] and path.is_file() and not self._part.exists()
        if not self.is_whole:
            self._writing(self._begin)

    def write(self, first: int, vectors: np.ndarray) -> None:
        """Put vectors (b, D) from row `first` on; they are on disk for certain afterwards."""
        self._writing(self._put, first, vectors)

    def finish(self) -> np.ndarray:
        """The vectors, memory-mapped and read-only, under the file's own name from now on."""
        if not self.is_whole:
            self._writing(os.replace, self._part, self.path)
            self.is_whole = True
        return np.load(self.path, mmap_mode="r" if self.shape[0] else None)  # an empty file cannot be mapped

    def _rows_on_disk(self) -> int:
        try:
            facts = json.loads(self._facts.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return 0
        there = self._part if self._part.exists() else self.path
        return facts["rows"] if facts["key"] == self._key and there.is_file() else 0

    def _begin(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.rows and self._part.exists():
            return
        self.rows = 0
        self._facts.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        with self._part.open("wb") as file:
            header = {"descr": self.dtype.str, "fortran_order": False, "shape": self.shape}
            np.lib.format.write_array_header_1_0(file, header)
        self._note(0)

    def _put(self, first: int, vectors: np.ndarray) -> None:
        with self._part.open("r+b") as file:
            np.lib.format.read_magic(file)
            np.lib.format.read_array_header_1_0(file)
            file.seek(first * self.shape[1] * self.dtype.itemsize, os.SEEK_CUR)
            file.write(np.ascontiguousarray(vectors, dtype=self.dtype).tobytes())
            file.flush()
            os.fsync(file.fileno())
        self._note(first + len(vectors))

    def _note(self, rows: int) -> None:
        temporary = self._facts.with_name(f"{self._facts.name}.part")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump({"key": self._key, "rows": rows}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._facts)  # noqa: PTH105  (replaces on Windows too, and says so)
        self.rows = rows

    def _writing(self, act, *arguments) -> None:  # type: ignore[no-untyped-def]
        try:
            act(*arguments)
        except OSError as error:
            raise OutputError(f"cannot be written: {error.strerror or error}", where=str(self.path)) from error
