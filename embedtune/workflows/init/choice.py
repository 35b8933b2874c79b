"""What suits the data: an encoder for their language that can be had here, and a loss for what their rows are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from embedtune.data.prepare import TrainingData
from embedtune.models.sources.installed import stand_in
from embedtune.workflows.shared.choosing.teacher import WEIGHT, teacher_temperature, teaches

LOOKED_AT = 2_000
"""Texts that decide on the language."""
ENGLISH_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
MULTILINGUAL_MODEL = "intfloat/multilingual-e5-small"
PROMPTS = {"query": "query: ", "document": "passage: "}
LONG_WORDS = 180
"""Words beyond which MiniLM, which reads 256 tokens, would cut the usual text."""


@dataclass(frozen=True)
class ModelChoice:
    """An encoder to start from.

    Args:
        name: for `--model`.
        prompts: that it was trained with.
        reason: why this one, in a clause.
    """

    name: str
    prompts: dict[str, str] = field(default_factory=dict)
    reason: str = ""


def language_of(texts: Sequence[str]) -> str:
    """The script that most words are in: "Korean", "English" for plain Latin letters, or "several languages".

    >>> language_of(["비밀번호를 바꾸려면?"]), language_of(["How do I pay?"]), language_of(["Où est-ce ?"])
    ('Korean', 'English', 'several languages')
    """
    letters = re.sub(r"[\W\d_]", "", "".join(texts[:LOOKED_AT]))
    if not letters:
        return "several languages"
    hangul = sum("가" <= letter <= "힣" for letter in letters) / len(letters)
    if hangul > 0.5:
        return "Korean"
    plain = sum(letter.isascii() for letter in letters) / len(letters)
    return "English" if plain > 0.98 else "several languages"


def chosen_model(asked: str | None, language: str, words: float) -> ModelChoice:
    """The encoder that was asked for, or one that suits the language; one that is installed needs no network.

    Args:
        asked: by the user, or None.
        language: as `language_of` says it.
        words: the median length of a document.
    """
    if asked is not None:
        prompts = PROMPTS if re.search(r"(^|[/_-])e5\b|multilingual-e5", asked) else {}
        return ModelChoice(asked, prompts, "you named it")
    if language == "English" and words <= LONG_WORDS:
        installed = stand_in(ENGLISH_MODEL)
        if installed is not None:
            return ModelChoice(f"pip:{installed.distribution}", {}, "it is installed and reads English")
        return ModelChoice(ENGLISH_MODEL, {}, "small, and reads English; downloaded once, about 90 MB")
    why = f"small, and reads {'Korean' if language == 'Korean' else 'many languages'}; downloaded once, about 470 MB"
    return ModelChoice(MULTILINGUAL_MODEL, dict(PROMPTS), why)


@dataclass(frozen=True)
class LossChoice:
    """What the rows learn by.

    Args:
        terms: as the recipe's key `loss`; empty where `train` proposes one together with views.
        reason: why these, in a clause.
    """

    terms: list[dict[str, object]]
    reason: str

    @property
    def names(self) -> str:
        """The losses in words, such as "gist + 0.5 distill"."""
        return " + ".join(" ".join(str(term[key]) for key in ("weight", "name") if key in term) for term in self.terms)


def chosen_loss(data: TrainingData) -> LossChoice:
    """A loss for the rows, or a sum of two, with the reason."""
    rows = data.train
    if data.unpaired:
        return LossChoice([], "the data has texts without pairs: train proposes views and a loss for them")
    if rows.weights is not None:
        return LossChoice([{"name": "dpo"}], "the rows are preferences")
    if teaches(rows):
        taught = {"name": "distill", "weight": WEIGHT, "args": {"teacher_temperature": teacher_temperature(rows)}}
        reason = "the pairs are learned from, and the scores that a teacher gave to positives and negatives"
        return LossChoice([{"name": "gist"}, taught], reason)
    if rows.labels is not None:
        return LossChoice([{"name": "triplet"}], "the rows have classes")
    return LossChoice([{"name": "gist"}], "right answers among the other rows of a batch are found and left out")


def median_words(texts: Sequence[str]) -> float:
    """The median number of words of some texts; Korean ones are counted between blanks, as others are."""
    return float(median(len(text.split()) for text in texts[:LOOKED_AT])) if texts else 0.0
