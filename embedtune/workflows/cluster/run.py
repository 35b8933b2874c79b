"""`embedtune cluster`: rows and a recipe in; a cluster for each row, what the clusters are about, and a report out.

The work is a chain of stages in a job folder next to the output. Whatever stops it, the same command resumes it, and
the rows are written byte for byte as an uninterrupted command writes them.
"""

import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from embedtune.clustering.measures.quality import separation_of
from embedtune.clustering.method import ClusterItems
from embedtune.clustering.partition import NOISE, partition
from embedtune.config.verbs.cluster import ClusterConfig
from embedtune.data.sources.reading.unchanged import declare_encoding, unchanged_inputs
from embedtune.errors import ConfigError
from embedtune.findings import Finding, counted
from embedtune.models.files.load import check_device, resolve
from embedtune.reports.results.cluster import ClusterQuality, ClusterResult
from embedtune.workflows.cluster.agreement import agreement_with
from embedtune.workflows.cluster.assign import assign
from embedtune.workflows.cluster.findings import cluster_findings, row_findings
from embedtune.workflows.cluster.items.links import read_links
from embedtune.workflows.cluster.items.reading import ClusteredRows, RowFacts
from embedtune.workflows.cluster.items.series import comparable
from embedtune.workflows.cluster.items.vectors import JobVectors, vectors_of
from embedtune.workflows.cluster.mapping import map_of
from embedtune.workflows.cluster.nearness import nearness
from embedtune.workflows.cluster.partitions import FoundPartitions, find_partitions, with_distances, with_small_clusters
from embedtune.workflows.cluster.planning import plan, prepared
from embedtune.workflows.cluster.topics import ClusterContents, describe
from embedtune.workflows.cluster.written import CLUSTERS, how_said, write_all
from embedtune.workflows.shared.clusters.leak import leak_of
from embedtune.workflows.shared.ending import orderly_end
from embedtune.workflows.shared.evaluation_folder import file_name
from embedtune.workflows.shared.jobs.job import OWN, Job
from embedtune.workflows.shared.lock import alone
from embedtune.workflows.shared.machine import peak_memory_bytes
from embedtune.workflows.shared.output_folder import fresh_folder, refuse_others
from embedtune.workflows.shared.talk import Silence, Talk, tell_findings


@unchanged_inputs()
def cluster(config: ClusterConfig, *, talk: Talk | None = None, restart: bool = False) -> ClusterResult:
    """Cluster rows, or resume an interrupted job.

    Args:
        config: the resolved recipe.
        talk: gets messages and progress.
        restart: discard what an interrupted job left, and start over.

    Raises:
        EmbedtuneError: anything the user can fix; the message says how.
    """
    started = time.perf_counter()
    talk = talk or Silence()
    declare_encoding(config.data.encoding)
    _check(config)
    name = file_name(re.sub(r"\.\w+$", "", Path(config.data.source).name) or "set")
    job = Job(_job_folder(config, name))
    refuse_others(job.path, OWN)
    with alone(job.lock), orderly_end(job.unfinished):
        if restart:
            job.clear()
        with fresh_folder(config.output.folder, CLUSTERS, name) as folder:
            result = _run(config, job, folder, talk, started)
        job.remove()
    return result


def _job_folder(config: ClusterConfig, name: str) -> Path:
    return Path(f"{config.output.folder}.job").expanduser() if config.output.folder else CLUSTERS / f"{name}.job"


def _check(config: ClusterConfig) -> None:
    """Refuse what this machine or the options do not allow, before anything is read."""
    check_device(config.clustering.device)
    if config.data.vectors is not None and config.data.assign is not None:
        raise ConfigError("clusters are assigned with the model that made them", where="--vectors", next="leave it out")
    if config.data.vectors is None and config.data.assign is None:
        resolve(config.model)


def _run(config: ClusterConfig, job: Job, folder: Path, talk: Talk, started: float) -> ClusterResult:
    rows = ClusteredRows(config.data)
    with talk.progress(f"reading {config.data.source}"):
        facts = rows.facts()
    described = [f"read {counted(len(facts.first), 'row')} from {rows.what}: {_held(facts)}"]
    talk.say(described[0])
    if config.data.assign is not None:
        return assign(config, rows, facts, job, folder, talk, described, started)
    items, made, findings = _items(config, rows, facts, job, talk)
    ready = prepared(items, config.clustering)
    asked = plan(ready, config.clustering, averaged=ready is not items)
    key = f"{made.key if made else facts.digest} {_links_key(config)}"
    ready = with_distances(ready, asked, job, key, talk)
    ready = with_small_clusters(ready, asked, job, key, talk)
    found = find_partitions(ready, asked, config.clustering, job, key, talk)
    contents = _contents(rows, facts, ready, found)
    with talk.progress("describing the clusters"):
        clusters = describe(contents, config.topics)
        measured = separation_of(ready, contents.labels, seed=config.clustering.seed)
        quality = ClusterQuality(**measured.__dict__, modularity=_modularity(asked.method.name, found))
        labels = [facts.labels[row] for row in facts.rows] if facts.labels else []
        agreed = agreement_with(labels, found.runs, contents.labels, seed=config.clustering.seed) if labels else None
    findings += cluster_findings(clusters, contents.row_labels, found.stability, agreed, asked.method.name)
    tell_findings(talk, [one for one in findings if one.severity != "note"])
    drawn, places = map_of(ready, contents.labels, config.map, config.clustering.seed, job, key, talk)
    result = ClusterResult(
        output=str(folder),
        report="",
        clusters_file="",
        method=asked.method.name,
        how="",
        k=len(clusters),
        k_asked=config.clustering.wanted_k,
        kind=facts.kind,
        texts=len(facts.first),
        empty=facts.empty,
        repeated=facts.repeated,
        noise=int((contents.row_labels == NOISE).sum()) - facts.empty,
        sizes=tuple(one.size for one in clusters),
        clusters=tuple(clusters),
        quality=quality,
        stability=found.stability,
        choice=found.choice,
        agreement=agreed,
        elapsed_s=0.0,
        peak_memory_bytes=peak_memory_bytes(),
        levels=found.levels,
        leak=leak_of(ready, contents.labels, seed=config.clustering.seed) if facts.kind == "texts" else None,
        map=drawn,
        findings=tuple(findings),
        described=tuple(described),
    )
    result = replace(result, how=how_said(result, asked.why))
    return write_all(result, config, contents, places, made, folder, started)


def _items(
    config: ClusterConfig, rows: ClusteredRows, facts: RowFacts, job: Job, talk: Talk
) -> tuple[ClusterItems, JobVectors | None, list[Finding]]:
    """What the methods get, the vectors of texts, and what was odd."""
    wants_model = facts.kind == "texts" and config.data.vectors is None
    findings = list(row_findings(facts, config.model.name if wants_model else None))
    links = None
    if config.data.links is not None:
        links, counts, odd = read_links(Path(config.data.links).expanduser(), facts.ids, len(facts.first))
        talk.say(f"{counted(counts.edges, 'pair')} of linked rows, in {counted(counts.pieces, 'connected piece')}")
        findings += odd
    if facts.kind == "series":
        return ClusterItems(series=comparable(facts.series)), None, findings
    if facts.kind == "nodes" and config.data.vectors is None:
        return ClusterItems(links=links), None, findings
    made = vectors_of(config, rows, facts, job, talk)
    return ClusterItems(made.vectors, links=links), made, [*findings, *made.findings]


def _contents(rows: ClusteredRows, facts: RowFacts, items: ClusterItems, found: FoundPartitions) -> ClusterContents:
    """The clusters numbered by their rows, copies counted, and not by their distinct texts."""
    by_item = np.append(found.partition.labels, NOISE)  # the last for rows without a text, whose number is -1
    row_labels = partition(by_item[facts.first]).labels
    labels = row_labels[facts.rows]
    return ClusterContents(rows, facts, items, labels, row_labels, nearness(items, labels))


def _held(facts: RowFacts) -> str:
    if facts.kind == "texts":
        return counted(len(facts.rows), "different text")
    return f"{len(facts.rows):,} {facts.kind}"


def _links_key(config: ClusterConfig) -> str:
    from embedtune.data.sources.streams import sha256

    links = config.data.links
    return "" if links is None else f"{sha256(Path(links).expanduser())} {config.clustering.restart}"


def _modularity(method: str, found: FoundPartitions) -> float | None:
    return -found.partition.objective if method == "communities" and found.partition.objective is not None else None
