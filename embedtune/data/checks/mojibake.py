"""Texts decoded with the wrong encoding, recognized by what their characters would be in the right one."""

import re

# Windows-1252 gives characters to most of the bytes 80 to 9F, Latin-1 gives control characters; both occur.
_BYTES = {chr(byte): byte for byte in range(0x80, 0x100)}
for _byte in range(0x80, 0xA0):
    try:
        _BYTES[bytes([_byte]).decode("cp1252")] = _byte
    except UnicodeDecodeError:
        continue
_LOST = "\ufffd"
_RUN = re.compile(f"[{re.escape(''.join(_BYTES))}{_LOST}]{{2,}}")
# What UTF-8 may have encoded: European letters, common signs, Hangul, kana, Chinese characters, emoji.
_PLAUSIBLE = re.compile(
    "[\u00a0-\u024f\u0370-\u04ff\u2000-\u206f\u20ac\u2100-\u22ff\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\U0001f300-\U0001faff]+"
)
_HANGUL = re.compile("[가-힣]")
# The codec writes syllables outside KS X 1001, which everyday Korean does not use, in 8 bytes.
_RARE = re.compile(
    f"[{''.join(letter for letter in map(chr, range(0xAC00, 0xD7A4)) if len(letter.encode('euc_kr')) > 2)}]"
)
_STRANGE = 0.2  # share of a text's Hangul that everyday Korean never uses


def is_garbled(text: str) -> bool:
    """Whether the text is UTF-8 read as Latin-1, Windows-1252 or CP949, or CP949 read as Latin-1.

    >>> [is_garbled("안녕하세요".encode().decode(wrong, "replace")) for wrong in ("latin-1", "cp1252", "cp949")]
    [True, True, True]
    >>> is_garbled("안녕하세요".encode("cp949").decode("latin-1")), is_garbled("Ärger über déjà vu… “Ü”")
    (True, False)
    """
    return any(map(_was_other, _RUN.findall(text))) or _has_strange_hangul(text)


def ungarbled(text: str) -> str:
    """The text with UTF-8 that was read as Latin-1 or Windows-1252 decoded again; other damage stays.

    >>> ungarbled("Itâ€™s a cafÃ©"), ungarbled("안녕".encode().decode("latin-1"))
    ('It’s a café', '안녕')
    """
    return _RUN.sub(lambda run: _as_utf8(run[0]) or run[0], text)


def _was_other(run: str) -> bool:
    return _as_utf8(run) is not None or _broken_utf8(run) or _is_korean(run)


def _bytes(run: str) -> bytes:
    """The bytes of the file; a lost character becomes a byte that is not valid UTF-8."""
    return bytes(_BYTES.get(sign, 0xFF) for sign in run)


def _as_utf8(run: str) -> str | None:
    try:
        meant = _bytes(run).decode()
    except UnicodeDecodeError:
        return None
    return meant if _PLAUSIBLE.fullmatch(meant) else None


def _broken_utf8(run: str) -> bool:
    """Whether this is UTF-8 with lost bytes (Windows-1252 loses five values): three bytes rarely fit by chance."""
    meant = _bytes(run).decode(errors="ignore")
    return len(meant) >= 2 and min(meant) >= "\u0800" and bool(_PLAUSIBLE.fullmatch(meant))


def _is_korean(run: str) -> bool:
    if len(run) < 4 or len(run) % 2:
        return False
    meant = _bytes(run).decode("euc_kr", errors="ignore")
    return len(meant) == len(run) // 2 and all(_HANGUL.match(letter) for letter in meant)


def _has_strange_hangul(text: str) -> bool:
    """UTF-8 read as CP949 becomes syllables outside KS X 1001, which everyday Korean does not use."""
    strange = len(_RARE.findall(text))
    return strange >= 2 and strange > _STRANGE * len(_HANGUL.findall(text))
