"""How counts and values are spoken of in messages."""

_WORDS = {
    bool: "a truth value",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    str: "a text",
    bytes: "binary data",
}


def counted(count: int, noun: str) -> str:
    """A count with its noun.

    >>> counted(1, "row"), counted(1200, "row"), counted(2, "query")
    ('1 row', '1,200 rows', '2 queries')
    """
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def percent(share: float) -> str:
    """A share as people read it; a small one is not said to be none.

    >>> percent(0.256), percent(0.004)
    ('26%', 'under 1%')
    """
    return f"{share:.0%}" if share >= 0.01 else "under 1%"


def kind_of(value: object) -> str:
    """What a value of a record is, in words.

    >>> kind_of(None), kind_of(3), kind_of(["a"])
    ('nothing (null)', 'a number (3)', "a list (['a'])")
    """
    if value is None:
        return "nothing (null)"
    word = _WORDS.get(type(value), f"a {type(value).__name__}")
    return f"{word} ({str(value)[:40]})"
