"""Every output of every verb, named as every input of it in several spellings: refused, and nothing is touched."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from embedtune import api
from embedtune.errors import ConfigError
from embedtune.workflows.data.preferences import click_preferences

ROW = json.dumps({"anchor": "q", "positive": "p"}) + "\n"


def call(verb: str, output: str, option: str, name: str) -> Any:
    given: dict[str, Any] = {"data": "elsewhere.jsonl", "model": "m/other", option: name}
    if verb == "check":
        return api.check(**given, fix=output, force=True)
    if verb in ("mine", "encode"):
        return getattr(api, verb)(**given, output=output, store="none", force=True)
    if verb == "evaluate":
        several = {"data", "model", "train_data", "run"}
        plain = {key: [value] if key in several else value for key, value in given.items()}
        return api.evaluate(**plain, output=output, store="none")
    if verb == "train":
        return api.train(**given, output=output, store="none")
    if verb == "preferences":
        return click_preferences(name, output, force=True)
    return api.compare("a.run", "b.run", **{option: name}, output=output) if option == "data" else None


# verb -> the output that is named, the files that are written, the work or result folder, the options that read
VERBS: dict[str, tuple[str, list[str], list[str], list[str]]] = {
    "check": ("x.jsonl", ["x.jsonl", "x.removed.jsonl"], [], ["data", "eval_data", "corpus"]),
    "mine": (
        "x.jsonl",
        ["x.jsonl", "x.ledger.jsonl", "x.report.html", "x.report.md"],
        ["x.jsonl.job"],
        ["data", "corpus", "relabel"],
    ),
    "mine parquet": ("x.parquet", ["x.parquet", "x.ledger.jsonl"], ["x.parquet.job"], ["data", "corpus", "relabel"]),
    "encode": ("x.npy", ["x.npy"], ["x.npy.job"], ["data"]),
    "encode parquet": ("x.parquet", ["x.parquet"], ["x.parquet.job"], ["data"]),
    "preferences": ("x.jsonl", ["x.jsonl"], [], ["log"]),
    "evaluate": ("x", [], ["x"], ["data", "train_data", "candidates", "run"]),
    "compare": ("x", [], ["x"], ["data"]),
    "train": ("x", [], ["x"], ["data", "eval_data", "guide"]),
}
MODELS = {
    "check": ["model"],
    "mine": ["model", "guide", "cross_encoder"],
    "encode": ["model"],
    "evaluate": ["model", "query_model"],
    "train": ["model", "guide"],
}


def spelled(path: Path) -> Iterator[str]:
    """The same file by other names; makes the links."""
    (path.parent / "sub").mkdir(exist_ok=True)
    (path.parent / "sym").symlink_to(path.name)
    (path.parent / "hard").hardlink_to(path)
    (path.parent / "folder").symlink_to(".", target_is_directory=True)
    yield from (str(path), f"./{path}", f"sub/../{path}", str(path.absolute()), f"folder/{path}", "sym", "hard")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(act: Callable[[], Any], here: Path, words: str) -> None:
    before = contents(here)
    with pytest.raises(ConfigError, match=words) as told:
        act()
    assert told.value.exit_code == 2 and told.value.where and "another name" in str(told.value.next)
    assert contents(here) == before


FILES = [
    (verb, output, file, option)
    for verb, (output, files, _, options) in VERBS.items()
    for file in files
    for option in options
    # the ledger that a job reads decisions from and writes them back to
    if (file, option) != ("x.ledger.jsonl", "relabel")
]


@pytest.mark.parametrize(("verb", "output", "file", "option"), FILES)
def test_a_file_that_is_read(here: Path, verb: str, output: str, file: str, option: str) -> None:
    Path(file).write_text(ROW)
    for name in spelled(Path(file)):
        refused(lambda name=name: call(verb.split()[0], output, option, name), here, "would overwrite the file of")


@pytest.mark.parametrize("verb", list(VERBS))
def test_an_output_that_is_a_link_to_what_is_read(here: Path, verb: str) -> None:
    output, files, _, options = VERBS[verb]
    if not files:
        return
    data, link = Path("data.jsonl"), Path(output)
    data.write_text(ROW)
    for make in (link.symlink_to, link.hardlink_to):
        make(data)
        refused(lambda: call(verb.split()[0], output, options[0], str(data)), here, "would overwrite the file of")
        link.unlink()


FOLDERS = [
    (verb, output, folder, option)
    for verb, (output, _, folders, options) in VERBS.items()
    for folder in folders
    for option in options
]


@pytest.mark.parametrize(("verb", "output", "folder", "option"), FOLDERS)
def test_a_work_or_result_folder_that_holds_what_is_read(
    here: Path, verb: str, output: str, folder: str, option: str
) -> None:
    (here / folder).mkdir()
    (here / folder / "train.jsonl").write_text(ROW)
    (here / "sym").symlink_to(folder, target_is_directory=True)
    for name in (folder, f"./{folder}/train.jsonl", "sym", "sym/train.jsonl"):
        refused(lambda name=name: call(verb.split()[0], output, option, name), here, "would be written to and emptied")


@pytest.mark.parametrize("member", ["corpus.jsonl", "queries.jsonl", "qrels/test.jsonl", "pairs.jsonl", "train.jsonl"])
@pytest.mark.parametrize(
    ("verb", "option"),
    [(verb, option) for verb in ("check", "mine", "preferences") for option in VERBS[verb][3] if option != "relabel"],
)
@pytest.mark.parametrize("new", [True, False])
def test_a_member_of_a_folder_that_is_read(here: Path, member: str, verb: str, option: str, new: bool) -> None:
    (here / "set" / "qrels").mkdir(parents=True)
    (here / "link").symlink_to("set", target_is_directory=True)
    for name in ("corpus.jsonl", "queries.jsonl"):
        if not new or name != member:
            (here / "set" / name).write_text(json.dumps({"_id": "1", "text": "t"}) + "\n")
    outputs = [f"set/{member}", f"./set/../set/{member}", f"link/{member}"]
    if not new:
        (here / "set" / member).write_text(ROW)
        (here / "hard.jsonl").hardlink_to(here / "set" / member)
        (here / "sym.jsonl").symlink_to(here / "set" / member)
        outputs += ["hard.jsonl", "sym.jsonl"]
    for output in outputs:
        for name in ("set", "./set/", "link"):
            act = lambda output=output, name=name: call(verb, output, option, name)  # noqa: E731
            refused(act, here, "is or would be one of the files in")


@pytest.mark.parametrize("output", ["set/corpus.parquet", "set/train.parquet", "set/qrels/dev.parquet"])
def test_vectors_among_data(here: Path, output: str) -> None:
    (here / "set").mkdir()
    refused(lambda: call("encode", output, "data", "set"), here, "is or would be one of the files in")


def test_a_new_file_among_files_of_which_any_could_be_meant(here: Path) -> None:
    (here / "set").mkdir()
    (here / "set" / "mine.jsonl").write_text(ROW)
    refused(lambda: call("check", "set/clean.jsonl", "data", "set"), here, "is or would be one of the files in")


@pytest.mark.parametrize("verb", ["evaluate", "compare", "train"])
def test_results_among_judgments(here: Path, verb: str) -> None:
    (here / "set").mkdir()
    refused(lambda: call(verb, "set/qrels", "data", "set"), here, "is or would be a part of set")


@pytest.mark.parametrize(("verb", "option"), [(verb, option) for verb, options in MODELS.items() for option in options])
def test_anything_in_a_model_folder(here: Path, verb: str, option: str) -> None:
    (here / "m" / "inner").mkdir(parents=True)
    (here / "m" / "config.json").write_text("{}")
    output = VERBS[verb][0]
    for where in (f"m/{output}", f"m/inner/../{output}", f"m/inner/{output}"):
        refused(
            lambda where=where: call(verb, where, option, "m"), here, "is or would be (one of the files in|a part of)"
        )


@pytest.mark.parametrize("verb", ["check", "mine", "encode"])
def test_an_unrelated_file_needs_force(here: Path, verb: str) -> None:
    (here / "data.jsonl").write_text(ROW)
    output, files, *_ = VERBS[verb]
    key = {"fix" if verb == "check" else "output": output}
    model = {} if verb == "check" else {"model": "starter" if verb == "mine" else str(a_model(here))}
    for file in files:
        (here / file).write_text("precious")
        act = lambda: getattr(api, verb)(data="data.jsonl", **key, **model)  # noqa: E731
        refused(act, here, "already exists, and embedtune did not write it")
        (here / file).unlink()


def a_model(here: Path) -> Path:
    from embedtune.models.files.starter import build_starter

    if not (here / "m").exists():
        build_starter(["a text", "another text"], seed=0).save(str(here / "m"))
    return here / "m"


@pytest.mark.parametrize("verb", ["mine", "encode"])
def test_a_work_folder_of_others_is_refused(here: Path, verb: str) -> None:
    (here / "data.jsonl").write_text(ROW)
    output = VERBS[verb][0]
    (here / f"{output}.job").mkdir()
    (here / f"{output}.job" / "notes.txt").write_text("precious")
    model = "starter" if verb == "mine" else str(a_model(here))
    act = lambda: getattr(api, verb)(data="data.jsonl", model=model, output=output)  # noqa: E731
    refused(act, here, "holds other files: notes.txt")
