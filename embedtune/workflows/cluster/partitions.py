"""How many clusters, and the clusters of every seed; each is kept in the job once it is found."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from embedtune.clustering.measures.agreement import agreement
from embedtune.clustering.method import ClusterItems
from embedtune.clustering.methods.communities import MOST as COMMUNITIES_MOST
from embedtune.clustering.number.rules import choose_k, grid
from embedtune.clustering.partition import Partition
from embedtune.clustering.series.warping import all_distances
from embedtune.config.verbs.cluster import ClusteringSection
from embedtune.errors import ConfigError
from embedtune.findings import counted
from embedtune.reports.results.base import from_plain
from embedtune.reports.results.cluster import ClusterChoice, ClusterStability
from embedtune.search.kmeans import FoundClusters
from embedtune.workflows.cluster.planning import MEDOIDS_MOST, ClusteringPlan
from embedtune.workflows.shared.jobs.job import Job, is_done, load_array, save_array
from embedtune.workflows.shared.talk import Talk

LEVELS = (4.0, 8.0)
"""Finer resolutions whose number of communities is told."""
CHOICE_SAMPLE = 5_000
"""Items that the curve of K is drawn on at most."""
CHOICE_MOST = 500
"""The largest K that is tried."""


@dataclass(frozen=True)
class FoundPartitions:
    """The clusters of every seed.

    Args:
        partition: the one that is kept, with the lowest objective.
        runs: the labels of each seed (seeds, n).
        choice: how K was chosen; None where it was given or found.
        levels: resolution -> communities there.
        stability: how alike the seeds are; None where there is one.
    """

    partition: Partition
    runs: np.ndarray
    choice: ClusterChoice | None = None
    levels: Mapping[str, int] = field(default_factory=dict)
    stability: ClusterStability | None = None


def find_partitions(
    items: ClusterItems, asked: ClusteringPlan, section: ClusteringSection, job: Job, key: str, talk: Talk
) -> FoundPartitions:
    """The clusters of every seed; those found by an interrupted command are read from the job."""
    choice = None
    if (asked.method.needs_k and asked.settings.k is None) or section.k_range is not None:
        choice = _choice(items, asked, section, job, key, talk)
        asked = replace(asked, settings=replace(asked.settings, k=choice[0]))
    folder = job.stage("partition", items=key, method=asked.method.name, **asdict(asked.settings))
    seeds = section.seeds if asked.method.seeded else 1
    runs, objectives = [], []
    with talk.progress(f"{asked.method.name}: clustering", total=seeds) as tell:
        for number in range(seeds):
            part = folder / f"seed-{number}.npy"
            if not is_done(part):
                found = asked.method.fit(items, replace(asked.settings, seed=asked.settings.seed + number))
                save_array(part, np.append(found.labels.astype(np.float64), found.objective or 0.0))
            *labels, objective = load_array(part).tolist()
            runs.append(np.array(labels, dtype=np.int64))
            objectives.append(objective)
            tell(number + 1, seeds)
    best = int(np.argmin(objectives))
    return FoundPartitions(
        Partition(runs[best], objectives[best]),
        np.stack(runs),
        None if choice is None else choice[1],
        dict(_levels(items, asked, folder, talk)),
        _stability(runs),
    )


def with_distances(items: ClusterItems, asked: ClusteringPlan, job: Job, key: str, talk: Talk) -> ClusterItems:
    """Series with the distances of all pairs, which every seed and every K then share."""
    if items.series is None or len(items) > MEDOIDS_MOST:
        return items
    part = job.stage("distances", items=key, band=asked.settings.band) / "warped.npy"
    if not is_done(part):
        with talk.progress("comparing all series"):
            save_array(part, all_distances(items.series, band=asked.settings.band))
    return replace(items, distances=load_array(part))


def with_small_clusters(items: ClusterItems, asked: ClusteringPlan, job: Job, key: str, talk: Talk) -> ClusterItems:
    """Very many vectors with the small clusters that stand for them, which take most of the time of communities."""
    if asked.method.name != "communities" or items.vectors is None or len(items) <= COMMUNITIES_MOST:
        return items
    folder = job.stage("centroids", items=key)
    parts = [folder / f"{name}.npy" for name in FoundClusters._fields]
    if not all(map(is_done, parts)):
        with talk.progress("finding small clusters that stand for the texts"):
            for part, found in zip(parts, items.small_clusters, strict=True):
                save_array(part, np.asarray(found))
    centroids, clusters, cosine = map(load_array, parts)
    return replace(items, small=FoundClusters(centroids, clusters, float(cosine)))


def _choice(
    items: ClusterItems, asked: ClusteringPlan, section: ClusteringSection, job: Job, key: str, talk: Talk
) -> tuple[int, ClusterChoice]:
    """The number of clusters, and the curve it was chosen by."""
    count = len(items)
    low, high = section.k_range or (2, min(CHOICE_MOST, 20 if items.series is not None else CHOICE_MOST, count // 4))
    numbers = [k for k in grid(low, max(low, high)) if k <= count]
    if not numbers:
        raise ConfigError(
            f"{counted(low, 'cluster')} asked for, but there are only {counted(count, 'different item')}", where="--k"
        )
    stage = job.stage("choice", items=key, method=asked.method.name, numbers=numbers, **asdict(asked.settings))
    name = str((stage / "choice.json").relative_to(job.path))
    plain = job.read_json(name)
    if plain is None:
        few = _sampled(items, asked.settings.seed)
        with talk.progress(f"{asked.method.name}: choosing the number of clusters", total=len(numbers)) as tell:
            chosen, _ = choose_k(
                few,
                asked.method.fit,
                asked.settings,
                [k for k in numbers if k <= len(few)],
                with_k=lambda k: replace(asked.settings, k=k, starts=min(3, asked.settings.starts)),
                progress=tell,
            )
        job.write_json(name, asdict(chosen))
        plain = job.read_json(name) or asdict(chosen)
    k = int(plain.pop("k"))
    return k, from_plain(ClusterChoice, plain)


def _sampled(items: ClusterItems, seed: int) -> ClusterItems:
    if items.vectors is None or len(items) <= CHOICE_SAMPLE or items.links is not None:
        return items
    chosen = np.sort(np.random.default_rng(seed).choice(len(items), CHOICE_SAMPLE, replace=False))
    return replace(items, vectors=np.asarray(items.vectors[chosen], dtype=np.float32))


def _levels(items: ClusterItems, asked: ClusteringPlan, folder: Any, talk: Talk) -> Iterator[tuple[str, int]]:
    """How many communities there are at finer resolutions."""
    if asked.method.name != "communities":
        return
    for level in LEVELS:
        resolution = asked.settings.resolution * level
        part = folder / f"level-{level:g}.npy"
        if not is_done(part):
            with talk.progress(f"communities at resolution {resolution:g}"):
                found = asked.method.fit(items, replace(asked.settings, resolution=resolution))
            save_array(part, np.array([found.k]))
        yield f"{resolution:g}", int(load_array(part)[0])


def _stability(runs: list[np.ndarray]) -> ClusterStability | None:
    """How alike the seeds are; over a sample where there are many items."""
    if len(runs) < 2:
        return None
    step = max(1, len(runs[0]) // 50_000)
    pairs = [agreement(one[::step], other[::step]).ari for one, other in combinations(runs, 2)]
    return ClusterStability(len(runs), float(np.mean(pairs)), float(np.min(pairs)))
