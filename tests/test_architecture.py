"""House rules that linters cannot check."""

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

import embedtune
from embedtune.cli.shared.app import verb_names
from embedtune.clustering import method_names
from embedtune.data.views import view_names
from embedtune.losses import loss_names

PACKAGE = Path(embedtune.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"torch", "sentence_transformers", "transformers", "faiss", "datasets"}


def modules_in(package: str) -> list[str]:
    files = (PACKAGE / package).rglob("*.py")
    names = [".".join(("embedtune", *path.relative_to(PACKAGE).with_suffix("").parts)) for path in files]
    return sorted(name.removesuffix(".__init__") for name in names)


@pytest.mark.parametrize(
    "modules",
    [["embedtune"], modules_in("cli"), modules_in("config"), ["embedtune.errors", "embedtune.identity"]],
    ids=["embedtune", "cli", "config", "ground floor"],
)
def test_importing_loads_nothing_heavy(modules: list[str]) -> None:
    assert modules
    code = f"import sys, {', '.join(modules)}; print(*sorted(set(sys.modules) & set({sorted(HEAVY)!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_listing_losses_loads_nothing_heavy() -> None:
    code = (
        "import sys; from embedtune.losses import loss_names; print(loss_names());"
        f"print(*sorted(set(sys.modules) & set({sorted(HEAVY)!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names, heavy = done.stdout.splitlines()
    assert "gist" in names
    assert heavy == ""


def test_files_are_named_after_what_they_hold() -> None:
    vague = {"utils", "helpers", "common", "misc", "manager", "handler"}
    assert [path for path in FILES if path.stem in vague] == []


def test_every_file_says_what_it_is() -> None:
    silent = [path for path in FILES if path.stat().st_size and not path.read_text(encoding="utf-8").startswith('"""')]
    assert silent == []


LISTINGS = {
    "cli",
    "config/verbs",
    "losses",
    "reports",
    "reports/results",
    "data/formats",
    "data/views",
    "clustering/methods",
}
"""Folders whose listing is a list of names: they may hold more, and hold nothing else."""


def test_no_folder_is_a_pile() -> None:
    counts = Counter(path.parent.relative_to(PACKAGE).as_posix() for path in FILES if path.stem != "__init__")
    assert {folder: count for folder, count in counts.items() if count > 14 and folder not in LISTINGS} == {}


def test_the_folders_of_names_hold_nothing_else() -> None:
    assert modules_in_folder("cli") == set(verb_names())
    assert modules_in_folder("losses") == set(loss_names())
    assert modules_in_folder("data/views") == set(view_names())
    assert modules_in_folder("clustering/methods") == set(method_names())


def modules_in_folder(folder: str) -> set[str]:
    return {path.stem for path in (PACKAGE / folder).glob("*.py")} - {"__init__"}


def test_every_class_has_a_name_of_its_own() -> None:
    names = Counter(node.name for _, node in definitions() if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []


def test_everything_public_says_what_it_is() -> None:
    silent = [
        f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}"
        for path, node in definitions()
        if not ast.get_docstring(node) and not is_overload(node)
    ]
    assert silent == []


def definitions() -> Iterator[tuple[Path, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Public classes, and public functions of modules and of public classes."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for path in FILES:
        waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
        while waiting:
            for node in ast.iter_child_nodes(waiting.pop()):
                if isinstance(node, kinds) and not node.name.startswith("_"):
                    yield path, node
                    waiting += [node] if isinstance(node, ast.ClassDef) else []


def is_overload(node: ast.AST) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "overload" for one in getattr(node, "decorator_list", ()))


def test_no_file_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph("embedtune")
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    # Files that import nothing that is still there are taken away until none is left, or only circles are.
    while free := {module for module, needed in imports.items() if not needed & imports.keys()}:
        imports = {module: needed for module, needed in imports.items() if module not in free}
    circles = {module for module in imports if any(module in imports.get(other, ()) for other in imports[module])}
    assert not imports, sorted(circles) or sorted(imports)
