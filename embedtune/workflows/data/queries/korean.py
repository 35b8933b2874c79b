"""Korean words as people type them into a search box: nouns, without the particle of an object."""

import re

_VERB = re.compile(
    r".*(?:[가-힣]니다|(?:하|되|드리|시키|갖|받)(?:고|며|는|여)|[해돼어아나까세]요|도록|려면|려고|면서|지만|므로|거나|든지"
    r"|(?:시|라|하|되|으|오|리|가|주)면|[아어여해]서|[는한인]데|다가|적인|[가-힣]{2}[할될볼릴])|여기서|아닌|통한|만을|아니라|갖춘"
)
"""Verbs and adjectives in the forms that end and join clauses; a noun of two syllables, such as 역할, is none."""
_OBJECT = re.compile(r"([가-힣]+)([을를])")
_FIRST, _FINALS = ord("가"), 28


def noun_of(word: str) -> str:
    """A word without the particle of an object; empty for a verb.

    을 follows a syllable with a final consonant and 를 one without, so that 단풍마을 keeps its end.

    >>> noun_of("융자신청을"), noun_of("의료비를"), noun_of("단풍마을"), noun_of("필요하시면"), noun_of("refund")
    ('융자신청', '의료비', '단풍마을', '', 'refund')
    """
    if _VERB.fullmatch(word):
        return ""
    found = _OBJECT.fullmatch(word)
    if found is None or len(found[1]) < 2:
        return word
    closed = (ord(found[1][-1]) - _FIRST) % _FINALS != 0
    return found[1] if closed == (found[2] == "을") else word
