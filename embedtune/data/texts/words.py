"""Texts as words: what BM25 ranks by and near duplicates are recognized by."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

_HANGUL = "가-힣"
_CHINESE_AND_KANA = "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RUNS = re.compile(f"(?P<cut>[{_HANGUL}]+|[{_CHINESE_AND_KANA}]+)|[^\\W_{_HANGUL}{_CHINESE_AND_KANA}]+")


def words(text: str, *, beginnings: bool = False) -> Iterator[str]:
    """The words of a text in lower case; Hangul, kana and Chinese characters as bigrams, a single one by itself.

    With `beginnings`, the first bigram of each run of Hangul follows at the end once more, marked as such.

    >>> list(words("The 청년월세 지원 24, 동 東京都"))
    ['the', '청년', '년월', '월세', '지원', '24', '동', '東京', '京都']
    """
    begun = []
    for run in _RUNS.finditer(unicodedata.normalize("NFC", text).lower()):
        if run["cut"] and len(run[0]) > 1:
            yield from (first + second for first, second in pairwise(run[0]))
            if beginnings and "가" <= run[0][0] <= "힣":
                begun.append(f"{run[0][:2]}_")
        else:
            yield run[0]
    yield from begun
