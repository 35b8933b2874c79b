"""Labelled signals with descriptions of their classes: divided by group, paired with a text, judged by a choice.

Why in this order. A signal that is there twice is dropped first. Then complete groups are held out, a few of each
class: windows of one recording are near copies of each other, and a test on windows of a recording that was trained on
says how well the recording was memorised, nothing about the next machine. Only then is each training signal paired with
a description of its class. All descriptions of a class are known positives of its signals, so that none of them is ever
taken for a wrong answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.rows import LabelledTexts, Rows
from embedtune.data.sets.choices import Choices
from embedtune.data.sources.base import Source
from embedtune.data.splits.classes import distinct
from embedtune.data.splits.groups import HELD_OUT, draw
from embedtune.data.texts.wordings import Wordings, read_wordings
from embedtune.data.views import parse_views
from embedtune.errors import DataError
from embedtune.findings import Finding, counted
from embedtune.identity import text_ids
from embedtune.signals import KNOWN, is_signal

GROUP_NAMES = ("recording", "record", "run", "session", "file", "bearing", "machine", "subject", "patient")
"""Columns that usually say which windows belong together, the most telling first."""
ASKED_ABOUT = ("recording", "bearing", "machine", "subject", "patient", "domain", "load", "speed")
"""Columns by which a test may be new: new windows, recordings, bearings and loads are four questions."""
FEWEST_GROUPS = {"test": 3, "dev": 6}
"""A class with fewer groups has none in this part, or too little would be left to learn it from. More for dev: a model
that is chosen on one recording a class is chosen by chance."""


@dataclass(frozen=True)
class Described:
    """Labelled signals, divided and paired.

    Args:
        train: the rows to learn from: signal, a description of its class.
        known: (P, 2) int64 ids of each signal and each description of its class.
        judged: "dev" and "test" -> what is chosen there.
        hashes: file name -> sha256 of the descriptions.
        said: how it was divided, in sentences.
        findings: what to know about it.
    """

    train: Rows
    known: np.ndarray
    judged: Mapping[str, Choices]
    hashes: Mapping[str, str]
    said: tuple[str, ...]
    findings: tuple[Finding, ...]


def demand_groups(content: LabelledTexts | Rows, section: DataSection) -> None:
    """Refuse to divide signals where nothing says which of them belong together.

    Raises:
        DataError: no group column is named; proposes one that the rows have. Or views of words are asked for.
    """
    names = content.texts if isinstance(content, LabelledTexts) else content.anchors
    if not names or not is_signal(names[0]):
        return
    if section.views is not None and not parse_views(section.views).of_signals:
        raise DataError(
            "these views change words, and signals have none",
            where=f"--views {section.views}",
            next="use views of signals, such as --views jitter+roll, or leave it out",
        )
    if section.group is not None:
        return
    columns = KNOWN[names[0]].facts
    proposed = next((name for name in GROUP_NAMES if name in columns), None)
    raise DataError(
        "windows of one recording are near copies of each other, so signals are divided and tested by recording, and "
        "nothing says which recording a window is from",
        where=section.source,
        next=f"--group {proposed}" if proposed else "name the column that does: --group COLUMN",
    )


def divide_described(
    content: LabelledTexts, given: Mapping[str, LabelledTexts], parts: Sequence[str], section: DataSection, seed: int
) -> Described:
    """Labelled signals as training rows and choices.

    Args:
        content: to learn from.
        given: "dev" and "test" -> signals that the source has for them.
        parts: what is still to be held out.
        section: names descriptions and group column.
        seed: of what is held out, and of who gets which description.

    Raises:
        DataError: a class has no description, or there is only one class.
    """
    descriptions = read_wordings(Path(str(section.descriptions)).expanduser())
    judging = descriptions
    if section.judged_descriptions is not None:
        judging = read_wordings(Path(section.judged_descriptions).expanduser())
    content, findings = distinct(content)
    for one, wordings in ((content, descriptions), *((own, judging) for own in given.values())):
        wordings.demand(one, section.source)
    held, said = dict(given), list[str]()
    if parts:
        part_of = _held_out(content, parts, seed)
        held |= {part: content.take(np.flatnonzero(part_of == part).tolist()) for part in parts}
        content = content.take(np.flatnonzero(part_of == "").tolist())
    if len(set(content.labels)) < 2:
        raise DataError(
            "the training signals are of one class, so there is nothing to tell apart", where=section.source
        )
    column = str(section.group)
    judged = {part: Choices.of(one, judging.of, column) for part, one in held.items() if len(one)}
    if "dev" in parts and "dev" not in judged:
        said.append(f"dev: none; fewer than {FEWEST_GROUPS['dev']} groups in most classes, so the last step is kept")
    said += [_size("train", content, column)] + [_size(part, held[part], column) for part in judged]
    if "test" in judged:
        said.append(_question(content, held["test"], column))
    said.append(f"{descriptions.described}, of which each is a known positive of every signal of its class")
    findings += _leaks(content, held, column)
    hashes = {**descriptions.hashes, **judging.hashes}
    return Described(
        _paired(content, descriptions, seed),
        _known(content, descriptions),
        judged,
        hashes,
        tuple(said),
        tuple(findings),
    )


def choices_elsewhere(source: Source, split: str, section: DataSection) -> Choices:
    """The choices that the signals of another source are given.

    Raises:
        DataError: it does not hold labelled signals.
    """
    content = source.part(split, section.columns, section.group).content
    if not isinstance(content, LabelledTexts):
        raise DataError("the run is judged by labelled signals, and these are not", where=source.name)
    wordings = read_wordings(Path(str(section.judged_descriptions or section.descriptions)).expanduser())
    wordings.demand(content, source.name)
    return Choices.of(content, wordings.of, str(section.group))


def _held_out(content: LabelledTexts, parts: Sequence[str], seed: int) -> np.ndarray:
    """The part of each signal (n,), "" for training: about a tenth of the groups of each class, and at least one."""
    groups: dict[str, dict[str, None]] = {}
    class_of: dict[str, str] = {}
    for group, label in zip(content.groups or (), content.labels, strict=True):
        groups.setdefault(class_of.setdefault(group, label), {})[group] = None
    chosen: dict[str, str] = {}
    for part in parts:
        able = [own for own in groups.values() if len(own) >= FEWEST_GROUPS[part]]
        if len(able) < 2:
            continue  # with one class there is nothing to choose among
        for own in able:
            free = [group for group in own if group not in chosen]
            order = sorted(free, key=lambda group: draw(seed, int(text_ids([group])[0])))
            chosen |= dict.fromkeys(order[: max(1, round(HELD_OUT * len(own)))], part)
    return np.array([chosen.get(group, "") for group in content.groups or ()])


def _paired(content: LabelledTexts, descriptions: Wordings, seed: int) -> Rows:
    """Each signal with a description of its class; each description of a class gets as many as the others."""
    positives: dict[int, str] = {}
    for label in sorted(set(content.labels)):
        rows = [row for row, own in enumerate(content.labels) if own == label]
        rows.sort(key=lambda row: draw(seed, int(content.ids[row]), "describe"))
        texts = descriptions.of[label]
        positives |= {row: texts[number % len(texts)] for number, row in enumerate(rows)}
    return Rows(
        anchors=content.texts,
        positives=[positives[row] for row in range(len(content))],
        labels=content.labels,
        groups=content.groups,
        places=content.places,
    )


def _known(content: LabelledTexts, descriptions: Wordings) -> np.ndarray:
    ids = {label: text_ids(texts) for label, texts in descriptions.of.items()}
    pairs = [(name, text) for name, label in zip(content.ids, content.labels, strict=True) for text in ids[label]]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)  # (P, 2)


def _size(part: str, content: LabelledTexts, column: str) -> str:
    groups = counted(len(set(content.groups or ())), "group")
    classes = counted(len(set(content.labels)), "class")
    return f"{part}: {counted(len(content), 'signal')} in {classes}, {groups} by {column}"


def _question(train: LabelledTexts, test: LabelledTexts, column: str) -> str:
    """What a test asks about, in a sentence: how much of it is new to training, by every column that says so.

    Scores on new windows, new recordings and new bearings differ by a third, and a paper's figure is often the easiest.
    """
    facts = KNOWN[test.texts[0]].facts if is_signal(test.texts[0]) else {}
    parts = []
    for name in dict.fromkeys((column, *(one for one in ASKED_ABOUT if one in facts))):
        known, asked = (
            set(one.groups or ()) if name == column else {KNOWN[text].facts.get(name, "") for text in one.texts}
            for one in (train, test)
        )
        parts.append(f"{len(asked - known)} of {counted(len(asked), name)}")
    return f"new to training in the test: {', '.join(parts)}"


def _leaks(train: LabelledTexts, held: Mapping[str, LabelledTexts], column: str) -> list[Finding]:
    """What a test on groups that were trained on is worth."""
    known = set(train.groups or ())
    shared = sorted(known & {group for one in held.values() for group in one.groups or ()})
    if not shared:
        return []
    message = (
        f"{counted(len(shared), 'group')} by {column} {'is' if len(shared) == 1 else 'are'} on both sides "
        "of the split, and the scores say how well these are remembered, not how well others are recognised."
    )
    fix = "Give each group to one side, or leave the splits to embedtune: one file and --group."
    return [Finding("groups-on-both-sides", "warning", len(shared), message, fix, tuple(shared[:20]))]
