"""Several data sets as one: their rows one after another, each with its number, and each set judged by itself.

Why in this order. Each set is read, split and checked as if it were alone, so that it is judged on the same queries as
alone. Only then are rows joined, and every test is compared with the rows of all other sets: a test query may be a
training text of another set.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.config.sections.learned_data import DataSection
from embedtune.config.sections.several_sets import SetSection
from embedtune.data.checks.quick import check_overlap
from embedtune.data.prepare import TrainingData, prepare
from embedtune.data.rows import RetrievalSet, Rows, ScoredPairs
from embedtune.data.sets.choices import Choices
from embedtune.data.sets.graded import shared_pairs
from embedtune.data.sets.scored_set import ScoredSet
from embedtune.data.sources.base import Source
from embedtune.errors import ConfigError, DataError
from embedtune.findings import Finding

OWN_KEYS = tuple(key for key in SetSection.model_fields if key in DataSection.model_fields)


def sets_of(section: DataSection) -> list[DataSection]:
    """Each set as a section of its own, the first one first."""
    alone = section.model_copy(update={"further": []})
    return [alone, *(alone.model_copy(update={key: getattr(one, key) for key in OWN_KEYS}) for one in section.further)]


def set_names(section: DataSection) -> list[str]:
    """What results call each set: as named, or by its file or folder; where that name is taken, with a number.

    >>> from embedtune.config.sections.several_sets import SetSection
    >>> set_names(DataSection(source="a/train.jsonl", further=[SetSection(source="b/train.jsonl")]))
    ['train', 'train-2']
    """
    sections = sets_of(section)
    taken = {one.name for one in sections if one.name}
    names: list[str] = []
    for one in sections:
        name = one.name or next(name for name in _possible_names(one.source) if name not in taken)
        taken.add(name)
        names.append(name)
    return names


def _possible_names(source: str) -> Iterator[str]:
    """The name of the file or folder, then the same with numbers."""
    name = Path(source).name.split(".")[0] or source
    yield name
    yield from (f"{name}-{number}" for number in count(2))


def _renamed(sections: Sequence[DataSection], names: Sequence[str]) -> Iterator[str]:
    """A sentence for each set that is not called as its file or folder is, because that name is taken."""
    for one, name in zip(sections, names, strict=True):
        usual = next(_possible_names(one.source))
        if not one.name and name != usual:
            yield f"{one.source} is called {name}, because another set is called {usual}; --data NAME=SET names it"


def prepare_sets(section: DataSection, seed: int, *, source: Source | None = None) -> TrainingData:
    """The data of one set or of several; arguments and errors as of `prepare`, `source` being the first set's.

    Raises:
        ConfigError: one of several sets has texts without pairs.
    """
    sections, names = sets_of(section), set_names(section)
    if len(sections) == 1:
        return _with_settings(prepare(section, seed, source=source), section, several=False)
    found = [
        _with_settings(_prepared(one, seed, source if number == 0 else None), one, several=True)
        for number, one in enumerate(sections)
    ]
    return _joined(found, sections, names)


def _prepared(section: DataSection, seed: int, source: Source | None) -> TrainingData:
    """One of several sets, as `prepare` reads it; --columns and --group hold for all, and this one may lack them."""
    try:
        return prepare(section, seed, source=source)
    except DataError as error:
        about_one = error.next is None or any(option in error.next for option in ("--columns", "--group"))
        if about_one and (section.columns or section.group):
            error.retry = None
            error.next = (
                "--columns and --group hold for every --data; where sets differ, give each its own in a recipe: "
                "`data:` as a list of sets, each with source, columns and group"
            )
        raise


def _with_settings(data: TrainingData, section: DataSection, *, several: bool) -> TrainingData:
    """A set's rows with its own prompts and no more negatives than it asks for."""
    if several and (data.unpaired or data.views is not None):
        raise ConfigError(
            "one of several sets has texts without pairs, or views of texts",
            where=section.source,
            next="train on this set alone, or give pairs",
        )
    rows = data.train
    if section.negatives is not None and rows.negatives:
        scores = rows.teacher_scores
        rows = replace(
            rows,
            negatives=[own[: section.negatives] for own in rows.negatives],
            teacher_scores=None if scores is None else [own[: 1 + section.negatives] for own in scores],
        )
    if section.prompts:
        own = (section.prompts.get("query"), section.prompts.get("document"))
        rows = replace(rows, prompts=[own] * len(rows) if rows.prompts is None else rows.prompts)
    sets = tuple(replace(one, prompts={**section.prompts}) for one in data.sets)
    return data if rows is data.train else replace(data, train=rows, sets=sets)


def _joined(found: Sequence[TrainingData], sections: Sequence[DataSection], names: Sequence[str]) -> TrainingData:
    rows = joined_rows([one.train for one in found])
    sets, findings = [], list[Finding]()
    for number, (own, name) in enumerate(zip(found, names, strict=True)):
        others = joined_rows([one.train for place, one in enumerate(found) if place != number])
        scored = own.sets[0] if own.sets else ScoredSet(name, own.dev, own.test, unseen=own.unseen)
        scored = replace(scored, name=name, kept=None, prompts={**sections[number].prompts})
        shared, unseen = _shared(others, scored.test, own.unseen)
        findings += [replace(one, message=f"{name}: {one.message}") for one in own.findings]
        findings += [replace(one, message=f"the other sets and the test of {name}: {one.message}") for one in shared]
        sets.append(replace(scored, unseen=unseen))
    return TrainingData(
        train=rows,
        dev=found[0].dev,
        test=found[0].test,
        texts=list(dict.fromkeys(_without_asked(found))),
        known_positives=np.unique(np.concatenate([one.known_positives for one in found]), axis=0),
        described=(
            *_renamed(sections, names),
            *(f"{name}: {said}" for one, name in zip(found, names, strict=True) for said in one.described),
        ),
        findings=tuple(findings),
        hashes={
            f"{name}/{file}": sha for one, name in zip(found, names, strict=True) for file, sha in one.hashes.items()
        },
        unseen=sets[0].unseen,
        sets=tuple(sets),
    )


def _shared(
    others: Rows, test: RetrievalSet | ScoredPairs | Choices | None, unseen: frozenset[str]
) -> tuple[list[Finding], frozenset[str]]:
    """What the rows of other sets share with the test of a set, and which of its unseen queries remain so."""
    if isinstance(test, Choices):
        return [], frozenset()
    if isinstance(test, ScoredPairs):
        return shared_pairs(others, test), frozenset()
    found, still = check_overlap(others, None, test)
    return [one for one in found if one.code != "weak-test"], unseen & still


def _without_asked(found: Sequence[TrainingData]) -> Iterable[str]:
    """The texts that a starter may know: those of all sets, without the dev and test texts of any."""
    asked: set[str] = set()
    for one in found:
        for part in (one.dev, one.test):
            asked |= set(part.queries.values()) if part is not None else set()
        for pairs in (part for own in one.sets for part in (own.dev, own.test, own.kept) if part is not None):
            asked |= {*pairs.first, *pairs.second} if isinstance(pairs, ScoredPairs) else set()
    return (text for one in found for text in one.texts if text not in asked)


def joined_rows(parts: Sequence[Rows]) -> Rows:
    """Rows of several sets, one set after another; what a set does not have is filled with what means nothing."""
    sources = list(chain.from_iterable([number] * len(one) for number, one in enumerate(parts)))
    return Rows(
        anchors=[text for one in parts for text in one.anchors],
        positives=[text for one in parts for text in one.positives],
        negatives=_column(parts, "negatives", ()) or (),
        labels=_labels(parts),
        teacher_scores=_column(parts, "teacher_scores", ()),
        groups=_column(parts, "groups", ""),
        places=[place for one in parts for place in one.places or [""] * len(one)],
        weights=_column(parts, "weights", 1.0),
        grades=_column(parts, "grades", float("nan")),
        prompts=_column(parts, "prompts", (None, None)),
        sources=sources,
    )


def _column(parts: Sequence[Rows], name: str, nothing: Any) -> list[Any] | None:
    """A column of all parts; None where none of them has it."""
    if not any(getattr(one, name) for one in parts):
        return None
    return [value for one in parts for value in getattr(one, name) or [nothing] * len(one)]


def _labels(parts: Sequence[Rows]) -> list[str] | None:
    """Classes, told apart by their set; a row of a set without classes is one of its own."""
    if all(one.labels is None for one in parts):
        return None
    return [
        f"{number}:{label}"
        for number, one in enumerate(parts)
        for label in (one.labels or [f"row {row}" for row in range(len(one))])
    ]
