"""The data of a run, cut into domains: each with its own rows, dev and test queries, as if it were all there is.

Rows are read once more for the column that names the domains, since `--group` may name another. A training row is in
the domain of its line; a query in that of the first row that asks it. What a domain is scored on is of the kind that
the run is scored on: judged queries, or choices among descriptions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from embedtune.config.sections.domains import DATA, DomainsSection
from embedtune.config.sections.learned_data import DataSection
from embedtune.config.suggest import did_you_mean
from embedtune.data.domains.named import Judged, domains_of_lines, domains_of_queries
from embedtune.data.domains.store import known_of
from embedtune.data.prepare import TrainingData
from embedtune.data.rows import LabelledTexts, RetrievalSet, Rows, ScoredPairs
from embedtune.data.sets.choices import Choices
from embedtune.data.sets.scored_set import ScoredSet
from embedtune.data.splits.classes import pair_within_classes
from embedtune.data.splits.judged_rows import part_of
from embedtune.errors import ConfigError, DataError
from embedtune.findings import counted
from embedtune.identity import text_ids
from embedtune.signals import is_signal


@dataclass(frozen=True)
class Domain:
    """A domain and its data.

    Args:
        name: the value of the column, or the name of its data set.
        data: its rows and judged queries; `texts` are those of all domains.
    """

    name: str
    data: TrainingData

    @property
    def test(self) -> Judged | None:
        """What forgetting is measured on."""
        scored = self.data.sets[0].test if self.data.sets else self.data.test
        return None if isinstance(scored, ScoredPairs) else scored


def domains_of(data: TrainingData, section: DataSection, asked: DomainsSection, seed: int) -> list[Domain]:
    """The domains, in the order in which they are learned.

    Raises:
        DataError: there are fewer than two, or one has too little to learn from or to be judged by.
        ConfigError: the order names others.
    """
    found = _by_set(data) if asked.by == DATA else _by_column(data, section, str(asked.by), seed)
    for one in found.values():
        _demand_enough(one, section.source)
    if len({type(one.test) for one in found.values()}) > 1:
        raise DataError(
            "some domains are scored by a ranking, and others by a choice among descriptions",
            where=section.source,
            next="give all of them signals with a class, or none",
        )
    return [found[name] for name in _ordered(list(found), asked.order, section.source)]


def _ordered(names: Sequence[str], order: Sequence[str], where: str) -> Sequence[str]:
    """The names in the order that was asked for."""
    if len(names) < 2:
        raise DataError(
            f"all rows are of one domain, {names[0]!r}" if names else "there are no domains",
            where=where,
            next="name a column with several values, or leave out --domains",
        )
    for name in order:
        if name not in names:
            raise ConfigError(
                f"there is no domain {name!r}{did_you_mean(name, names)}",
                where="domains.order",
                next=f"the domains are {', '.join(names)}",
            )
    if order and len(order) < len(names):
        missing = ", ".join(name for name in names if name not in order)
        raise ConfigError(f"the order lacks {missing}", where="domains.order", next="name every domain once")
    return order or names


def _by_set(data: TrainingData) -> dict[str, Domain]:
    """Each data set as a domain."""
    sources = np.asarray(data.train.sources)
    found = {}
    for number, one in enumerate(data.sets):
        if isinstance(one.dev, ScoredPairs) or isinstance(one.test, ScoredPairs):
            raise DataError("scored pairs cannot be a domain", where=one.name, next="give pairs, or leave it out")
        rows = replace(data.train.take(np.flatnonzero(sources == number).tolist()), sources=None)
        found[one.name] = _domain(one.name, data, rows, one.dev, one.test, one.unseen)
    return found


def _by_column(data: TrainingData, section: DataSection, column: str, seed: int) -> dict[str, Domain]:
    by_place, by_text = domains_of_lines(section, column)
    anchors = data.train.anchor_ids.tolist()
    places = data.train.places or [""] * len(anchors)
    of_row = [by_place.get(place) or by_text.get(text, "") for place, text in zip(places, anchors, strict=True)]
    whole = data.sets[0] if data.sets else ScoredSet("", data.dev, data.test)
    dev, test = (None if isinstance(one, ScoredPairs) else one for one in (whole.dev, whole.test))
    of_dev, of_test = (domains_of_queries(one, by_text, column) for one in (dev, test))
    numbers = np.asarray(of_row)
    return {
        name: _domain(
            name,
            data,
            _own_pairs(data.train, np.flatnonzero(numbers == name), seed),
            _queries_of(dev, of_dev, name),
            _queries_of(test, of_test, name),
            data.unseen,
        )
        for name in dict.fromkeys([*by_place.values(), *by_text.values(), *of_row])
    }


def _queries_of(judged: Judged | None, domains: Sequence[str], name: str) -> Judged | None:
    """The queries of a domain, judged against the same corpus or descriptions as all."""
    if judged is None or name not in domains:
        return None
    if isinstance(judged, Choices):
        return judged.take([place for place, own in enumerate(domains) if own == name])
    texts = text_ids(judged.queries.values())  # (Q,)
    return part_of(judged, texts[np.asarray(domains) == name], judged.name)


def _own_pairs(train: Rows, numbers: np.ndarray, seed: int) -> Rows:
    """The rows of a domain. Texts that were paired within their class are paired again within the domain, or a row
    would show a text of a domain that comes later."""
    rows = train.take(numbers.tolist())
    if rows.labels is None or np.isin(rows.positive_ids, rows.anchor_ids).all():
        return rows
    if not np.isin(rows.positive_ids, train.anchor_ids).all():  # positives of their own, not other texts of a class
        return rows
    return pair_within_classes(LabelledTexts(rows.anchors, rows.labels, rows.groups, rows.places), seed)[0]


def _domain(
    name: str,
    data: TrainingData,
    rows: Rows,
    dev: Judged | None,
    test: Judged | None,
    unseen: frozenset[str],
) -> Domain:
    scored: dict[str, Any] = {"dev": dev, "test": test, "unseen": frozenset(), "sets": ()}
    if isinstance(test, RetrievalSet):
        scored["unseen"] = unseen & test.queries.keys()
    elif isinstance(test, Choices):
        # No dev: after a few steps all signals of the new domain are right, long before kept ones are learned again,
        # and the first of equal models would be chosen. On three machines with 100 kept it forgot 0.04, the last 0.00.
        scored |= {"dev": None, "test": None, "sets": (ScoredSet("signals", None, test),)}
    described = (f"domain {name}: {counted(len(rows), 'pair')}",)
    return Domain(
        name,
        replace(
            data,
            train=rows,
            known_positives=known_of(rows, data.known_positives),
            described=described,
            findings=(),
            **scored,
        ),
    )


def _more_tests(of_signals: bool) -> str:
    """How a domain gets something to be tested by."""
    if of_signals:
        return "give it recordings of its own to be tested by: a folder with `train` and `test` files, or --eval-data"
    return "give it more pairs, a test file next to the training file, or judged queries with --eval-data"


def _demand_enough(one: Domain, where: str) -> None:
    if len(one.data.train) < 2:
        pairs = counted(len(one.data.train), "pair")
        raise DataError(f"the domain {one.name!r} has only {pairs} to learn from", where=where, next="give it more")
    if one.test is None:
        of_signals = any(map(is_signal, one.data.train.anchors[:1]))
        queries = "test signals" if of_signals else "test queries"
        raise DataError(
            f"the domain {one.name!r} has no {queries}, by which forgetting is measured",
            where=where,
            next=_more_tests(of_signals),
        )
    if isinstance(one.test, Choices) and len(classes := set(one.data.train.labels or ())) < 2:
        raise DataError(
            f"the training signals of the domain {one.name!r} are all of the class {''.join(classes)!r}, so there is "
            "nothing to tell apart",
            where=where,
            next="give it signals of other classes, or name a column with larger domains",
        )
