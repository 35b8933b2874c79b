"""What the name of a column means, however it is written: in capitals, with blanks, or in Korean."""

import re
import unicodedata
from string import digits

KOREAN = {
    "질문": "question",
    "질의": "query",
    "쿼리": "query",
    "검색어": "query",
    "문의": "question",
    "앵커": "anchor",
    "답변": "answer",
    "답": "answer",
    "대답": "answer",
    "응답": "answer",
    "정답": "answer",
    "긍정": "positive",
    "오답": "negative",
    "부정": "negative",
    "문서": "document",
    "지문": "context",
    "문맥": "context",
    "단락": "passage",
    "문단": "passage",
    "제목": "title",
    "본문": "text",
    "내용": "text",
    "텍스트": "text",
    "문장": "sentence",
    "전제": "premise",
    "가설": "hypothesis",
    "라벨": "label",
    "레이블": "label",
    "점수": "score",
    "유사도": "similarity",
}
"""Korean name -> the usual English one. Names of categories (분류) are not labels: FAQs have them next to each pair."""


def spellings(column: str) -> frozenset[str]:
    """The usual names that a column's name stands for, in lower case, with and without "_" before a number.

    >>> sorted(spellings("Sentence 1")), sorted(spellings("오답2"))
    (['sentence1', 'sentence_1'], ['negative2', 'negative_2'])
    """
    folded = re.sub(r"[\s-]+", "_", unicodedata.normalize("NFKC", column).strip().casefold())
    stem = folded.rstrip(digits)
    number, word = folded[len(stem) :], stem.removesuffix("_")
    word = KOREAN.get(word, word)
    return frozenset({f"{word}{number}", f"{word}_{number}"}) if number else frozenset({word})
