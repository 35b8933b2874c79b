"""Approximate indexes: what they find is scored exactly, what they miss is measured, and shards change nothing."""

from pathlib import Path

import faiss
import numpy as np
import pytest

from embedtune.errors import ConfigError, ModelError
from embedtune.search import index_parts as module
from embedtune.search.dense import top_k
from embedtune.search.index import LEAST_GAIN, DiskIndex, Effort, deepen, disk_index

ROOM = 2**26


def unit(rng: np.random.Generator, *shape: int) -> np.ndarray:
    vectors = rng.standard_normal(shape, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def documents() -> np.ndarray:
    """Vectors in loose clusters, as texts are, a few of them twice."""
    rng = np.random.default_rng(0)
    vectors = unit(rng, 40, 32)[rng.integers(0, 40, 2000)] + 0.7 * unit(rng, 2000, 32)
    vectors[1500:1520] = vectors[:20]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def queries(documents: np.ndarray) -> np.ndarray:
    return documents[::50] + 0.1 * unit(np.random.default_rng(1), 40, 32)


def recall(index: DiskIndex, queries: np.ndarray, k: int) -> float:
    """The share of the exact k best that the index finds; a document that ties with the k-th counts as one of them."""
    exact, found = top_k(queries, index.documents, k)[0], index.top_k(queries, k)[0]
    return float((found >= exact[:, -1:]).mean())


@pytest.fixture
def built(tmp_path, documents):
    """Builds an index; fewer bytes make more shards."""

    def build(factory: str, memory_bytes: int = ROOM, **options):
        options = {"corpus_hash": "c", **options}
        return disk_index(
            tmp_path / f"{factory}-{memory_bytes}", documents, factory, memory_bytes=memory_bytes, **options
        )

    return build


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(module, "_TRIED", 64)


def test_a_flat_index_is_exact_search(built, queries, documents, small_shards):
    tie_rank = np.random.default_rng(2).permutation(len(documents))
    expected = top_k(queries, documents, 12, tie_rank=tie_rank)
    for memory_bytes, shards in ((ROOM, 1), (2**17, 4)):
        index = built("Flat", memory_bytes)
        assert len(index.shards) == shards and index.depth == ""
        for ours, theirs in zip(index.top_k(queries, 12, tie_rank=tie_rank), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_all_lists_searched_is_exact_search(built, queries, documents):
    index = built("IVF16,Flat")
    assert index.depth == "nprobe=4"
    assert list(index.more()) == [(8, 1)]
    index.effort = Effort(16, 1)
    assert index.depth == "nprobe=16" and not list(index.more())
    np.testing.assert_array_equal(index.top_k(queries, 12)[1], top_k(queries, documents, 12)[1])


@pytest.mark.parametrize(("factory", "bytes_for_parts"), [("SQ8", 60_000), ("PQ8x4", 9_000), ("IVF16,PQ8x4fs", 60_000)])
def test_shards_find_what_one_index_finds(built, queries, small_shards, factory, bytes_for_parts):
    whole = built(factory)
    pieces = built(factory, bytes_for_parts)
    assert len(whole.shards) == 1 < len(pieces.shards)
    found, scores = zip(*((index.top_k(queries, 5)) for index in (whole, pieces)), strict=True)
    np.testing.assert_array_equal(*found)
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize("factory", ["SQ8", "PQ8x4", "IVF16,PQ8x4", "HNSW8,Flat", "PCA24,IVF8,Flat", "SQfp16"])
def test_candidates_of_any_index_are_scored_exactly(built, queries, documents, factory, capfd):
    index = built(factory)
    scores, positions = index.top_k(queries, 5)
    exact = queries.astype(np.float64) @ documents.astype(np.float64).T
    np.testing.assert_array_equal(scores, np.take_along_axis(exact, positions, axis=1).astype(np.float32))
    assert (np.diff(scores, axis=1) <= 0).all()
    assert recall(index, queries, 5) > 0.4
    assert capfd.readouterr().err == ""


def test_recall_is_the_share_of_the_exact_ones(built, queries, documents):
    index = built("IVF16,Flat")
    index.effort = Effort(1, 1)
    found, exact = index.top_k(queries, 100)[1].tolist(), top_k(queries, documents, 100)[1].tolist()
    shares = [len(set(ours) & set(theirs)) / 100 for ours, theirs in zip(found, exact, strict=True)]
    assert 0.1 < np.mean(shares) < 0.95
    assert recall(index, queries, 100) == pytest.approx(np.mean(shares), abs=0.01)  # ties at the cut count


@pytest.mark.parametrize(("factory", "start"), [("IVF16,Flat", "nprobe=4"), ("HNSW4,Flat", "efSearch=64")])
def test_it_is_searched_deeper_until_the_recall_is_reached(built, queries, factory, start, monkeypatch):
    monkeypatch.setattr("embedtune.search.index.RECALL_WANTED", 0.999)
    index = built(factory)
    assert index.depth == start
    before = recall(index, queries, 20)
    reached = deepen(index, queries, 20)
    assert reached >= before and reached == recall(index, queries, 20)
    if reached < 0.999:
        for effort in list(index.more()):
            index.effort = effort
            assert recall(index, queries, 20) < reached + LEAST_GAIN


def test_where_the_index_finds_no_more_there_is_none(built, queries):
    index = built("IVF16,Flat")
    index.effort = Effort(1, 1)
    scores, positions = index.top_k(queries, 2000)
    assert scores.shape == (40, 2000)
    none = positions < 0
    assert none.any() and np.isneginf(scores[none]).all() and np.isfinite(scores[~none]).all()
    assert (np.diff(none.astype(int), axis=1) >= 0).all()


def test_it_is_built_once(built, queries, monkeypatch):
    first = built("IVF16,Flat").top_k(queries, 5)
    told: list[tuple[int, int]] = []
    with monkeypatch.context() as patch:
        patch.setattr(module, "_trained", None)  # building would fail now
        np.testing.assert_array_equal(built("IVF16,Flat").top_k(queries, 5)[1], first[1])
    built("IVF16,Flat", corpus_hash="other", progress=lambda *way: told.append(way))
    assert told[-1] == (2000, 2000)


@pytest.mark.parametrize("name", ["shard-000.faiss", "index.json"])
def test_a_damaged_index_is_built_again(built, queries, tmp_path, name):
    found = built("IVF16,Flat").top_k(queries, 5)
    [path] = tmp_path.rglob(name)
    whole = path.read_bytes()
    for place in (0, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 8]) + whole[place + 1 :])
        np.testing.assert_array_equal(built("IVF16,Flat").top_k(queries, 5), found)
        assert path.read_bytes() == whole


def test_vectors_may_lie_on_disk_in_half_precision(tmp_path, queries, documents):
    np.save(tmp_path / "v.npy", documents.astype(np.float16))
    on_disk = np.load(tmp_path / "v.npy", mmap_mode="r")
    index = disk_index(tmp_path / "i", on_disk, "Flat", corpus_hash="c", memory_bytes=ROOM)
    np.testing.assert_array_equal(index.top_k(queries, 5)[0], top_k(queries, on_disk, 5)[0])


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("Foo", "'Foo': could not parse index string Foo"),
        ("PQ7", "multiple of the number of subquantizers"),
        ("IVF4096,Flat", "4,096 lists, but there are only 2,000 vectors"),
        ("LSH", "METRIC_L2"),
        ("IDMap,Flat", "add does not make sense with IndexIDMap"),
    ],
)
def test_what_faiss_refuses_is_told_in_its_words(built, factory, said):
    with pytest.raises(ConfigError, match=said) as caught:
        built(factory)
    assert "IVF128,Flat" in caught.value.next and "/project" not in caught.value.message


def test_no_memory_for_even_a_part(built):
    with pytest.raises(ConfigError, match="at least 1 MiB of memory"):
        built("Flat", 1000)


def test_vectors_that_are_no_numbers(tmp_path, documents):
    broken = documents.copy()
    broken[77, 3] = np.nan
    with pytest.raises(ModelError, match="document 77"):
        disk_index(tmp_path / "i", broken, "Flat", corpus_hash="c", memory_bytes=ROOM)
    assert not (tmp_path / "i").exists()


@pytest.mark.parametrize("shards", [1, 4])
@pytest.mark.parametrize("factory", ["IVF16,Flat", "IVF16,SQ8", "IVF16,PQ8x4", "PCA24,IVF8,Flat"])
def test_lists_on_disk_find_what_an_index_in_memory_finds(
    built, queries, documents, monkeypatch, factory, shards, capfd
):
    monkeypatch.setattr(module, "_PART", len(documents) // shards)
    index = built(factory)
    assert len(index.shards) == shards
    index.effort = Effort(8, index.effort.fetched)
    found, where = index.top_k(queries, 5)
    plain = faiss.index_factory(documents.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
    order = module.IndexOrder(factory, documents, ROOM, 0, {})
    module._train(plain, module._sample(order, plain))
    plain.add(documents)
    faiss.ParameterSpace().set_index_parameter(plain, "nprobe", 8)
    candidates = plain.search(queries, min(2000, index.effort.fetched * 5 + 16))[1]
    for query, own, ours, scores in zip(queries, candidates, where, found, strict=True):
        exact = (documents[own[own >= 0]].astype(np.float64) @ query.astype(np.float64)).astype(np.float32)
        np.testing.assert_array_equal(scores, np.sort(exact)[::-1][:5])
        assert set(ours) <= set(own)
    assert capfd.readouterr() == ("", "")


def test_an_index_whose_building_was_cut_short_goes_on_with_the_next_part(built, queries, monkeypatch):
    monkeypatch.setattr(module, "_PART", 600)
    written, write = [], module._write

    def interrupted(index, path):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path.name)
        write(index, path)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            built("IVF16,PQ8x4")
    assert written == ["trained.faiss", "part-00000.faiss", "part-00001.faiss"]
    with monkeypatch.context() as patch:
        patch.setattr(module, "_train", None)  # training again would fail now
        patch.setattr(module, "_write", lambda index, path: (written.append(path.name), write(index, path)))
        resumed = built("IVF16,PQ8x4")
    assert written[3:] == ["part-00002.faiss", "part-00003.faiss"]
    assert not Path(f"{resumed.folder}.parts").exists()
    whole = built("IVF16,PQ8x4", 2 * ROOM)
    for ours, theirs in zip(resumed.top_k(queries, 5), whole.top_k(queries, 5), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_parts_of_other_documents_are_not_used(built, queries, documents, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.setattr(module, "_hand_over", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            built("IVF16,Flat")
    other = disk_index(
        tmp_path / f"IVF16,Flat-{ROOM}", documents[::-1].copy(), "IVF16,Flat", corpus_hash="other", memory_bytes=ROOM
    )
    other.effort = Effort(16, 1)
    np.testing.assert_array_equal(other.top_k(queries, 5)[0], top_k(queries, documents, 5)[0])


def test_candidates_are_fetched_until_the_rounding_costs_no_recall(built, queries):
    index = built("PQ2x4")
    assert index.depth == "4 candidates scored exactly per document wanted"
    before = recall(index, queries, 10)
    reached = deepen(index, queries, 10)
    assert before < 0.95 and reached > before and index.effort.fetched > 4
