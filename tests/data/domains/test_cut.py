"""Cutting the data of a run into domains: every row and query in its own, and nothing of a later one shown early."""

import pytest

from embedtune.config.recipe.load import load
from embedtune.config.sections.domains import DomainsSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.domains.cut import domains_of
from embedtune.data.sets.several import prepare_sets
from embedtune.data.sources.reading.unchanged import declare_read_besides, unchanged_inputs
from embedtune.errors import ConfigError, DataError


@unchanged_inputs()
def cut(source, by="product", order=(), **options):
    section = load(TrainConfig, options={"data": [str(one) for one in source], **options}).data
    declare_read_besides(DomainsSection(by=by).column)
    data = prepare_sets(section, 0)
    return data, domains_of(data, section, DomainsSection(by=by, order=list(order)), 0)


def records(pairs, count, products):
    return [{**record, "product": products[i % len(products)]} for i, record in enumerate(pairs(count))]


def test_rows_and_queries_are_in_the_domain_of_their_line(put, lines, pairs) -> None:
    rows = records(pairs, 120, ("계좌", "card", "3"))
    of = {record["anchor"]: record["product"] for record in rows}
    data, domains = cut([put("a.jsonl", lines(rows))])
    assert [one.name for one in domains] == ["계좌", "card", "3"]
    for one in domains:
        texts = [*one.data.train.anchors, *one.data.dev.queries.values(), *one.data.test.queries.values()]
        assert {of[text] for text in texts} == {one.name}
        assert one.data.test.corpus is data.test.corpus
        assert one.data.unseen == data.unseen & one.data.test.queries.keys()
        assert set(map(tuple, one.data.known_positives.tolist())) == set(
            zip(one.data.train.anchor_ids.tolist(), one.data.train.positive_ids.tolist(), strict=True)
        )
    assert sum(len(one.data.train) for one in domains) == len(data.train)
    assert sum(len(one.data.test.queries) for one in domains) == len(data.test.queries)


def test_the_domain_may_be_another_column_than_the_group(put, lines, pairs) -> None:
    rows = [{**record, "room": f"r{i // 6}"} for i, record in enumerate(records(pairs, 120, ("a", "b")))]
    _, domains = cut([put("a.jsonl", lines(rows))], group="room")
    for one in domains:
        assert one.data.test.groups.column == "room"
        assert set(one.data.test.queries) <= one.data.test.groups.of.keys()


def test_queries_of_a_folder_name_their_domain(put, lines, beir) -> None:
    judged = {
        "train": [(f"q{i}", f"d{i}", 1) for i in range(40)],
        "test": [(f"q{i}", f"d{i}", 1) for i in range(40, 44)],
    }
    folder = beir("set", judged, documents=44)
    put("set/queries.jsonl", lines([{"_id": f"q{i}", "text": f"질문 {i}?", "product": "ab"[i % 2]} for i in range(44)]))
    _, domains = cut([folder])
    assert [one.name for one in domains] == ["a", "b"]
    assert set(domains[1].data.test.queries) == {"q41", "q43"}


def test_texts_paired_by_class_are_paired_within_their_domain(put, lines) -> None:
    rows = [
        {"text": f"{label} {product} {number}", "label": label, "product": product}
        for label in ("a", "b")
        for product in ("x", "y")
        for number in range(30)
    ]
    _, domains = cut([put("t.jsonl", lines(rows))])
    for one in domains:
        texts = [*one.data.train.anchors, *one.data.train.positives]
        assert {text.split()[1] for text in texts} == {one.name}
        paired = zip(one.data.train.anchors, one.data.train.positives, strict=True)
        assert all(anchor.split()[0] == positive.split()[0] for anchor, positive in paired)


def test_each_data_set_can_be_a_domain(put, lines, pairs) -> None:
    first, second = put("one.jsonl", lines(pairs(40))), put("two.jsonl", lines(pairs(40, 100)))
    _, domains = cut([first, second], by="data")
    assert [one.name for one in domains] == ["one", "two"]
    assert [len(one.data.train) for one in domains] == [32, 32]
    assert domains[1].data.train.sources is None and len(domains[1].data.test.corpus) == 40


def test_an_order_names_every_domain_once(put, lines, pairs) -> None:
    path = put("a.jsonl", lines(records(pairs, 120, ("a", "b", "c"))))
    assert [one.name for one in cut([path], order=("c", "a", "b"))[1]] == ["c", "a", "b"]
    with pytest.raises(ConfigError, match="no domain 'd'"):
        cut([path], order=("a", "b", "d"))
    with pytest.raises(ConfigError, match="the order lacks c"):
        cut([path], order=("a", "b"))


def test_numbers_may_be_domains_and_their_order(put, lines, pairs) -> None:
    path = put("a.jsonl", lines(records(pairs, 120, (1, 2, 3))))
    asked = load(TrainConfig, None, ["domains.order=[3,1,2]"], {"domains": "product"}).domains
    assert asked.order == ["3", "1", "2"]
    assert [one.name for one in cut([path], order=asked.order)[1]] == ["3", "1", "2"]


def test_what_cannot_be_domains_is_refused(put, lines, pairs) -> None:
    path = put("a.jsonl", lines(records(pairs, 60, ("only",))))
    with pytest.raises(DataError, match="of one domain, 'only'"):
        cut([path])
    with pytest.raises(DataError, match="no column 'prodct'") as caught:
        cut([path], by="prodct")
    assert str(caught.value.where).startswith("--domains prodct") and "--domains" in str(caught.value.next)
    empty = [{**record, "product": ""} if i % 3 else record for i, record in enumerate(records(pairs, 60, ("a", "b")))]
    with pytest.raises(DataError, match="every row needs one") as caught:
        cut([put("c.jsonl", lines(empty))])
    assert "give every row a 'product'" in str(caught.value.next)
    few = [{**record, "product": "rare" if i == 0 else "common"} for i, record in enumerate(pairs(60))]
    with pytest.raises(DataError, match="the domain 'rare' has"):
        cut([put("b.jsonl", lines(few))])


def test_judged_queries_without_the_column_are_refused(put, lines, pairs) -> None:
    put("set/test.jsonl", lines(pairs(10, 100)))
    folder = put("set/train.jsonl", lines(records(pairs, 40, ("a", "b")))).parent
    with pytest.raises(DataError, match="product"):
        cut([folder])
