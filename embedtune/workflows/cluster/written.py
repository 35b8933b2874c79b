"""The files of a clustering: the rows with their clusters, the result, the centroids and the report."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.clustering.partition import NOISE
from embedtune.config.recipe.load import dump_config
from embedtune.config.verbs.cluster import ClusterConfig
from embedtune.data.formats.shared.clustered import ADDED
from embedtune.durable import whole_file, whole_path, write_text
from embedtune.findings import counted, percent
from embedtune.models.files.save import save_encoder
from embedtune.models.sources.on_hub import STARTER
from embedtune.reports.cluster import clustering
from embedtune.reports.document.html import page
from embedtune.reports.document.markdown import markdown
from embedtune.reports.results.cluster import ClusterResult
from embedtune.workflows.cluster.items.reading import as_line
from embedtune.workflows.cluster.items.vectors import JobVectors
from embedtune.workflows.cluster.topics import ClusterContents
from embedtune.workflows.shared.evaluation_folder import REPORT
from embedtune.workflows.shared.machine import machine_facts

CLUSTERS = Path("clusters")
"""Where clusterings go by default."""
RESULT = "clusters.json"
ROWS = "clusters.jsonl"
CENTROIDS = "centroids.npy"
MODEL = "model"


def write_all(
    result: ClusterResult,
    config: ClusterConfig,
    contents: ClusterContents,
    places: np.ndarray | None,
    made: JobVectors | None,
    folder: Path,
    started: float,
) -> ClusterResult:
    """Write everything into the folder; the result as it was written."""
    with whole_file(folder / ROWS) as file:
        file.writelines(_lines(contents, places))
    if contents.near.centroids is not None and config.data.links is None and made is not None:
        with whole_path(folder / CENTROIDS) as path, path.open("wb") as binary:
            np.save(binary, contents.near.centroids)
        if made.encoder is not None and config.model.name == STARTER:
            save_encoder(made.encoder, folder / MODEL)
    result = replace(
        result,
        report=str(folder / REPORT),
        clusters_file=str(folder / ROWS),
        recipe=dump_config(config),
        facts={**machine_facts([config.model]), **_provenance(config, made)},
        elapsed_s=round(time.perf_counter() - started, 2),
    )
    write_text(folder / RESULT, json.dumps(result.as_json(), ensure_ascii=False, indent=1) + "\n")
    report = clustering(result)
    write_text(folder / REPORT, page(report))
    write_text((folder / REPORT).with_suffix(".md"), markdown(report))
    return result


def _provenance(config: ClusterConfig, made: JobVectors | None) -> dict[str, Any]:
    encoder = made.encoder if made else None
    if encoder is None:
        return {}
    name = MODEL if config.model.name == STARTER else config.model.name
    return {"model": name, "fingerprint": encoder.fingerprint(), "prompts": dict(encoder.prompts)}


def _lines(contents: ClusterContents, places: np.ndarray | None) -> Iterator[str]:
    """The rows in their order, each with its cluster, its similarity to that cluster, and its place on the map."""
    near = contents.near
    for place, row in enumerate(contents.rows):
        number, cluster = int(contents.facts.first[place]), int(contents.row_labels[place])
        added: dict[str, Any] = {
            "cluster": None if cluster == NOISE else cluster,
            "similarity": None,
            "margin": None,
        }
        if number >= 0:
            added |= {"similarity": _known(near.similarity[number]), "margin": _known(near.margin[number])}
        if places is not None and number >= 0:
            added |= {"x": round(float(places[number, 0]), 4), "y": round(float(places[number, 1]), 4)}
        yield as_line({**{name: value for name, value in row.record.items() if name not in ADDED}, **added})


def _known(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def how_said(result: ClusterResult, why: str) -> str:
    """What was found, by what, and how sure it is, in a sentence.

    Each part is there only where it was measured.
    """
    unit = {"texts": "text", "series": "time series", "nodes": "node"}[result.kind]
    many = f"{result.texts:,} time series" if result.kind == "series" else counted(result.texts, unit)
    found = f"{counted(result.k, 'cluster')} in {many}, by {result.method} ({why})"
    parts = [found]
    if result.noise:
        parts.append(f"{percent(result.noise / result.texts)} are in none")
    if result.stability is not None:
        parts.append(f"two seeds agree to ARI {result.stability.ari_mean:.2f}")
    if result.choice is not None:
        parts.append("no elbow" if result.choice.elbow is None else f"elbow at {result.choice.elbow}")
    elif result.k_asked is not None:
        parts.append("K as given")
    elif result.method == "communities":
        parts.append("K comes from modularity at this resolution")
    return "; ".join(parts) + "."
