"""The map: a place for each item, some of them drawn."""

import numpy as np

from embedtune.clustering.landmarks import mapped, mapped_by_distance
from embedtune.clustering.method import ClusterItems
from embedtune.config.verbs.cluster import MapSection
from embedtune.reports.results.cluster import ClusterMap
from embedtune.workflows.shared.jobs.job import Job, is_done, load_array, save_array
from embedtune.workflows.shared.talk import Talk

DRAWN = 2000
"""Items that a page draws at most."""


def map_of(
    items: ClusterItems, labels: np.ndarray, section: MapSection, seed: int, job: Job, key: str, talk: Talk
) -> tuple[ClusterMap | None, np.ndarray | None]:
    """What is drawn, and the place of every item (n, 2); None where there is nothing to lay out."""
    if section.method == "none" or (items.vectors is None and items.distances is None) or len(items) < 4:
        return None, None
    part = job.stage("map", items=key, seed=seed, **section.model_dump()) / "places.npy"
    if not is_done(part):
        with talk.progress("drawing the map"):
            save_array(part, _laid(items, section, seed))
    places = load_array(part)
    drawn = np.arange(len(places))
    if len(places) > DRAWN:
        drawn = np.sort(np.random.default_rng(seed).choice(len(places), DRAWN, replace=False))
    return ClusterMap(
        tuple(round(float(x), 4) for x in places[drawn, 0]),
        tuple(round(float(y), 4) for y in places[drawn, 1]),
        tuple(int(one) for one in labels[drawn]),
        _said(section.method, len(places), len(drawn), section.points),
    ), places


def _laid(items: ClusterItems, section: MapSection, seed: int) -> np.ndarray:
    if items.vectors is None:
        return mapped_by_distance(np.asarray(items.distances), seed=seed)
    return mapped(items.vectors, pca=section.method == "pca", points=section.points, seed=seed)


def _said(method: str, count: int, drawn: int, points: int) -> str:
    """What the map can and cannot show."""
    how = "The two directions of largest variance, which are a small part of it"
    if method == "tsne":
        how = "t-SNE keeps neighbours together; distances between groups mean nothing"
        how += f"; {points:,} items were laid out, the others put next to them" if count > points else ""
    return f"{how}." + (f" Shown: {drawn:,} of {count:,}." if drawn < count else "")
