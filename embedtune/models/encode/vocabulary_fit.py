"""How well the vocabulary of an encoder fits the scripts of texts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedtune.models.encoder import Encoder, readable
from embedtune.models.folders.tokenizer_file import tokenizer_in, unknown_token_in

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_AT_ONCE = 512
# First and last character of each range of the scripts that are distinguished here.
_SCRIPTS = {
    "Hangul": ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7A3)),
    "Han": ((0x3400, 0x9FFF), (0xF900, 0xFAFF)),
    "kana": ((0x3040, 0x30FF),),
    "Latin": ((0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F)),
    "Cyrillic": ((0x400, 0x52F),),
    "Greek": ((0x370, 0x3FF),),
    "Arabic": ((0x600, 0x6FF),),
}


@dataclass(frozen=True)
class ScriptShare:
    """How a vocabulary fits the letters of one script.

    Args:
        script: such as "Hangul"; "other" for every script not named here.
        share: share of all tokens with letters that are of this script.
        pieces: number of these tokens.
        unknown: share of these tokens that are unknown to the vocabulary.
        single: share of these tokens that are a single letter or less.
    """

    script: str
    share: float
    pieces: int
    unknown: float
    single: float


def script_shares(encoder: Encoder, texts: Sequence[str]) -> list[ScriptShare]:
    """How the vocabulary fits each script in the texts, the most frequent first; empty where it is of whole words."""
    if not texts or not hasattr(_backend(encoder), "to_str"):
        return []
    return _shares(_whole_tokenizer(encoder), _unknown_token(encoder), texts)


def declared_shares(folder: Path, texts: Sequence[str]) -> list[ScriptShare]:
    """The same of a model that is not loaded, by the files of its folder; empty where they hold no such tokenizer.

    Raises:
        ModelError: a file of the folder is damaged.
    """
    tokenizer = tokenizer_in(folder) if texts else None
    return [] if tokenizer is None else _shares(tokenizer, unknown_token_in(folder), texts)


def _shares(tokenizer: "Tokenizer", unknown: str | None, texts: Sequence[str]) -> list[ScriptShare]:
    pieces: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    single: Counter[str] = Counter()
    for text, encoding in zip(texts, _encodings(tokenizer, texts), strict=True):
        for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True):
            letters = [letter for letter in text[start:end] if letter.isalpha()]
            if letters:
                script = script_of(letters[0])
                pieces[script] += 1
                lost[script] += token == unknown
                single[script] += len(letters) <= 1
    every = sum(pieces.values())
    return [
        ScriptShare(script, count / every, count, lost[script] / count, single[script] / count)
        for script, count in pieces.most_common()
    ]


def script_of(letter: str) -> str:
    """The script a letter belongs to.

    >>> script_of("한"), script_of("é"), script_of("ก")
    ('Hangul', 'Latin', 'other')
    """
    code = ord(letter)
    return next(
        (name for name, spans in _SCRIPTS.items() if any(low <= code <= high for low, high in spans)),
        "other",
    )


def _encodings(tokenizer: "Tokenizer", texts: Sequence[str]) -> Iterator[Any]:
    for start in range(0, len(texts), _AT_ONCE):
        yield from tokenizer.encode_batch([readable(text) for text in texts[start : start + _AT_ONCE]])


def _whole_tokenizer(encoder: Encoder) -> "Tokenizer":
    """A copy of the encoder's tokenizer that neither truncates nor pads."""
    from tokenizers import Tokenizer

    copy = Tokenizer.from_str(_backend(encoder).to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def _backend(encoder: Encoder) -> Any:
    """The tokenizer of the library `tokenizers` that the encoder uses, or its own of another kind."""
    tokenizer = encoder.model.tokenizer
    return getattr(tokenizer, "backend_tokenizer", tokenizer)


def _unknown_token(encoder: Encoder) -> str | None:
    tokenizer = encoder.model.tokenizer
    named = getattr(tokenizer, "unk_token", None)
    return named or getattr(getattr(tokenizer, "model", None), "unk_token", None)
