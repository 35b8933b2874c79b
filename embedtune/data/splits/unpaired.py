"""Rows made from texts alone: pieces of a corpus, paired by views."""

import shlex
from collections.abc import Collection

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.checks import Gathered
from embedtune.data.rows import RawTexts, Rows
from embedtune.data.texts.normal_form import near_ids
from embedtune.data.texts.pieces import prepare_texts
from embedtune.data.views import Views, pairing_named, parse_views
from embedtune.errors import ConfigError, DataError
from embedtune.findings import Finding, counted

BY_DESIGN = ("anchor-equals-positive", "roles-look-swapped", "test-documents-seen-in-training")
"""Findings that mean nothing for texts paired with themselves, since training has not seen any query."""

MANY = 0.1
"""Share of rows whose views cannot differ, from which that is a warning."""


def rows_of_texts(raw: RawTexts, section: DataSection, asked: Collection[int]) -> tuple[Rows, list[str], list[Finding]]:
    """The rows to learn from, before any change; how they were made, and findings about what was left out.

    The texts with the near ids `asked`, the dev and test queries, are left out.

    Raises:
        DataError: no views are named, too few texts are left, or they do not have what the views need.
        ConfigError: the views cannot be parsed.
    """
    if section.views is None:
        raise needs_views(section.source, len(raw))
    texts, said, findings = prepare_texts(raw, section)
    queries = set(asked)
    kept = [row for row, one in enumerate(near_ids(texts.texts).tolist()) if one not in queries]
    if len(kept) < len(texts):
        left = counted(len(texts) - len(kept), "text")
        findings.append(
            Finding("queries-among-texts", "note", len(texts) - len(kept), f"{left} left out: dev or test queries.")
        )
        texts = texts.take(kept)
    views = parse_views(section.views)
    rows = views.pairs(texts)
    findings += _unchanged(rows, views)
    if len(rows) < 2:
        raise DataError(
            f"only {counted(len(rows), 'pair')} could be made from {counted(len(texts), 'text')}; 2 are needed",
            where=section.source,
            next="provide more texts: a few thousand show whether training helps",
        )
    said.append(f"{counted(len(rows), 'pair')} of views ({section.views}) of {counted(len(texts), 'text')}")
    return rows, said, findings


def _unchanged(rows: Rows, views: Views) -> list[Finding]:
    """Rows whose two views are always the same text, since a single word leaves no choice."""
    if not views.changes:
        return []
    found = Gathered()
    for row, (anchor, positive) in enumerate(zip(rows.anchors, rows.positives, strict=True)):
        if anchor == positive and len(anchor.split()) < 2:
            found.add(rows.places[row] if rows.places else f"row {row + 1}", anchor)
    return found.finding(
        "views-without-words",
        "warning" if found.count > MANY * len(rows) else "note",
        f"{counted(found.count, 'text')} of {len(rows):,} with a single word, which no view can change; both views are "
        "the same.",
        "If they are written without spaces, put spaces between the words.",
    )


def texts_of(rows: Rows) -> RawTexts:
    """All texts of pairs as single texts, each a document of its own."""
    negatives = (text for own in rows.negatives for text in own)
    texts = list(dict.fromkeys([*rows.anchors, *rows.positives, *negatives]))
    return RawTexts(texts, documents=range(len(texts)))


def views_of(section: DataSection, seed: int, *, unpaired: bool) -> Views | None:
    """How the texts of each row change in each epoch, None where they do not.

    Raises:
        ConfigError: the views would pair the texts of pairs differently, or further views are wanted and none named.
    """
    if section.views is None:
        if section.further_views:
            raise ConfigError(
                "further views are requested, but no view is named", where="data.further_views", next="add --views crop"
            )
        return None
    pairing = pairing_named(section.views)
    if pairing is not None and not unpaired:
        raise ConfigError(
            f"the data has pairs, and {pairing!r} would pair its texts differently",
            where="--views",
            next="add --texts-only to learn from the texts alone, or name only changes, such as --views delete",
        )
    views = parse_views(section.views, further=section.further_views, seed=seed)
    return views if views.changes or views.further else None


def queries_made(source: str) -> str:
    """How texts without pairs get queries to be tested on, as a sentence with the command.

    >>> queries_made("a b.txt")
    "`embedtune data queries 'a b.txt' --output queries` makes queries: train and test on them with --data queries."
    """
    command = f"`embedtune data queries {shlex.quote(source)} --output queries`"
    return f"{command} makes queries: train and test on them with --data queries."


def needs_views(name: str, texts: int) -> DataError:
    """The error for texts without pairs where no views are named."""
    return DataError(
        f"these are {texts:,} texts without pairs; the chosen losses need pairs",
        where=name,
        next="make views of them (--views crop), or provide rows with the columns anchor and positive, or text and "
        "label (other names: --columns label=COLUMN)",
    )
