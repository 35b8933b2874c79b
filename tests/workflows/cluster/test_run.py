"""Clustering from rows to files: what is written, what is said, what is refused, and that a killed job resumes."""

import json
from pathlib import Path

import numpy as np
import pytest

import embedtune
from embedtune.errors import ConfigError, DataError
from embedtune.workflows.cluster import run as module


def rows_of(result):
    return [json.loads(line) for line in Path(result.clusters_file).read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def clustered(write, topics, tmp_path):
    """Cluster the topics with their vectors."""
    rows, vectors = topics

    def run(name="out", data=rows, points=vectors, **options):
        np.save(tmp_path / f"{name}.npy", points)
        source = write(f"{name}.jsonl", data)
        given = {"vectors": str(tmp_path / f"{name}.npy"), "output": str(tmp_path / name), "map": "pca", "seeds": 3}
        return embedtune.cluster(data=source, **{**given, **options})

    return run


def test_rows_keep_their_columns_and_get_a_cluster(clustered, topics):
    result = clustered(k="3")
    rows, vectors = topics
    written = rows_of(result)
    assert [{name: row[name] for name in rows[0]} for row in written] == rows
    pairs = {(row["label"], row["cluster"]) for row in written}
    assert len(pairs) == len({label for label, _ in pairs}) == len({cluster for _, cluster in pairs}) == 3
    assert result.sizes == (30, 30, 30) and result.k == result.k_asked == 3
    first = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    own = [place for place, row in enumerate(written) if row["cluster"] == written[0]["cluster"]]
    middle = first[own].sum(axis=0)
    assert written[0]["similarity"] == pytest.approx(first[0] @ middle / np.linalg.norm(middle), abs=1e-3)
    assert 0 <= written[0]["x"] <= 1 and written[0]["margin"] > 0


def test_the_result_says_what_the_clusters_are_about_and_how_sure_they_are(clustered):
    result = clustered(k="3")
    by_label = {one.labels[0].label: one for one in result.clusters}
    assert "card" in by_label["card"].name and "연금" in by_label["연금"].name
    assert all(one.examples and one.cohesion > 0.8 and one.nearest for one in result.clusters)
    assert result.agreement.ami == pytest.approx(1) and result.stability.ari_mean == pytest.approx(1)
    low, high = result.agreement.intervals["ami"]
    assert low <= result.agreement.ami <= high
    assert "3 clusters in 90 texts, by kmeans" in result.how
    assert Path(result.report).exists() and "by kmeans" in str(result)


def test_without_k_communities_are_found_or_a_curve_decides(clustered):
    found = clustered("one")
    assert found.method == "communities" and found.k_asked is None and "modularity" in found.how
    assert set(found.levels) == {"4", "8"}
    chosen = clustered("two", k="2:6")
    assert chosen.k == chosen.choice.elbow == 3 and "elbow at 3" in chosen.choice.said
    assert [one.k for one in chosen.choice.tried] == [2, 3, 4, 5, 6]


def test_copies_are_clustered_once_and_counted_and_empty_rows_are_in_none(clustered, topics):
    rows, vectors = topics
    more = [*rows, {**rows[0], "text": rows[0]["text"].upper() + "!"}, {**rows[0], "text": ""}]
    result = clustered(data=more, points=np.vstack([vectors, vectors[:1], vectors[:1]]), k="3")
    written = rows_of(result)
    assert (result.texts, result.repeated, result.empty) == (92, 1, 1)
    assert written[90]["cluster"] == written[0]["cluster"] and written[91]["cluster"] is None
    assert sorted(result.sizes) == [30, 30, 31] and sum(result.sizes) + result.noise + result.empty == 92
    assert {one.code for one in result.findings} >= {"empty-texts", "repeated-texts"}


def test_a_split_by_clusters_leaks_less_than_one_at_random(clustered):
    leak = clustered(k="3").leak
    assert leak.by_cluster == 0 < leak.random  # most texts of a topic are near each other, and no two topics are


def test_series_are_clustered_by_shape(write, waves, tmp_path):
    result = embedtune.cluster(data=write("s.jsonl", waves), k="2", output=str(tmp_path / "out"))
    assert (result.kind, result.method) == ("series", "medoids")
    assert result.agreement.ari == pytest.approx(1)
    assert all(len(one.shape) > 20 and one.examples[0].id.startswith("s") for one in result.clusters)
    assert "time series" in result.how


def test_nodes_are_clustered_by_links_alone_and_bad_links_are_told(write, tmp_path):
    nodes = [{"_id": f"n{number}"} for number in range(12)]
    pairs = [(one, other) for group in (range(6), range(6, 12)) for one in group for other in group if one < other]
    links = "".join(f"n{one}\tn{other}\n" for one, other in [*pairs, (0, 6), (3, 3)]) + "n1\tgone\n"
    (tmp_path / "links.tsv").write_text("source\ttarget\n" + links)
    result = embedtune.cluster(
        data=write("n.jsonl", nodes), links=str(tmp_path / "links.tsv"), output=str(tmp_path / "out")
    )
    assert (result.kind, result.method, result.k) == ("nodes", "communities", 2)
    assert {row["cluster"] for row in rows_of(result)[:6]} != {row["cluster"] for row in rows_of(result)[6:]}
    assert {"unknown-links", "loops"} <= {one.code for one in result.findings}


def test_texts_with_links_are_averaged(clustered, topics, tmp_path):
    rows, _ = topics
    lines = [f"{rows[one]['_id']}\t{rows[one + 1]['_id']}" for one in range(0, 88, 2)]
    (tmp_path / "links.tsv").write_text("source\ttarget\n" + "\n".join(lines) + "\n")
    result = clustered(links=str(tmp_path / "links.tsv"), k="3")
    assert result.method == "kmeans" and "links averaged" in result.how


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        ([{"values": [1, 2]}, {"values": [1, None]}], {}, "values"),
        ([{"values": [1, 2]}, {"values": [1.0, float("nan")]}], {}, "NaN or infinity"),
        ([{"values": [[1, 2]]}, {"values": [[1, 2, 3]]}], {}, "channels"),
        ([{"name": "a"}], {}, "which of the columns"),
        ([{"text": ""}], {}, "no row has a text"),
        ([{"text": "a"}], {"label": "topic"}, "no column 'topic'"),
    ],
)
def test_bad_rows_are_refused_with_their_place(write, tmp_path, rows, options, said):
    with pytest.raises(DataError, match=said) as raised:
        embedtune.cluster(data=write("bad.jsonl", rows), output=str(tmp_path / "out"), **options)
    assert "bad.jsonl" in str(raised.value.where)
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.job").exists()


def test_methods_and_numbers_that_do_not_fit_are_refused(clustered):
    with pytest.raises(ConfigError, match="no method 'kmens'"):
        clustered(method="kmens")
    with pytest.raises(ConfigError, match="kshape needs series"):
        clustered(method="kshape", k="3")
    with pytest.raises(ConfigError, match="only 90 different items"):
        clustered(k="200")
    with pytest.raises(ConfigError, match="not a number of clusters"):
        clustered(k="many")


def test_a_killed_job_resumes_and_writes_the_same_rows(clustered, monkeypatch, tmp_path):
    whole = Path(clustered("whole", k="3").clusters_file).read_bytes()

    def killed(*_args, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "describe", killed)
        with pytest.raises(Exception, match="interrupted"):
            clustered("parts", k="3")
    assert list((tmp_path / "parts.job").glob("partition-*/seed-*.npy")) and not (tmp_path / "parts").exists()
    with monkeypatch.context() as patch:
        patch.setattr("embedtune.search.kmeans.best_kmeans", killed)  # nothing is computed again
        assert Path(clustered("parts", k="3").clusters_file).read_bytes() == whole
    assert not (tmp_path / "parts.job").exists()


def test_the_small_clusters_of_very_many_texts_are_kept_in_the_job(clustered, monkeypatch):
    for place in ("partitions.COMMUNITIES_MOST", "planning.MOST"):
        monkeypatch.setattr(f"embedtune.workflows.cluster.{place}", 50)
    monkeypatch.setattr("embedtune.clustering.methods.communities.MOST", 50)
    monkeypatch.setattr("embedtune.clustering.method.SMALL_CLUSTERS", 9)
    first = clustered("whole", neighbours=3)
    assert "small k-means clusters" in first.how

    def killed(*_args, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "find_partitions", killed)
        with pytest.raises(Exception, match="interrupted"):
            clustered("parts", neighbours=3)
    with monkeypatch.context() as patch:
        patch.setattr("embedtune.clustering.method.best_kmeans", killed)  # they are not found again
        again = clustered("parts", neighbours=3)
    assert Path(again.clusters_file).read_bytes() == Path(first.clusters_file).read_bytes()


def test_new_texts_go_into_known_clusters(write, topics, tmp_path):
    rows, _ = topics
    source = write("texts.jsonl", rows)
    found = embedtune.cluster(data=source, k="3", seeds=1, map="none", output=str(tmp_path / "found"), store="none")
    again = embedtune.cluster(data=source, assign=found.output, output=str(tmp_path / "again"), store="none")
    kept = [row["cluster"] for row in rows_of(again)]
    assert np.mean([one == row["cluster"] for one, row in zip(kept, rows_of(found), strict=True)]) >= 0.95
    assert [one.name for one in again.clusters] == [one.name for one in found.clusters]
    with pytest.raises(DataError, match="no clusters of texts"):
        embedtune.cluster(data=source, assign=str(tmp_path), output=str(tmp_path / "none"))
