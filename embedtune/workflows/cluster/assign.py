"""New rows into clusters that were found before, by the nearest centroid and the model that made them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.clustering.method import ClusterItems
from embedtune.clustering.partition import NOISE
from embedtune.config.verbs.cluster import ClusterConfig
from embedtune.errors import ConfigError, DataError
from embedtune.reports.results.base import from_plain
from embedtune.reports.results.cluster import ClusterQuality, ClusterResult, FoundCluster
from embedtune.workflows.cluster.findings import row_findings
from embedtune.workflows.cluster.items.reading import ClusteredRows, RowFacts
from embedtune.workflows.cluster.items.vectors import vectors_of
from embedtune.workflows.cluster.nearness import Nearness
from embedtune.workflows.cluster.topics import ClusterContents
from embedtune.workflows.cluster.written import CENTROIDS, MODEL, RESULT, write_all
from embedtune.workflows.shared.jobs.job import Job
from embedtune.workflows.shared.machine import peak_memory_bytes
from embedtune.workflows.shared.talk import Talk, tell_findings

_ROWS = 16_384


def assign(
    config: ClusterConfig,
    rows: ClusteredRows,
    facts: RowFacts,
    job: Job,
    folder: Path,
    talk: Talk,
    described: list[str],
    started: float,
) -> ClusterResult:
    """Put every text into the earlier cluster with the nearest centroid; their names and numbers stay.

    Raises:
        DataError: the folder holds no clusters of texts.
        ConfigError: the model is not the one that they were found with.
    """
    earlier, middles, plain = _earlier(config.data.assign or "")
    section = config.model.model_copy(update={"name": _model(config, plain, Path(config.data.assign or ""))})
    made = vectors_of(config, rows, facts, job, talk, section)
    known = plain["facts"].get("fingerprint")
    if made.encoder is not None and known and made.encoder.fingerprint() != known:
        raise ConfigError(
            f"{section.name} is not the model that these clusters were found with; its vectors mean something else",
            where="--model",
            next="leave out --model, or cluster again with this one",
        )
    labels, near = _nearest(made.vectors, middles)
    by_item = np.append(labels, NOISE)
    row_labels = by_item[facts.first]
    contents = ClusterContents(rows, facts, ClusterItems(made.vectors), labels, row_labels, near)
    findings = tuple(row_findings(facts, None))
    tell_findings(talk, findings)
    sizes = np.bincount(row_labels[row_labels >= 0], minlength=len(middles))
    clusters = [
        replace(one, size=int(size), share=round(float(size) / len(row_labels), 6), labels=())
        for one, size in zip(earlier.clusters, sizes, strict=True)
    ]
    result = replace(
        earlier,
        output=str(folder),
        how=f"{len(row_labels):,} rows put into the {earlier.k} clusters of {config.data.assign}, by nearest centroid.",
        texts=len(row_labels),
        empty=facts.empty,
        repeated=facts.repeated,
        noise=0,
        sizes=tuple(int(size) for size in sizes),
        clusters=tuple(clusters),
        quality=ClusterQuality(),
        stability=None,
        choice=None,
        agreement=None,
        map=None,
        leak=None,
        levels={},
        findings=findings,
        described=tuple(described),
        peak_memory_bytes=peak_memory_bytes(),
    )
    return write_all(result, config.model_copy(update={"model": section}), contents, None, made, folder, started)


def _earlier(name: str) -> tuple[ClusterResult, np.ndarray, dict[str, Any]]:
    """The result, the centroids, and the result as it was written."""
    folder = Path(name).expanduser()
    try:
        plain = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        middles = np.load(folder / CENTROIDS, allow_pickle=False)
        clusters = tuple(from_plain(FoundCluster, one) for one in plain["clusters"])
        found = replace(from_plain(ClusterResult, {**plain, "clusters": []}), clusters=clusters)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            "there are no clusters of texts here to assign to",
            where=f"--assign {name}",
            next="name the output folder of `embedtune cluster` on texts",
        ) from error
    if len(middles) != len(clusters):
        raise DataError("its centroids do not belong to its clusters", where=f"--assign {name}", next="cluster again")
    return found, middles, plain


def _model(config: ClusterConfig, plain: dict[str, Any], folder: Path) -> str:
    """The model that found the clusters, unless the user names another."""
    if "name" in config.model.model_fields_set:
        return config.model.name
    known = plain["facts"].get("model")
    if known is None:
        raise ConfigError(
            "these clusters were found without a model", where="--model", next="name the model of their vectors"
        )
    return str(folder.expanduser() / MODEL) if known == MODEL else str(known)


def _nearest(vectors: np.ndarray, middles: np.ndarray) -> tuple[np.ndarray, Nearness]:
    """The nearest centroid of each vector, its cosine, and how much nearer it is than the next."""
    labels = np.empty(len(vectors), dtype=np.int64)
    best, margin = np.empty(len(vectors)), np.full(len(vectors), np.nan)
    for start in range(0, len(vectors), _ROWS):
        part = slice(start, start + _ROWS)
        cosines = np.asarray(vectors[part], dtype=np.float32) @ middles.T  # (b, K)
        labels[part] = cosines.argmax(axis=1)
        best[part] = cosines.max(axis=1)
        if len(middles) > 1:
            margin[part] = best[part] - np.partition(cosines, -2, axis=1)[:, -2]
    return labels, Nearness(best, margin, middles, middles @ middles.T)
