"""The wheel is small and complete, and works without a checkout."""

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from embedtune.config.recipe.shipped import recipe_names

ROOT = Path(__file__).parents[1]
MEBIBYTE = 1024 * 1024


def test_constraints_name_one_version_in_range_of_every_direct_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    declared = [Requirement(line) for line in chain(project["project"]["dependencies"], *extras)]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {pin.name.lower(): pin for pin in (Requirement(line) for line in lines if line and line[0] != "#")}
    outside = [need for need in declared if need.name != "embedtune"]
    assert {need.name.lower() for need in outside} == set(pinned)
    for need in outside:
        [exact] = pinned[need.name.lower()].specifier
        assert exact.operator == "=="
        assert need.specifier.contains(exact.version), need


def run(*command: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment |= {"HF_HUB_OFFLINE": "1", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--quiet")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of an environment that holds the wheel and sees this environment's packages, not the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / Path(sys.executable).name
    pip = (sys.executable, "-m", "pip", "--quiet", "--python", python)
    run(*pip, "install", "--no-deps", "--no-index", wheel)
    own_packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
    # A .pth file adds a folder without reading the .pth files inside it, so an editable install stays unseen.
    Path(own_packages, "test_environment.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return scripts


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < 2 * MEBIBYTE


def test_the_wheel_holds_the_recipes_and_the_samples(wheel: Path) -> None:
    names = contents(wheel)
    for folder in ("recipes", "data/samples", "data/guard", "reproductions", "skills"):
        inside = f"embedtune/shipped/{Path(folder).name}"
        expected = {f"{inside}/{path.relative_to(ROOT / folder).as_posix()}" for path in files_in(ROOT / folder)}
        assert expected
        assert {name for name in names if name.startswith(f"{inside}/")} == expected


def test_the_wheel_holds_what_agents_read(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in ("llms.txt", "skills/embedtune/SKILL.md"):
            assert archive.read(f"embedtune/shipped/{name}") == (ROOT / name).read_bytes()


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    top = {name.split("/")[0] for name in contents(wheel)}
    assert {name for name in top if not name.endswith(".dist-info")} == {"embedtune"}
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "embedtune").rglob("*.py")}
    assert {name for name in contents(wheel) if name.endswith(".py")} == sources
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in contents(wheel))


def test_the_installed_copy_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    code = "import embedtune, sys; print(embedtune.__file__); print(*sys.path, sep='\\n')"
    file, *path = run(installed / "python", "-c", code, folder=tmp_path).stdout.splitlines()
    assert Path(file).is_relative_to(installed.parent)
    assert str(ROOT) not in path


def test_recipes_are_found_and_in_order_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    out = run(installed / "embedtune", "recipes", "check", folder=tmp_path).stdout
    assert [line.split(":")[0] for line in out.splitlines()] == list(recipe_names())
    shown = json.loads(run(installed / "embedtune", "recipes", "show", "gist-pairs", "--json", folder=tmp_path).stdout)
    assert Path(shown["path"]).is_relative_to(installed.parent)


def test_train_works_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    short = ("--max-steps", "2", "--epochs", "1", "--batch-size", "32", "--device", "cpu", "--store", "none", "--json")
    done = run(installed / "embedtune", "train", "--loss", "gist", *short, folder=tmp_path)
    result = json.loads(done.stdout)
    assert result["steps"] == 2
    assert (tmp_path / result["model"]).is_dir()
    assert result["verdict"]["verdict"] in ("better", "worse", "no difference shown")
