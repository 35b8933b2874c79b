"""What a model folder really holds: whole files or pointers to them, readable JSON, weights of their full length.

The model libraries answer a folder that was copied badly with a message about a header or a missing argument, or build
what is missing without a word. All of that shows in the files, so it is said here before anything heavy loads.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from embedtune.errors import ModelError
from embedtune.models.folders.faults import damaged, incomplete, unreadable
from embedtune.models.folders.tensors import check_length, check_shards, tensors_of

PICKLE = "pytorch_model.bin"
LFS = b"version https://git-lfs.github.com/spec"
READ = (".json", ".txt", ".model", ".safetensors")
"""Suffixes of the files that the libraries read."""
OBJECTS = re.compile(
    r"(config|config_sentence_transformers|sentence_[\w-]+_config|tokenizer_config|special_tokens_map|adapter_config"
    r"|router_config|.*\.safetensors\.index)\.json"
)
"""Names of the JSON files that must hold an object; others, such as the record of a training, may be in any form."""
WEIGHTLESS = ("Normalize", "Dropout")
WITH_WEIGHTS = ("Dense", "LayerNorm", "StaticEmbedding")
WITH_CONFIG = ("Pooling", "Dense", "LayerNorm", "WeightedLayerPooling", "Dropout")
ROUTES = "router_config.json"
QUANTISED = re.compile(r"[IU]\d+|F[48]\w*")


@dataclass(frozen=True)
class ModelFolder:
    """A folder that is said to hold a model.

    Args:
        path: of the folder.
    """

    path: Path

    def read(self, name: str) -> dict[str, Any] | None:
        """The object in a JSON file of the folder; None if there is no such file.

        Raises:
            ModelError: the file cannot be read, or holds something else.
        """
        value = self._parsed(self.path / name)
        if value is not None and not isinstance(value, dict):
            raise damaged(self.path / name, "it must hold a JSON object")
        return value

    @cached_property
    def modules(self) -> list[dict[str, Any]] | None:
        """The entries of modules.json; None if there is none.

        Raises:
            ModelError: it is not what sentence-transformers writes.
        """
        entries = self._parsed(self.path / "modules.json")
        if entries is None:
            return None
        file = self.path / "modules.json"
        if not isinstance(entries, list) or not entries:
            raise damaged(file, "it must list the modules of the model")
        for entry in entries:
            if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("type", "path")):
                raise damaged(file, "every module needs a type and a path")
            if PurePosixPath(entry["path"]).is_absolute() or ".." in PurePosixPath(entry["path"]).parts:
                raise damaged(file, f"the path {entry['path']!r} leads out of the folder")
            if not _can_be_there(self.path / entry["path"]):
                raise damaged(file, f"the path {entry['path'][:80]!r} can be no file's")
        return entries

    @property
    def config_path(self) -> str:
        """Where the transformer's own folder is, relative to this one; "" for this one itself."""
        first = self.modules[0]["path"] if self.modules else ""
        return "" if first in ("", ".") else f"{first}/"

    @cached_property
    def config(self) -> dict[str, Any]:
        """The configuration of the transformer; empty if there is none."""
        return self.read(f"{self.config_path}config.json") or {}

    @cached_property
    def declared(self) -> dict[str, Any]:
        """What the model declares to sentence-transformers; empty if there is nothing."""
        return self.read("config_sentence_transformers.json") or {}

    @property
    def adapter(self) -> dict[str, Any] | None:
        """The configuration of the PEFT adapter that the folder holds, if it holds one."""
        return self.read(f"{self.config_path}adapter_config.json")

    def check_files(self) -> None:
        """Refuse a folder whose files cannot be read, are pointers, are cut off, or are missing.

        Raises:
            ModelError: names the file.
        """
        for file in self._files():
            _check_file(file)
            if OBJECTS.fullmatch(file.name):
                self.read(file.relative_to(self.path).as_posix())
            if file.suffix == ".safetensors":
                check_length(file, tensors_of(file))
            # A single file of weights is preferred to several, and may be newer than the list of those.
            if file.name == "model.safetensors.index.json" and not (file.parent / "model.safetensors").exists():
                check_shards(file, self.read(file.relative_to(self.path).as_posix()) or {})
        self._check_modules()

    def quantised(self) -> str | None:
        """The type of weights that are whole numbers or eight bits wide, unless the folder says how to read them."""
        if "quantization_config" in self.config or self.config.get("model_type") == "model2vec":
            return None
        for file in self._files():
            if file.suffix == ".safetensors":
                for name, tensor in tensors_of(file).items():
                    if name.endswith("weight") and QUANTISED.fullmatch(str(tensor.get("dtype"))):
                        return str(tensor["dtype"])
        return None

    def module_folders(self) -> list[str]:
        """Where the modules are, relative to the folder: "." for the folder itself, then those inside a Router too.

        Raises:
            ModelError: modules.json or the configuration of a Router cannot be used.
        """
        inside = list(dict.fromkeys([".", *(entry["path"] or "." for entry in self.modules or ())]))
        for place in inside:
            types = (self.read(f"{place}/{ROUTES}") or {}).get("types")
            names = [name for name in types or () if ".." not in PurePosixPath(name).parts]
            inside += [f"{place}/{name}" for name in names if _can_be_there(self.path / place / name)]
        return inside

    def _files(self) -> Iterator[Path]:
        """The files that the libraries would read, in the folder and in those of its modules."""
        for place in self.module_folders():
            files = [file for file in _entries(self.path / place) if not file.is_dir()]
            safe = any(file.suffix == ".safetensors" for file in files)
            yield from (file for file in files if file.suffix in READ or (file.name == PICKLE and not safe))

    def _parsed(self, file: Path) -> Any:
        """The value in a JSON file; None if there is no file."""
        _demand_regular(file)
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(file, error) from None
        except (ValueError, RecursionError) as error:
            _check_file(file)
            raise damaged(file, str(error)) from None

    def _check_modules(self) -> None:
        if self.modules is None:
            self._check_unlisted()
        for full_kind, place, listed_in in self._listed():
            kind, folder, missing = full_kind.rsplit(".", 1)[-1], self.path / place, None
            if kind not in WEIGHTLESS and not folder.is_dir():
                missing = f"the folder {place}"
            elif kind in WITH_CONFIG and not (folder / "config.json").exists():
                missing = f"{place}/config.json"
            elif kind in WITH_WEIGHTS and not any(file.suffix in (".safetensors", ".bin") for file in _entries(folder)):
                missing = f"{place}/model.safetensors"
            elif kind == "Transformer" and not any(
                (folder / name).exists() for name in ("config.json", "adapter_config.json")
            ):
                missing = "config.json" if place == "." else f"{place}/config.json"
            elif kind == "Router" and not any((folder / name).exists() for name in (ROUTES, "config.json")):
                missing = f"{place}/{ROUTES}"
            if missing and full_kind.startswith("sentence_transformers."):
                raise incomplete(self.path, missing, f"its {listed_in} lists {kind}")

    def _listed(self) -> Iterator[tuple[str, str, str]]:
        """The modules and those inside a Router: the class of each, its folder, and the file that lists it."""
        for entry in self.modules or ():
            place = entry["path"] or "."
            yield entry["type"], place, "modules.json"
            types = (self.read(f"{place}/{ROUTES}") or {}).get("types")
            for name, kind in types.items() if isinstance(types, dict) else ():
                if isinstance(kind, str):
                    yield kind, f"{place}/{name}".removeprefix("./"), ROUTES

    def _check_unlisted(self) -> None:
        """Without modules.json, its modules would be replaced by mean pooling."""
        modules = [entry.name for entry in _entries(self.path) if re.fullmatch(r"\d+_[A-Z]\w*", entry.name)]
        if modules:
            raise incomplete(self.path, "modules.json", f"it holds {modules[0]}, a module of sentence-transformers")


def _check_file(file: Path) -> None:
    """Refuse a file that cannot be opened, is empty or is a Git-LFS pointer."""
    _demand_regular(file)
    try:
        with file.open("rb") as opened:
            begin = opened.read(len(LFS))
    except OSError as error:
        raise unreadable(file, error) from None
    if begin == LFS:
        raise ModelError(
            f"{file} is a Git-LFS pointer: the file itself was not downloaded",
            where="model",
            next=f"run `git lfs pull` in {file.parent}, or download the model with `hf download`",
        )
    if not begin and file.suffix in (".json", ".safetensors"):
        raise damaged(file, "it is empty")


def _can_be_there(path: Path) -> bool:
    """Whether a file could have this name, which may be too long or hold a NUL."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return True
    except (OSError, ValueError):
        return False
    return True


def _demand_regular(file: Path) -> None:
    """Refuse anything but a file, such as a named pipe, from which reading might never return."""
    if file.exists() and not file.is_file():
        raise damaged(file, "it is not a regular file")


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise unreadable(folder, error) from None
