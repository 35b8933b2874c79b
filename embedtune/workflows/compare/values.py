"""Values per query of everything that can be compared: a training run, an evaluation, or a TREC run on judged data."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from embedtune.data.rows import RetrievalSet
from embedtune.data.sources.judged_source import read_judged
from embedtune.errors import ConfigError, DataError, raise_machine_fault
from embedtune.evaluation.rankers import Run, by_run
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.tasks.question import questions_of
from embedtune.evaluation.tasks.retrieval import demand_judged, score_ranking
from embedtune.evaluation.trec import read_run, run_findings
from embedtune.findings import Finding
from embedtune.workflows.shared.evaluation_folder import PER_QUERY, RESULT
from embedtune.workflows.shared.run_folder import RunFolder
from embedtune.workflows.shared.scoring import AFTER_RUN, BEFORE_RUN

_ASK = "name a run folder of `embedtune train`, a folder of `embedtune evaluate`, or a TREC run with --data"


class QueryMarks(NamedTuple):
    """The marks of a query's text and judgments, and of the documents that were ranked for it."""

    question: str
    candidates: str


@dataclass(frozen=True)
class Values:
    """The values of one system on each query.

    Args:
        name: as the user named it.
        scores: query -> metric -> value; with several sets, the name of a query includes its set.
        sets: names of the sets; empty if unknown.
        unseen: the queries whose documents training never saw; None if unknown.
        items: metric -> what it was computed for, in the plural, if not queries.
        rankings: name of the set -> TREC run, if the rankings were kept.
        by_vectors: whether the rankings come from comparing vectors.
        hashes: of the files with the queries, if known.
        questions: what each query asks; none of those that recorded nothing.
        trained: the run whose model this is, after training.
        groups: column -> query -> its group, where queries were evaluated by group.
        depth: the most documents per query in the TREC file that was scored, which may have been cut anywhere; None
            where the ranking was made for the metrics.
    """

    name: str
    scores: Mapping[str, Mapping[str, float]]
    sets: frozenset[str] = frozenset()
    unseen: frozenset[str] | None = None
    items: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    rankings: Mapping[str, Path] = field(default_factory=dict)
    by_vectors: bool = False
    folder: Path | None = None
    hashes: frozenset[str] = frozenset()
    questions: Mapping[str, QueryMarks] = field(default_factory=dict)
    trained: Path | None = None
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    depth: int | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def metrics(self) -> list[str]:
        """All metrics; sets of several kinds have several."""
        return list(dict.fromkeys(name for own in self.scores.values() for name in own))

    @property
    def documents(self) -> int | None:
        """How many documents were ranked at most; None if unknown."""
        counts = [mark.candidates.partition(":")[0] for mark in self.questions.values()]
        return max((int(count) for count in counts if count.isascii() and count.isdigit()), default=None)

    def having(self, metrics: Sequence[str]) -> "Values":
        """Only the queries that these metrics were computed for."""
        return replace(self, scores={query: own for query, own in self.scores.items() if own.keys() >= set(metrics)})


@dataclass(frozen=True)
class Sources:
    """Reads what a comparison names; judged data is read once, and only when needed.

    Args:
        data: the judged data, or None; TREC runs need it.
        split: of the judged data.
        metrics: for scoring TREC runs.
        group: the column of the judged data that says which queries count as one.
    """

    data: str | None
    split: str
    metrics: Sequence[str]
    group: str | None = None

    def read(self, name: str) -> Values:
        """The values of one system: a path, followed by `#` and a name if the folder holds several systems.

        Raises:
            DataError: there is nothing to compare under that name.
            ConfigError: it does not say which system, or a TREC run was named without data.
        """
        path, choice = Path(name).expanduser(), ""
        if not path.exists() and "#" in name:
            folder, _, choice = name.rpartition("#")
            path = Path(folder).expanduser()
        if path.is_file():
            return self._of_run(name, path)
        if not (path / PER_QUERY).is_file():
            raise DataError(_lacking(path), where=name, next=_ASK)
        lines = _lines(path / PER_QUERY)
        try:
            return (_of_evaluation if "scores" in lines[0] else _of_training)(name, path, lines, choice)
        except (LookupError, TypeError, AttributeError) as error:
            raise _damaged(str(path / PER_QUERY)) from error

    def _of_run(self, name: str, path: Path) -> Values:
        if self.data is None:
            raise ConfigError(
                "a TREC run does not say which documents are relevant", where=name, next="add --data SET, and --split"
            )
        run, judged, queries = read_run(path), self._arrays, self.judged.queries
        asked, grouping = questions_of(judged), self.judged.groups
        scores = score_ranking(by_run(run, judged), judged, self.metrics).per_query
        return Values(
            name,
            {
                query: {metric: float(values[row]) for metric, values in scores.items()}
                for row, query in enumerate(judged.query_ids)
            },
            sets=frozenset([judged.name]),
            texts=queries,
            rankings={judged.name: path},
            questions={query: QueryMarks(**asked.of(row)) for row, query in enumerate(judged.query_ids)},
            groups={} if grouping is None else {grouping.column: grouping.of},
            depth=_depth(run),
            findings=tuple(run_findings(name, run, judged, queries)),
        )

    @cached_property
    def judged(self) -> RetrievalSet:
        """The judged data of the command."""
        return read_judged(str(self.data), self.split, {}, group=self.group).judged

    @cached_property
    def _arrays(self) -> JudgedSet:
        judged = as_arrays(self.judged)
        demand_judged(judged)
        return judged


def _lacking(path: Path) -> str:
    if RunFolder(path).begun:
        return "this run has no values per query: it is unfinished, or had no test queries"
    return f"there is no {PER_QUERY} in this folder" if path.is_dir() else "no such file or folder"


def _of_training(name: str, folder: Path, lines: list[dict[str, Any]], choice: str) -> Values:
    """The trained model of a run, or with `#before` the encoder before training."""
    when = choice or "after"
    if when not in ("before", "after"):
        raise ConfigError(f"a training run holds before and after, not {when!r}", where=name)
    unseen = frozenset(line["query"] for line in lines if line["unseen"])
    ranking = folder / {"before": BEFORE_RUN, "after": AFTER_RUN}[when]
    return Values(
        name,
        {line["query"]: line[when] for line in lines},
        unseen=unseen,
        texts={line["query"]: line["text"] for line in lines if line.get("text") is not None},
        rankings={"": ranking} if ranking.is_file() else {},
        by_vectors=True,
        folder=folder,
        questions=_questions([line["query"] for line in lines], lines),
        groups=_groups([line["query"] for line in lines], lines),
        trained=folder.resolve() if when == "after" else None,
    )


def _of_evaluation(name: str, folder: Path, lines: list[dict[str, Any]], choice: str) -> Values:
    labels = list(lines[0]["scores"])
    label = choice or labels[0]
    if label not in labels or (len(labels) > 1 and not choice):
        problem = f"does not hold {choice!r}" if choice else "holds several systems"
        raise ConfigError(
            f"this evaluation {problem}; it has {', '.join(labels)}",
            where=name,
            next=f"name one of them: {folder}#{labels[-1]}",
        )
    sets = frozenset(line["data"] for line in lines)
    known = any("unseen" in line for line in lines)
    keys = [in_set(line["data"], line["query"], several=len(sets) > 1) for line in lines]
    result = _result(folder)
    rows = [row for row in result.get("models", ()) if row.get("label") == label]
    items = {row["data"]: row["items"] for row in rows if row.get("items")}
    return Values(
        name,
        {key: line["scores"][label] for key, line in zip(keys, lines, strict=True)},
        sets=sets,
        unseen=frozenset(key for key, line in zip(keys, lines, strict=True) if line.get("unseen")) if known else None,
        items={name: items[line["data"]] for line in lines if line["data"] in items for name in line["scores"][label]},
        texts={key: line["text"] for key, line in zip(keys, lines, strict=True)},
        hashes=frozenset(result.get("facts", {}).get("data_sha256", {}).values()),
        rankings={row["data"]: path for row in rows if (path := _found(folder, row.get("run"))) is not None},
        by_vectors=any(row.get("dimensions") is not None for row in rows),
        folder=folder,
        questions=_questions(keys, lines),
        groups=_groups(keys, lines),
        trained=next((run for row in rows if (run := _run_of(row.get("model"))) is not None), None),
        depth=min((_depth(read_run(path)) for row in rows if (path := _given(folder, row)) is not None), default=None),
    )


def _questions(keys: Sequence[str], lines: Sequence[Mapping[str, Any]]) -> dict[str, QueryMarks]:
    """What each query asks, of the lines that say so."""
    marks = [(key, line.get("question"), line.get("candidates")) for key, line in zip(keys, lines, strict=True)]
    return {key: QueryMarks(one, all_) for key, one, all_ in marks if isinstance(one, str) and isinstance(all_, str)}


def _groups(keys: Sequence[str], lines: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Column -> query -> group, of the lines that name one; groups of several sets are told apart."""
    found: dict[str, dict[str, str]] = {}
    sets = {line.get("data") for line in lines}
    for key, line in zip(keys, lines, strict=True):
        for column, value in line.get("group", {}).items():
            found.setdefault(column, {})[key] = in_set(str(line.get("data")), str(value), several=len(sets) > 1)
    return found


def _depth(run: Run) -> int:
    return max(map(len, run.values()), default=0)


def _given(folder: Path, row: Mapping[str, Any]) -> Path | None:
    """The TREC file of a row that was given to the evaluation and not made by it, if it is still there."""
    path = _found(folder, row.get("run"))
    return path if path is not None and Path(str(row.get("model"))) == Path(str(row.get("run"))) else None


def _run_of(model: object) -> Path | None:
    """The training run that an encoder is the model of, by its folder."""
    run = RunFolder(Path(str(model)).expanduser().parent)
    return run.path.resolve() if run.begun and Path(str(model)).name == run.model.name else None


def in_set(name: str, identity: str, *, several: bool) -> str:
    """The id of a query or document, preceded by the name of its set if there are several sets."""
    return f"{name}: {identity}" if several else identity


def _found(folder: Path, run: str | None) -> Path | None:
    """The file of a ranking; an evaluation's own files are in its folder, even if that was moved."""
    places = (folder / Path(run).name, Path(run)) if run else ()
    try:
        return next((path for path in places if path.is_file()), None)
    except (OSError, ValueError):  # no name of a file, such as one of thousands of letters
        return None


def _lines(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with path.open("rb") as file:  # not as text, because a broken character is damage too
        for number, line in enumerate(file, 1):
            try:
                record = json.loads(line)
                record["query"], record["scores" if "scores" in record else "after"]
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise _damaged(f"{path}:{number}") from error
            found.append(record)
    if not found:
        raise DataError("it holds no queries", where=str(path), next=_ASK)
    return found


def _damaged(place: str) -> DataError:
    return DataError(
        "not a per-query result line written by embedtune",
        where=place,
        next="the file was damaged; train or evaluate again",
    )


def _result(folder: Path) -> dict[str, Any]:
    try:
        result = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise_machine_fault(error, folder / RESULT)
        return {}  # only checked against, never needed
    return result if isinstance(result, dict) else {}
