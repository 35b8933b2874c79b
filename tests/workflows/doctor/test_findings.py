"""What is said of machines that lack something, and that nothing is said of one that does not."""

import pytest

from embedtune.reports.results.doctor import Installed, Memory, Place, Processor, TorchBuild
from embedtune.workflows.doctor import findings

PLENTY = 2**40


def codes(found: object) -> list[tuple[str, str]]:
    return [(one.code, one.severity) for one in found]  # type: ignore[attr-defined]


def chip(usable: int, cores: int = 8) -> Processor:
    return Processor("name", cores, usable, None, ("avx2",))


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "system_load", lambda: 0.1)


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        (Installed("torch", "2.9", ">=2.6", True), []),
        (Installed("torch", "2.5", ">=2.6", False), [("unsupported-version", "warning")]),
        (Installed("torch", None, ">=2.6", False), [("unsupported-version", "error")]),
    ],
)
def test_versions(package: Installed, expected: list[tuple[str, str]]) -> None:
    found = list(findings.of_versions([package]))
    assert codes(found) == expected
    assert all("pip install 'torch>=2.6'" in one.fix for one in found)


@pytest.mark.parametrize(
    ("usable", "threads", "load", "expected"),
    [
        (4, 4, 0.5, []),
        (1, 1, 0.5, [("one-core", "warning")]),
        (4, 8, 0.5, [("too-many-threads", "warning")]),
        (4, 4, 4.5, [("busy", "note")]),
        (4, 4, None, []),
    ],
)
def test_processors(
    monkeypatch: pytest.MonkeyPatch, usable: int, threads: int, load: float | None, expected: list
) -> None:
    monkeypatch.setattr(findings, "system_load", lambda: load)
    assert codes(findings.of_processor(chip(usable), threads)) == expected


@pytest.mark.parametrize(
    ("cuda", "driver", "chosen", "expected"),
    [
        (None, False, "cpu", []),
        ("12.8", False, "cpu", [("cuda-build-without-gpu", "note")]),
        ("12.8", True, "cpu", [("gpu-unused", "warning")]),
        (None, True, "cpu", [("gpu-unused", "warning")]),
        ("12.8", True, "cuda:0", []),
    ],
)
def test_builds(cuda: str | None, driver: bool, chosen: str, expected: list) -> None:
    built = TorchBuild(cuda, None, driver, None)
    assert codes(findings.of_build(built, chosen)) == expected


@pytest.mark.parametrize(
    ("cuda", "visible", "code"),
    [
        ("12.8", "", "gpu-hidden"),
        ("12.8", "-1", "gpu-hidden"),
        ("12.8", "0", "gpu-unused"),
        (None, "", "gpu-unused"),
    ],
)
def test_gpus_that_the_user_hides_are_no_mistake(cuda: str | None, visible: str, code: str) -> None:
    built = TorchBuild(cuda, None, True, visible)
    assert [found for found, _ in codes(findings.of_build(built, "cpu"))] == [code]


@pytest.mark.parametrize(
    ("left", "free", "writable", "expected"),
    [
        (PLENTY, PLENTY, True, []),
        (None, None, True, []),
        (findings.LITTLE_MEMORY - 1, PLENTY, True, [("little-memory", "warning")]),
        (PLENTY, findings.LITTLE_DISK - 1, True, [("little-disk", "warning")]),
        (PLENTY, PLENTY, False, [("not-writable", "warning")]),
    ],
)
def test_room(left: int | None, free: int | None, writable: bool, expected: list) -> None:
    place = Place("vectors", "/어딘가", free, writable)
    assert codes(findings.of_places(Memory(PLENTY, None, left), [place])) == expected
