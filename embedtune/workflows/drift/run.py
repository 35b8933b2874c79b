"""`embedtune drift`: how far two encoders disagree on the same texts, and whether old vectors may be kept."""

import json
import time
from pathlib import Path

import numpy as np

from embedtune.config.verbs.drift import DriftConfig
from embedtune.data.guides.guide_file import is_guide_file
from embedtune.data.sources.reading.unchanged import unchanged_inputs
from embedtune.durable import write_text
from embedtune.errors import ConfigError
from embedtune.evaluation.rankers import Ranking, by_vectors
from embedtune.evaluation.tasks.judged_arrays import JudgedSet, as_arrays
from embedtune.evaluation.tasks.retrieval import score_ranking
from embedtune.evaluation.verdicts.paired_tests import bootstrap_interval
from embedtune.evaluation.verdicts.significance import Comparison, compare_paired
from embedtune.models.encode.store import open_store
from embedtune.models.files.load import check_device
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.drift import drifting
from embedtune.reports.results.drift import ChangedAnswer, DriftResult
from embedtune.workflows.drift.verdict import moved_thresholds, verdict_on
from embedtune.workflows.shared.evaluation_folder import REPORT, file_name
from embedtune.workflows.shared.machine import machine_facts
from embedtune.workflows.shared.output_folder import fresh_folder
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.spaces.agreement import first_changed, overlap
from embedtune.workflows.shared.spaces.sides import SpaceSide, check_side
from embedtune.workflows.shared.spaces.texts import SpaceTexts, read_space_texts
from embedtune.workflows.shared.talk import Silence, Talk, tell_findings

DRIFTS, RESULT = Path("drifts"), "drift.json"
NDCG, DEPTH, SHOWN = "ndcg@10", 10, 10


@unchanged_inputs()
def drift(a: str, b: str, config: DriftConfig, *, talk: Talk | None = None) -> DriftResult:
    """Compare what two encoders find, and write a report.

    Args:
        a: the old encoder.
        b: the new one.
        config: the options.
        talk: receives what happens.

    Raises:
        EmbedtuneError: anything the user can fix; the message says how.
    """
    started = time.perf_counter()
    talk = talk or Silence()
    _check(a, b, config)
    with talk.progress(f"reading {config.data.source}"):
        texts = read_space_texts(config.data.source, config.data.columns, seed=config.run.seed)
    for sentence in texts.described:
        talk.say(sentence)
    tell_findings(talk, texts.findings)
    with fresh_folder(config.output.folder, DRIFTS, file_name(b)) as folder:
        result = _compared(a, b, config, texts, folder, talk, started)
        write_text(folder / RESULT, json.dumps(result.as_json(), ensure_ascii=False, indent=2) + "\n")
        report = drifting(result)
        write_text(folder / REPORT, page(report))
        write_text((folder / REPORT).with_suffix(".md"), markdown(report))
    return result


def _check(a: str, b: str, config: DriftConfig) -> None:
    if a == b:
        raise ConfigError("both encoders are the same", where="B", next="name the old one and the new one")
    for option, name in (("A", a), ("B", b)):
        if is_guide_file(name):
            raise ConfigError("a file of vectors cannot be compared", where=option, next="name an encoder")
        check_side(name, config.models.section(name), option)
    if config.output.folder is not None:
        read = [("--model", a), ("--model", b), ("--data", config.data.source)]
        Outputs(folders=[Path(config.output.folder).expanduser()]).demand_apart(read)
    check_device(config.run.device)


def _compared(
    a: str, b: str, config: DriftConfig, texts: SpaceTexts, folder: Path, talk: Talk, started: float
) -> DriftResult:
    judged, store = as_arrays(texts.judged), open_store(config.run.store)
    sides = [SpaceSide(name, config.models.section(name), config.run.device, store, talk) for name in (a, b)]
    (qa, da), (qb, db) = (
        (side.vectors(judged.queries, "query"), side.vectors(judged.documents, "document")) for side in sides
    )
    first, second = by_vectors(qa, da, DEPTH, judged), by_vectors(qb, db, DEPTH, judged)
    shared = overlap(first, second)  # (Q,)
    mixed = None
    if qb.shape[1] == da.shape[1]:
        mixed = _mixed(second, by_vectors(qb, da, DEPTH, judged), judged, texts, config.run.seed)
    word, sentence = verdict_on(mixed, float(shared.mean()), a, b)
    return DriftResult(
        a=a,
        b=b,
        overlap=round(float(shared.mean()), 4),
        interval=bootstrap_interval(shared, seed=config.run.seed),
        score_shift=round(_mean_score(second) - _mean_score(first), 4),
        changed_first=round(float(first_changed(first, second).mean()), 4),
        thresholds=moved_thresholds(first, second),
        examples=_examples(first, second, judged),
        mixed=mixed,
        verdict=word,
        sentence=sentence,
        queries=len(judged.query_ids),
        documents=len(judged.documents),
        elapsed_s=round(time.perf_counter() - started, 2),
        findings=texts.findings,
        described=texts.described,
        facts={
            **machine_facts(config.models.section(name) for name in (a, b)),
            "data_sha256": dict(texts.hashes),
            "options": config.model_dump(),
        },
        report=str(folder / REPORT),
    )


def _mixed(full: Ranking, mixed: Ranking, judged: JudgedSet, texts: SpaceTexts, seed: int) -> Comparison:
    """Full re-encoding against new queries over old vectors; where nothing is judged, by the documents of the first."""
    if texts.is_judged:
        before, after = (score_ranking(one, judged, (NDCG,)).per_query[NDCG] for one in (full, mixed))
        return compare_paired(before, after, metric=NDCG, seed=seed)
    return compare_paired(np.ones(len(judged.query_ids)), overlap(full, mixed), metric="recall@10", seed=seed)


def _mean_score(ranking: Ranking) -> float:
    return float(ranking.scores[ranking.positions >= 0].mean())


def _examples(first: Ranking, second: Ranking, judged: JudgedSet) -> tuple[ChangedAnswer, ...]:
    rows = np.flatnonzero(first_changed(first, second))[:SHOWN].tolist()
    return tuple(
        ChangedAnswer(
            query=judged.queries[row],
            old=judged.documents[int(first.positions[row, 0])],
            new=judged.documents[int(second.positions[row, 0])],
        )
        for row in rows
    )
