"""Which encoding a text that is not UTF-8 was written in: judged by how plausible the decoded text is.

That bytes can be decoded says little: CP949 takes almost any pair of high bytes for a Korean syllable, and so a
Windows apostrophe and the letter after it. Real text keeps to the letters in common use: of Korean, the 2,350 syllables
of KS X 1001; of Japanese, kana among the kanji; of Western languages, single accented letters among plain ones.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

SAMPLE = 65536
"""Bytes that are enough to tell."""
_PLAUSIBLE, _CERTAIN = 0.85, 0.95
_LETTERS, _SIGNS = 20, 3
"""Letters of an East Asian text, and characters beyond ASCII of another one, that are enough to be certain: of 20
Chinese characters, not all are in the rows that hold the Korean syllables in CP949."""
_GLUED = re.compile(r"[a-z][³²¹¿¡ºª¼½¾£¥¢][a-z]")
"""Signs between small letters are letters of another encoding, such as those of Polish in Windows-1250."""
_JOINED = 0.5  # of the accented letters of a text in Latin letters, fewer stand next to one another
_FREQUENT = 0.2  # of a Russian text, the share of its four commonest letters; 40 % are usual
_WESTERN = frozenset("àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœšžßÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝŒŠŽ’‘“”–—…•€£°§©®™«»·´¨\xa0¿¡²³½¼×º")
_PUNCTUATION = frozenset(
    "\u3000、。〈〉《》「」『』【】〔〕…‥·～“”‘’—―・ー※○●◎◇◆□■△▲▽▼→←↑↓℃％！？（），．：；０１２３４５６７８９"
)


@dataclass(frozen=True)
class Encoding:
    """An encoding that a text may be in.

    Args:
        name: as `iconv` calls it.
        what: as people know it.
        codec: as Python calls it.
        plausible: of the decoded characters beyond ASCII, and of all, the share that such texts have.
    """

    name: str
    what: str
    codec: str
    plausible: Callable[[str, str], float]

    @property
    def wide(self) -> bool:
        """Whether it has characters of several bytes."""
        return not self.name.startswith("WINDOWS")


def advice_on(sample: bytes) -> str:
    """What to do about text that is not UTF-8.

    >>> advice_on("It’s 5 o’clock".encode("cp1252"))
    'it reads as Windows-1252 (Western European): --encoding cp1252, or iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW_FILE'
    >>> advice_on("환불은 언제 되나요?".encode("cp949"))
    'it reads as CP949 (Korean Windows): --encoding cp949, or iconv -f CP949 -t UTF-8 FILE > NEW_FILE'
    """
    if _mostly_utf8(sample):
        return "the rest is UTF-8, so single characters are damaged: restore the line, or remove it"
    found = encoding_of(sample)
    if found is None:
        return "save the file as UTF-8, or name its encoding with --encoding"
    return f"it reads as {found.what}: --encoding {found.codec}, or iconv -f {found.name} -t UTF-8 FILE > NEW_FILE"


def encoding_of(sample: bytes) -> Encoding | None:
    """The first encoding of `ENCODINGS` in which these bytes are plausible text; None where they are in none."""
    return next((one for one in ENCODINGS if _plausibility(sample, one) >= _PLAUSIBLE), None)


def certain_encoding(sample: bytes) -> Encoding | None:
    """The encoding of bytes that are not UTF-8, where there is no doubt of it; None otherwise.

    There must be enough letters to tell, and hardly any that such texts do not have: what is decoded wrongly here would
    be learned.

    >>> certain_encoding("환불은 언제 되나요?".encode("cp949")) is None
    True
    >>> certain_encoding("환불은 언제 되나요? 영업일 기준으로 사흘 안에 됩니다.".encode("cp949")).name
    'CP949'
    """
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        found = None if _mostly_utf8(sample) else encoding_of(sample)
        text = None if found is None else _decoded(sample, found.codec)
        if found is None or text is None or _plausibility(sample, found) < _CERTAIN:
            return None
        letters = sum(letter > "\x7f" and letter not in _PUNCTUATION for letter in text)
        enough = letters >= _LETTERS if found.wide else sum(letter > "\x7f" for letter in text) >= _SIGNS
        return None if not enough or (not found.wide and _GLUED.search(text)) else found
    return None


def named_encoding(codec: str) -> Encoding:
    """An encoding that somebody named: one of `ENCODINGS`, or any other that Python knows.

    >>> named_encoding("windows-1252").name, named_encoding("latin2").name
    ('WINDOWS-1252', 'ISO8859-2')
    """
    usual = codecs.lookup(codec).name
    known = next((one for one in ENCODINGS if codecs.lookup(one.codec).name == usual), None)
    return known or Encoding(usual.upper(), usual.upper(), codec, lambda high, text: 1.0)


def wide_encoding(head: bytes) -> str | None:
    """The name of UTF-16 or UTF-32 where a file is in it, with or without a mark at its beginning.

    >>> wide_encoding("text".encode("utf-16-le")), wide_encoding(b"text")
    ('UTF-16LE', None)
    """
    for mark, name in ((b"\xff\xfe\0\0", "UTF-32"), (b"\0\0\xfe\xff", "UTF-32"), (b"\xff\xfe", "UTF-16")):
        if head.startswith(mark):
            return name
    if head.startswith(b"\xfe\xff"):
        return "UTF-16"
    even, odd = head[::2], head[1::2]
    for zeros, others, name in ((odd, even, "UTF-16LE"), (even, odd, "UTF-16BE")):
        # Hangul has no zero bytes, but commas, quotes and line ends do.
        if zeros.count(0) > max(1, 0.05 * len(head)) and others.count(0) == 0:
            return name
    return None


def _plausibility(sample: bytes, encoding: Encoding) -> float:
    text = _decoded(sample, encoding.codec)
    if text is None:
        return 0.0
    high = "".join(letter for letter in text if letter > "\x7f")
    return encoding.plausible(high, text) if high else 0.0


def _decoded(sample: bytes, codec: str) -> str | None:
    for cut in range(4):  # the sample may end within a character
        try:
            return sample[: len(sample) - cut].decode(codec)
        except UnicodeDecodeError as error:
            if error.start < len(sample) - 4:
                return None
    return None


def _mostly_utf8(sample: bytes) -> bool:
    """Whether there are more whole characters of several bytes than broken ones; text in another encoding has none."""
    text = sample.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    return sum(letter > "\x7f" for letter in text) - broken > 2 * broken


def _korean(high: str, text: str) -> float:
    letters = [letter for letter in high if letter not in _PUNCTUATION]
    common = sum("가" <= letter <= "힣" and _in_rows(letter, "cp949", b"\xb0\xa1", b"\xc8\xfe") for letter in letters)
    return common / len(letters) if letters else 0.0


def _japanese(high: str, text: str) -> float:
    letters = [letter for letter in high if letter not in _PUNCTUATION]
    kana = sum("ぁ" <= letter <= "ヿ" for letter in letters)
    kanji = sum("一" <= letter <= "龥" and _in_rows(letter, "euc_jp", b"\xb0\xa1", b"\xcf\xd3") for letter in letters)
    return (kana + kanji) / len(letters) if letters and kana > 0.15 * len(letters) else 0.0


def _chinese(codec: str, first: bytes, last: bytes) -> Callable[[str, str], float]:
    def plausible(high: str, text: str) -> float:
        common = sum(letter in _PUNCTUATION or _in_rows(letter, codec, first, last) for letter in high)
        return common / len(high)

    return plausible


def _cyrillic(high: str, text: str) -> float:
    letters = sum("А" <= letter <= "я" or letter in "Ёё" for letter in high)
    frequent = sum(letter in "оеаи" for letter in high)
    return letters / len(high) if frequent > _FREQUENT * len(high) else 0.0


def _western(high: str, text: str) -> float:
    joined = sum(a > "\x7f" and b > "\x7f" for a, b in pairwise(text))
    return sum(letter in _WESTERN for letter in high) / len(high) if joined < _JOINED * len(high) else 0.0


def _in_rows(letter: str, codec: str, first: bytes, last: bytes) -> bool:
    """Whether a character is among the common ones, which come first in the codes of East Asian standards."""
    try:
        code = letter.encode(codec)
    except UnicodeEncodeError:
        return False
    return len(code) == 2 and first <= code <= last and code[1] >= first[1]


ENCODINGS = (
    Encoding("CP949", "CP949 (Korean Windows)", "cp949", _korean),
    Encoding("CP932", "Shift-JIS (Japanese Windows)", "cp932", _japanese),
    Encoding("EUC-JP", "EUC-JP (Japanese)", "euc_jp", _japanese),
    Encoding("GB18030", "GB18030 (Simplified Chinese)", "gb18030", _chinese("gb2312", b"\xb0\xa1", b"\xd7\xf9")),
    Encoding("BIG5", "Big5 (Traditional Chinese)", "cp950", _chinese("big5", b"\xa4\x40", b"\xc6\x7e")),
    Encoding("WINDOWS-1252", "Windows-1252 (Western European)", "cp1252", _western),
    Encoding("WINDOWS-1251", "Windows-1251 (Cyrillic)", "cp1251", _cyrillic),
)
"""Korean before Chinese: its codes are those of common Chinese characters, but those of Chinese go beyond them."""
