"""Installed packages beside declared ranges."""

from importlib.metadata import PackageNotFoundError, requires
from importlib.metadata import version as installed_version

import pytest
from packaging.requirements import Requirement

from embedtune.workflows.doctor import versions


def by_name() -> dict[str, versions.Installed]:
    return {one.name: one for one in versions.installed()}


def test_all_that_is_declared_is_looked_at() -> None:
    needed = {Requirement(line).name for line in requires("embedtune") or () if "extra" not in line}
    found = by_name()
    assert needed | {"embedtune", "python"} <= set(found)
    assert all(found[name].version == installed_version(name) for name in needed)
    assert not {"pytest", "ruff", "embedtune[lora,tensorboard]"} & set(found)


@pytest.mark.parametrize(("here", "supported"), [("4.9", False), ("5.0", True), ("5.1rc1", True), ("6.0", False)])
def test_a_version_outside_its_range_is_seen(monkeypatch: pytest.MonkeyPatch, here: str, supported: bool) -> None:
    monkeypatch.setattr(versions, "requires", lambda name: ["transformers>=5.0,<6", 'peft>=1; extra == "lora"'])
    monkeypatch.setattr(versions, "version", lambda name: here)
    found = by_name()
    assert (found["transformers"].version, found["transformers"].supported) == (here, supported)
    assert found["peft"].extra == "lora"


def test_what_is_missing_counts_only_where_everybody_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(versions, "requires", lambda name: ["torch>=2", 'peft>=1; extra == "lora"'])
    monkeypatch.setattr(versions, "version", missing)
    found = by_name()
    assert (found["torch"].version, found["torch"].supported) == (None, False)
    assert "peft" not in found


def test_a_copy_that_was_never_installed_has_no_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(versions, "metadata", missing)
    assert set(by_name()) == {"embedtune", "python"}
