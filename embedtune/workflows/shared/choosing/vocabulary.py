"""Whether the vocabulary of an encoder fits the texts: its tokenizer alone shows it, before anything is trained."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from embedtune.config.sections.encoder import ModelSection
from embedtune.errors import ModelError
from embedtune.findings import Finding
from embedtune.models.encode.vocabulary_fit import ScriptShare, declared_shares, script_shares
from embedtune.models.sources.resolve import resolve
from embedtune.signals import only_texts

if TYPE_CHECKING:
    from embedtune.models.encoder import Encoder

UNKNOWN, SINGLE, PRESENT = 0.01, 0.6, 0.05
"""Shares from which unknown pieces, single letters and a script as such matter."""
TEXTS = 2000
"""About how many are looked at."""
_SINGLE_BY_NATURE = ("Han", "kana")


def vocabulary(encoder: "Encoder", columns: Mapping[str, Sequence[str]]) -> tuple[list[ScriptShare], list[Finding]]:
    """How well the encoder's vocabulary fits each script of the texts, and findings where it does not."""
    shares = script_shares(encoder, _some(columns))
    return shares, _findings(encoder.name, shares)


def declared_vocabulary(section: ModelSection, columns: Mapping[str, Sequence[str]]) -> list[Finding]:
    """The same findings by the files of a model that is not loaded; none where the files are not here."""
    try:
        folder = resolve(section).path
        shares = [] if folder is None else declared_shares(folder, _some(columns))
    except ModelError:  # which loading the model will report
        return []
    return _findings(section.name, shares)


def _some(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Texts from all of each column: the first ones may be of one language."""
    most = max(1, TEXTS // max(1, len(columns)))
    return only_texts(text for texts in columns.values() for text in texts[:: max(1, -(-len(texts) // most))])


def _findings(name: str, shares: Sequence[ScriptShare]) -> list[Finding]:
    findings = []
    for one in shares:
        single = one.single if one.script not in _SINGLE_BY_NATURE else 0.0
        if one.share < PRESENT or (one.unknown < UNKNOWN and single < SINGLE):
            continue
        message = (
            f"the vocabulary of {name} does not fit {one.script} text ({one.share:.0%} of the pieces with "
            f"letters): {one.unknown:.0%} of its pieces are unknown and {one.single:.0%} are single letters."
        )
        fix = "Name an encoder made for this language, such as intfloat/multilingual-e5-small."
        findings.append(Finding("vocabulary-does-not-fit", "warning", one.pieces, message, fix))
    return findings
