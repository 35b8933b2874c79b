import pytest

from embedtune.config.sections.learned_data import DataSection
from embedtune.data.sources.source import FileSource
from embedtune.data.splits.plan import Plan, plan_splits
from embedtune.errors import DataError


def plan(*splits: str, **options: str) -> Plan:
    files = {split: [] for split in splits} or {"": []}
    return plan_splits(FileSource("a", "the folder a", files), DataSection(source="a", **options))


@pytest.mark.parametrize(
    ("splits", "options", "expected", "held_out"),
    [
        ((), {}, ("", None, None), ("test", "dev")),
        ((), {"eval_source": "b"}, ("", None, None), ("dev",)),
        ((), {"eval_source": "b", "eval_split": "hard"}, ("", None, None), ("dev",)),
        (("train",), {}, ("train", None, None), ("test", "dev")),
        (("train", "test"), {}, ("train", None, "test"), ("dev",)),
        (("train", "valid"), {}, ("train", "valid", None), ("test",)),
        (("train", "dev", "test"), {}, ("train", "dev", "test"), ()),
        (("training", "eval", "test"), {}, ("training", "eval", "test"), ()),
        (("train", "dev", "test"), {"eval_split": "dev"}, ("train", None, "dev"), ("dev",)),
        (("train", "dev", "test"), {"eval_source": "b"}, ("train", "dev", None), ()),
        (("dev", "test"), {"split": "dev"}, ("dev", None, "test"), ("dev",)),
        (("train", "test", "test-unseen"), {"eval_split": "test-unseen"}, ("train", None, "test-unseen"), ("dev",)),
    ],
)
def test_what_is_read_and_what_is_held_out(splits, options, expected, held_out) -> None:
    found = plan(*splits, **options)
    assert (found.train, found.dev, found.test) == expected
    assert found.held_out == held_out


@pytest.mark.parametrize(
    ("splits", "options", "words"),
    [
        (("dev", "test"), {}, "no split 'train' in the folder a; it has dev, test"),
        (("train", "test"), {"eval_split": "tset"}, "no split 'tset'"),
        (("train", "test"), {"split": "test"}, "cannot serve for training and test at once"),
        ((), {"split": "extra"}, "it is not divided into splits"),
        ((), {"eval_split": "extra"}, "it is not divided into splits"),
    ],
)
def test_splits_that_are_not_there(splits, options, words) -> None:
    with pytest.raises(DataError) as caught:
        plan(*splits, **options)
    assert words in caught.value.message
