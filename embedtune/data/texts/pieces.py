"""Texts without pairs prepared for training: cut into chunks (`data.pieces`), and deduplicated."""

from collections.abc import Iterator

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.checks import Gathered
from embedtune.data.rows import RawTexts
from embedtune.data.texts.normal_form import near_ids
from embedtune.data.texts.segment import passages, sentences
from embedtune.findings import Finding, counted
from embedtune.identity import text_ids


def prepare_texts(raw: RawTexts, section: DataSection) -> tuple[RawTexts, list[str], list[Finding]]:
    """Texts cut into the pieces that the section defines, each once; how they were cut, and what was left out."""
    cut = _columns(list(_pieces(raw, section)))
    said = []
    if section.pieces != "text" and len(cut) != len(raw):
        unit = "sentences" if section.pieces == "sentence" else f"passages of up to {section.passage_words:,} words"
        said.append(f"cut {counted(len(raw), 'text')} into {len(cut):,} {unit}")
    kept, findings = _without_copies(cut)
    return kept, said, findings


def _pieces(raw: RawTexts, section: DataSection) -> Iterator[tuple[str, str, str, int]]:
    """Text, place, title and document number of each piece."""
    for row, text in enumerate(raw.texts):
        place = raw.places[row] if raw.places else f"text {row + 1}"
        title = raw.titles[row] if raw.titles else ""
        document = raw.documents[row] if raw.documents else row
        if section.pieces == "sentence":
            found = sentences(text)
        else:
            found = passages(text, section.passage_words) if section.pieces == "passage" else [text]
        yield from ((piece, place, title, document) for piece in found)


def _columns(pieces: list[tuple[str, str, str, int]]) -> RawTexts:
    if not pieces:
        return RawTexts([])
    texts, places, titles, documents = zip(*pieces, strict=True)
    return RawTexts(texts, places, titles if any(titles) else (), documents)


def _without_copies(raw: RawTexts) -> tuple[RawTexts, list[Finding]]:
    """The first of each group of texts that are equal, or differ only in case, punctuation or spaces."""
    seen: set[int] = set()
    near: set[int] = set()
    kept: list[int] = []
    exact, alike = Gathered(), Gathered()
    for row, (identity, form) in enumerate(
        zip(text_ids(raw.texts).tolist(), near_ids(raw.texts).tolist(), strict=True)
    ):
        if identity in seen or form in near:
            (exact if identity in seen else alike).add(raw.places[row], raw.texts[row])
        else:
            kept.append(row)
        seen.add(identity)
        near.add(form)
    left_out = "left out, each a duplicate of an earlier one"
    findings = [
        *exact.finding("duplicate-texts", "note", f"{counted(exact.count, 'text')} {left_out}."),
        *alike.finding(
            "near-duplicate-texts",
            "note",
            f"{counted(alike.count, 'text')} {left_out} except for case, punctuation or spaces.",
        ),
    ]
    return raw.take(kept) if findings else raw, findings
