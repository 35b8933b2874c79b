"""Bytes into text: UTF-8, or the one other encoding in which a whole file certainly is; what is broken is noted."""

import codecs
import io
from pathlib import Path

from embedtune.data.sources.problems import Problems
from embedtune.data.sources.reading import DECLARED, UNDERSTOOD
from embedtune.data.sources.reading.encodings import SAMPLE, Encoding, advice_on, certain_encoding, named_encoding
from embedtune.data.sources.reading.unchanged import declared_encoding

_BOM = b"\xef\xbb\xbf"


class TextDecoder:
    """Turns the lines of one file into text, and notes what is broken.

    As long as a file is plain ASCII it may be in many encodings; its first other line decides, together with those
    that follow it.

    Args:
        path: of the file.
        problems: receives what is broken, and which encoding was found.
        head: the first bytes of the file, as many as can be had.
    """

    def __init__(self, path: Path, problems: Problems, head: bytes) -> None:
        self._path, self._problems = path, problems
        self._advice: str | None = None
        self._encoding: Encoding | None = None
        self._decoder: codecs.IncrementalDecoder | None = None
        self._undecided = True
        self._look(head)
        self.offset = 0

    def __call__(self, raw: bytes, number: int, stream: io.BufferedReader) -> str:
        """The text of a line, or of a piece of a long one; what is broken in it is replaced."""
        where = f"{self._path}:{number}"
        skipped = len(_BOM) if self.offset == 0 and raw.startswith(_BOM) else 0
        text = self._text(raw[skipped:], stream, where, number, skipped)
        if "\0" in text:
            self._problems.add(where, f"a NUL character at column {text.index(chr(0)) + 1}")
            text = text.replace("\0", " ")
        self.offset += len(raw)
        return text

    def _text(self, raw: bytes, stream: io.BufferedReader, where: str, number: int, skipped: int) -> str:
        if self._undecided and not raw.isascii():
            # The first such line and what follows tell more about the encoding than a line does.
            self._look(raw[:SAMPLE] + stream.peek(SAMPLE)[:SAMPLE])
        try:
            return raw.decode("utf-8") if self._decoder is None else self._decoder.decode(raw)
        except UnicodeDecodeError as error:
            at = skipped + error.start
            name = "UTF-8" if self._encoding is None else self._encoding.name
            what = f"broken {name}: byte 0x{raw[error.start]:02x} at offset {self.offset + at:,} of the file"
            if name == "UTF-8":
                self._advice = self._advice or advice_on(raw[:SAMPLE] + stream.peek(SAMPLE)[:SAMPLE])
            elif declared_encoding() is not None:
                self._advice = f"leave out --encoding {declared_encoding()}, or restore the line, or remove it"
            else:
                self._advice = "single characters are damaged: restore the line, or remove it"
            if number == 1:  # in whose names nothing can be found
                raise self._problems.stop(where, what, hint=self._advice) from None
            self._problems.add(where, what, hint=self._advice)
            if self._decoder is not None:
                self._decoder.reset()
            return raw.decode("utf-8" if self._encoding is None else self._encoding.codec, errors="replace")

    def _look(self, sample: bytes) -> None:
        """Decide on the encoding of the file, once there is something to decide on."""
        if sample.isascii():
            return
        self._undecided = False
        declared = _declared(sample)
        self._encoding = declared or certain_encoding(sample)
        if self._encoding is not None:
            self._decoder = codecs.getincrementaldecoder(self._encoding.codec)()
            how = f"is in {self._encoding.what}, {UNDERSTOOD}"
            if declared is not None:
                how = f"is read as {declared.what}, {DECLARED}"
            self._problems.notes.append(f"{self._path.name}: the text {how}")


def _declared(sample: bytes) -> Encoding | None:
    """The encoding that the command was told, where the text is not in UTF-8."""
    codec = declared_encoding()
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return None if codec is None else named_encoding(codec)
    return None


def as_utf8(stream: io.BufferedReader, wide: str, path: Path, problems: Problems) -> io.BufferedReader:
    """A stream of UTF-16 or UTF-32 as one of UTF-8, and a note about it.

    Args:
        stream: at its beginning.
        wide: its encoding, as `wide_encoding` calls it.
        path: of the file.
        problems: receives the note.
    """
    problems.notes.append(f"{path.name}: the text is in {wide}, {UNDERSTOOD}")
    return io.BufferedReader(_Recoded(stream, wide), SAMPLE)


class _Recoded(io.RawIOBase):
    """Bytes of text in one encoding, read as UTF-8."""

    def __init__(self, stream: io.BufferedReader, codec: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(codec)()
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        while not self._ready:
            raw = self._stream.read(SAMPLE)
            self._ready = self._decoder.decode(raw, not raw).encode("utf-8", "surrogatepass")
            if not raw:
                break
        taken = min(len(buffer), len(self._ready))
        buffer[:taken], self._ready = self._ready[:taken], self._ready[taken:]
        return taken
