"""The topic of a sentence apart from its polarity: negations and antonyms of English and Korean.

A short list without grammar: enough to recognize that a test claim is the negation of a training claim. A statement
that says the opposite in other words is not recognized.
"""

import re
import unicodedata
from typing import NamedTuple

from embedtune.data.texts.words import words

READ = 100_000
"""Characters of a text that are read; no query or duplicate of one is longer."""
_NEGATION = re.compile(
    r"\b(?:not|no|never|neither|nor|none|without|cannot|hardly|rarely|unable to|fail(?:s|ed)? to|fails?|failed|lack of|"
    r"lack(?:s|ed|ing)?|absen(?:t|ce of))\b"
    r"|(?<!\S)[안못](?=\s)|(?<!\S)아[니닌닙]\w*"
)
# -지 않다, -지 못하다: the verb has the same ending without it (받지 않는다, 받는다).
_VERB_NOT = re.compile(r"지(?:는|도|를)?\s?(?:않|못|말)")
_SHORT_NOT = re.compile(r"n['’]t\b")
_NOT_THERE = re.compile("없")  # the opposite of 있다, to be there
_UP = """
    increase raise elevate promote enhance improve induce cause activate stimulate accelerate allow drive strengthen
    stabilize protect gain high higher highest more most greater large larger better best positive positively always
    above over fast faster common present resistant dependent accept enable open include include effective
    related likely able 증가 증진 상승 허용 찬성 포함
"""
_DOWN = """
    decrease reduce lower suppress inhibit prevent worsen impair block halt slow weaken destabilize damage harm hinder
    counteract repress low lowest less least fewer small smaller poor poorer worse worst negative negatively rarely
    below under slower uncommon susceptible independent reject disable close exclude ineffective unrelated
    unlikely 감소 억제 하락 금지 반대 제외
"""
_QUESTION = re.compile(
    r"[?？]"
    r"|\A\W*(?:what|why|how|when|where|who|whose|which|can|could|do|does|did|is|are|was|were|will|would|should|has|have|"
    r"may|am)\b"
    r"|\b(?:know|tell me|wonder\w*|explain)\b.{0,20}\b(?:what|why|how|when|where|who|which|whether|if)\b"
    r"|(?:나요|까요|습니까|는지요|는가요|은가요|인가요|던가요|는데요)\W*\Z"
)
_TURN = "±"  # replaces any of these words
_EMPTY = frozenset(["do", "does", "did", "can", "could"])  # auxiliaries of English negations


def _stem(word: str) -> str:
    """The word without the endings of English verbs and plurals: "increased" and "increases" are one."""
    for ending in ("ing", "es", "ed", "s", "e", "d"):
        if len(word) - len(ending) > 3 and word.endswith(ending) and not word.endswith("ss"):
            return word.removesuffix(ending)
    return word


_SIGNS = {_stem(word): 1 for word in _UP.split()} | {_stem(word): -1 for word in _DOWN.split()}


class Statement(NamedTuple):
    """A text as words and a sign.

    Args:
        words: the distinct stems of its topic.
        sign: -1 for an odd number of negations and antonyms; 0 for a question, which states nothing: "how do I find
            it?" and "I cannot find it" are not opposites.
    """

    words: frozenset[str]
    sign: int


def statement(text: str) -> Statement:
    """Split a text into words and sign; of a very long one, only the beginning.

    >>> statement("Zinc does not increase risk") == statement("zinc decreases risk.")
    True
    >>> statement("지원을 받을 수 없다").sign, statement("지원을 받을 수 있다").sign
    (-1, 1)
    """
    folded = unicodedata.normalize("NFKC", text[:READ]).casefold()
    asks = _QUESTION.search(folded) is not None
    folded, short = _SHORT_NOT.subn(" ", folded)
    folded, negations = _NEGATION.subn(" ", folded)
    folded, verbs = _VERB_NOT.subn("", folded)
    folded, absent = _NOT_THERE.subn("있", folded)
    sign = -1 if (short + negations + verbs + absent) % 2 else 1
    kept = set()
    for word in words(folded):
        stem = _stem(word) if word.isascii() else word
        turn = _SIGNS.get(stem)
        if turn is not None:
            sign *= turn
            kept.add(_TURN)
        elif word not in _EMPTY:
            kept.add(stem)
    return Statement(frozenset(kept), 0 if asks else sign)
