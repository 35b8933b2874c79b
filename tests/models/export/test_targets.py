"""The targets are the files of their folder, and the option names the same ones."""

from importlib import import_module
from typing import get_args

from embedtune.config.verbs.export import Target
from embedtune.models.export import target_names


def test_the_option_lists_the_folder() -> None:
    assert set(get_args(Target)) == set(target_names())


def test_every_target_says_what_it_makes() -> None:
    for name in target_names():
        target = import_module(f"embedtune.models.export.targets.{name}")
        assert set(target.PRECISIONS) <= {"fp32", "fp16", "int8"}
        assert target.RUNS_ON and target.FILE and callable(target.demand) and callable(target.write)
