"""Which domain each line and each query is in, by the column that names it."""

from collections.abc import Iterable, Mapping

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.formats import Part
from embedtune.data.rows import LabelledTexts, RawTexts, RetrievalSet
from embedtune.data.sets.choices import Choices
from embedtune.data.sources.base import Source
from embedtune.data.sources.source import open_source
from embedtune.data.splits.plan import plan_splits
from embedtune.errors import DataError
from embedtune.findings import counted
from embedtune.identity import text_ids
from embedtune.signals import KNOWN

Judged = RetrievalSet | Choices
"""What a domain can be scored on."""


def domains_of_lines(section: DataSection, column: str) -> tuple[dict[str, str], dict[int, str]]:
    """The domain of each line, and of each text that starts a row."""
    by_place: dict[str, str] = {}
    by_text: dict[int, str] = {}
    for source, splits in _read_splits(section):
        for split in splits:
            content = _part(source, split, section, column).content
            if isinstance(content, RawTexts) or content.groups is None:
                raise DataError(
                    "these are texts without pairs, which have no domains",
                    where=section.source,
                    next="give pairs, or leave out --domains",
                )
            texts = content.texts if isinstance(content, LabelledTexts) else content.anchors
            by_place |= dict(zip(content.places, content.groups, strict=False))
            for text, value in zip(text_ids(texts).tolist(), content.groups, strict=True):
                by_text.setdefault(text, value)
    return by_place, by_text


def _part(source: Source, split: str, section: DataSection, column: str) -> Part:
    """A split, its groups being the domains.

    Raises:
        DataError: rows have none. All else has been read before, so whatever is wrong now is wrong with the column.
    """
    try:
        return source.part(split, section.columns, column)
    except DataError as error:
        error.where = f"--domains {column}" + (f", {error.where}" if error.where else "")
        error.next = f"give every row a {column!r}, or name another column with --domains"
        raise


def _read_splits(section: DataSection) -> Iterable[tuple[Source, tuple[str, ...]]]:
    source = open_source(section.source)
    yield source, plan_splits(source, section).read
    if section.eval_source is not None:
        other = open_source(section.eval_source)
        found = (other.find(name) for name in (section.eval_split, "dev")) if other.splits else ("",)
        yield other, tuple(dict.fromkeys(name for name in found if name is not None))


def domains_of_queries(judged: Judged | None, by_text: Mapping[int, str], column: str) -> list[str]:
    """The domain of each query of a set.

    Raises:
        DataError: some have none.
    """
    if judged is None:
        return []
    asked = _asked(judged)
    found = [by_text.get(text, "") for text in text_ids(asked).tolist()]
    if "" in found:
        text = KNOWN.shown(asked[found.index("")])
        what, whose = ("signal", "") if isinstance(judged, Choices) else ("query", f" of {judged.name}")
        raise DataError(
            f"{counted(found.count(''), what)}{whose} have no {column!r}, such as {text[:80]!r}",
            where="--domains",
            next=f"give what is judged the column {column!r}, too",
        )
    return found


def _asked(judged: Judged) -> list[str]:
    """The queries of a set, in order."""
    return list(judged.queries if isinstance(judged, Choices) else judged.queries.values())
