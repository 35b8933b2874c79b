"""Which method clusters the items, with which settings, and why."""

from dataclasses import dataclass, replace

from embedtune.clustering import load_method
from embedtune.clustering.method import SMALL_CLUSTERS, ClusterItems, ClusterMethod, ClusterSettings
from embedtune.clustering.methods.communities import MOST
from embedtune.clustering.nodes.smoothing import smoothed
from embedtune.config.verbs.cluster import AUTO, ClusteringSection
from embedtune.errors import ConfigError

MEDOIDS_MOST = 1_000
"""Series up to which all are compared with each other."""
TAKE_K = ("smooth", "dgi")
"""Methods that take a number of clusters and do without one."""


@dataclass(frozen=True)
class ClusteringPlan:
    """What is to be done.

    Args:
        method: what finds the clusters.
        settings: for it.
        why: where the method comes from, in words.
    """

    method: ClusterMethod
    settings: ClusterSettings
    why: str


def prepared(items: ClusterItems, section: ClusteringSection) -> ClusterItems:
    """The items with their links averaged into their vectors, where the method asks for that and is not told how."""
    if section.method == AUTO and items.vectors is not None and items.links is not None:
        return replace(items, vectors=smoothed(items.points, items.links, restart=section.restart), links=None)
    return items


def plan(items: ClusterItems, section: ClusteringSection, *, averaged: bool) -> ClusteringPlan:
    """The method for these items.

    Args:
        items: what is clustered.
        section: of the recipe.
        averaged: whether links were averaged into the vectors.

    Raises:
        ConfigError: the method does not exist, does not take such items, or not so many.
    """
    name, why = (section.method, "as asked") if section.method != AUTO else _auto(items, section, averaged)
    method = load_method(name)
    _demand_kind(method, items)
    _demand_k(method, section)
    method.demand(len(items), section.wanted_k)
    settings = ClusterSettings(
        k=section.wanted_k,
        seed=section.seed,
        starts=section.starts,
        resolution=section.resolution,
        neighbours=section.neighbours,
        least=section.least,
        threshold=section.threshold,
        restart=section.restart,
        band=section.band,
        memory_bytes=section.memory_bytes,
    )
    if name == "communities" and items.vectors is not None and len(items) > MOST:
        why += f"; over {SMALL_CLUSTERS:,} small k-means clusters, so it finds fewer and larger ones"
    return ClusteringPlan(method, settings, why)


def _auto(items: ClusterItems, section: ClusteringSection, averaged: bool) -> tuple[str, str]:
    links = "links averaged into the vectors, then " if averaged else ""
    if items.series is not None:
        few = len(items) <= MEDOIDS_MOST
        return ("medoids" if few else "kshape"), f"chosen for {len(items):,} series"
    if items.vectors is None:
        return "communities", "chosen for links without texts"
    if section.k == AUTO:
        return "communities", f"{links}chosen because no number of clusters is given"
    given = "a number of clusters is given" if section.k_range is None else "it can try a range of numbers"
    return "kmeans", f"{links}chosen because {given}"


def _demand_kind(method: ClusterMethod, items: ClusterItems) -> None:
    """Refuse a method for other items."""
    there = {"series": items.series is not None, "vectors": items.vectors is not None, "links": items.links is not None}
    wanted = method.takes.split(" and ")
    also_links = method.name in ("communities", "spectral") and there["links"]
    if all(there[one] for one in wanted) or also_links or (method.name == "medoids" and there["vectors"]):
        return
    have = " and ".join(name for name, is_there in there.items() if is_there)
    advice = "name links with --links" if "links" in wanted and not there["links"] else "use --method auto"
    raise ConfigError(f"{method.name} needs {method.takes}, and there are {have}", where="--method", next=advice)


def _demand_k(method: ClusterMethod, section: ClusteringSection) -> None:
    """Refuse a number of clusters where the method finds its own.

    Raises:
        ConfigError: it does, and a number is given.
    """
    if section.k != AUTO and not method.needs_k and method.name not in TAKE_K:
        advice = "leave out --k, or use --method kmeans"
        if method.name == "communities":
            advice += "; --resolution makes more or fewer communities"
        raise ConfigError(f"{method.name} finds the number of clusters itself", where=f"--k {section.k}", next=advice)
