"""`embedtune init`: look at the data, choose what suits them and this machine, write a recipe that says why.

Only what was decided is written; everything else keeps its default, so that a later version can choose better.
"""

import platform
import shlex
import shutil
import textwrap
from pathlib import Path

from embedtune.cgroup import free_memory, usable_cpus
from embedtune.config.recipe.load import dump_values, load
from embedtune.config.sections.encoder import ModelSection
from embedtune.config.sections.learned_data import DataSection
from embedtune.config.verbs.train import TrainConfig
from embedtune.data.formats import pairs
from embedtune.data.prepare import TrainingData, prepare
from embedtune.data.sources.columns import match
from embedtune.data.sources.reading.unchanged import declare_encoding
from embedtune.data.sources.streams import plain_suffix
from embedtune.data.sources.tables import look_ahead, open_table
from embedtune.data.splits.unpaired import queries_made
from embedtune.durable import whole_file
from embedtune.errors import ConfigError, DataError, OutputError
from embedtune.findings import counted
from embedtune.reports.document.short_names import folder_part, short_name
from embedtune.reports.document.wording import memory, sentence
from embedtune.reports.results.init import InitResult
from embedtune.workflows.init.choice import ModelChoice, chosen_loss, chosen_model, language_of, median_words
from embedtune.workflows.shared.choosing.vocabulary import declared_vocabulary
from embedtune.workflows.shared.outputs import Outputs
from embedtune.workflows.shared.talk import Silence, Talk, tell_findings

WIDTH = 110
"""Columns of a comment."""


def init(
    source: str,
    *,
    model: str | None = None,
    columns: str | None = None,
    encoding: str | None = None,
    output: str | None = None,
    force: bool = False,
    talk: Talk | None = None,
) -> InitResult:
    """Write a recipe for some data.

    Args:
        source: what `--data` takes.
        model: the encoder to start from; None chooses one.
        columns: as `--columns`; None goes by their names, and guesses where these do not say enough.
        encoding: of text that is not UTF-8, as `--encoding`.
        output: the recipe's file; None names it after the data.
        force: replace a file that is there.
        talk: receives what was read, and what is odd about it.

    Raises:
        DataError: the data cannot be used.
        ConfigError: an option is wrong.
        OutputError: the file is there already, or cannot be written.
    """
    talk = talk or Silence()
    section = _section(source, columns, encoding)
    declare_encoding(section.encoding)
    data, section, guessed = _read(section)
    for said in data.described:
        talk.say(said)
    tell_findings(talk, data.findings)
    language = language_of([*data.train.anchors[:1000], *data.train.positives[:1000]])
    choice = chosen_model(model, language, median_words(data.train.positives))
    if model is not None:
        learned = {"anchor": data.train.anchors, "positive": data.train.positives}
        tell_findings(talk, declared_vocabulary(ModelSection(name=model), learned))
    target = _target(source, output, force=force)
    text, described = _recipe(target, section, data, choice, language, guessed)
    with whole_file(target) as stream:
        stream.write(text)
    return InitResult(str(target), text, described, guessed, _commands(target, section))


def _section(source: str, columns: str | None, encoding: str | None) -> DataSection:
    given = {"data": source, "columns": columns, "encoding": encoding}
    found: DataSection = load(TrainConfig, None, [], given, verb="init").data
    return found


def _read(section: DataSection) -> tuple[TrainingData, DataSection, dict[str, str]]:
    """The data; how they were read; and the columns that were guessed for it."""
    try:
        return prepare(section, 0), section, {}
    except DataError as error:
        if error.retry and error.retry.startswith("--columns "):
            option = shlex.split(error.retry)[1]
            named = _section(section.source, option, section.encoding)
            guessed = {role: name for role, name in named.columns.items() if role not in section.columns}
            return prepare(named, 0), named, guessed
        viewed = section.model_copy(update={"views": "crop"})  # texts without pairs: only to look at them
        try:
            data = prepare(viewed, 0)
        except (DataError, ConfigError):
            raise error from None
        if not data.unpaired:
            raise
        return data, section, {}


def _target(source: str, output: str | None, *, force: bool) -> Path:
    name = folder_part(short_name(source).partition(".")[0]) or "recipe"
    target = Path(output).expanduser() if output else Path(f"{name}.yaml")
    if target.suffix not in (".yaml", ".yml"):
        raise ConfigError(f"a recipe is a YAML file, so {target} must end in .yaml", where="--output")
    Outputs([target]).demand_apart([("DATA", source)])
    if target.exists() and not force:
        raise OutputError("the file is already there", where=str(target), next="--force replaces it")
    return target


def _recipe(
    target: Path,
    section: DataSection,
    data: TrainingData,
    choice: ModelChoice,
    language: str,
    guessed: dict[str, str],
) -> tuple[str, tuple[str, ...]]:
    """The recipe's text with its reasons as comments, and the sentences that sum it up."""
    rows = data.train
    what = (
        f"{counted(len(rows), 'row')} to train on, {language}: "
        f"a median of {median_words(rows.anchors):.0f} words per anchor and "
        f"{median_words(rows.positives):.0f} per positive"
    )
    loss = chosen_loss(data)
    described = [f"{what}; {_machine()}", f"model: {choice.name} ({choice.reason})"]
    described.append(f"loss: {loss.names or 'left open'} ({loss.reason})")
    if data.unpaired and data.test is None:
        described.append(f"test: none without queries; {queries_made(section.source)}")
    if guessed:
        named = ", ".join(f"{column!r} as {role}" for role, column in guessed.items())
        described.append(f"guessed columns, please confirm: {named}")
    given = {"columns": dict(section.columns), "encoding": section.encoding}
    source = {"source": section.source} | {key: value for key, value in given.items() if value}
    name = {"name": choice.name} | ({"prompts": choice.prompts} if choice.prompts else {})
    parts = [
        _comments(f"embedtune train {_as_recipe(target)}", "", what + ".", sentence(_machine()), _REST),
        _part(f"Why: {choice.reason}. `--model starter` needs no download and trains in seconds.", {"model": name}),
        _part("Guessed from the columns' names and texts: please confirm." if guessed else "", {"data": source}),
        _part(f"Why: {loss.reason}. {_EXPLAINED}", {"loss": loss.terms} if loss.terms else {}),
    ]
    return "\n".join(parts), tuple(described)


_EXPLAINED = "`embedtune losses` explains all of them."
_REST = "What is not here keeps its default; `embedtune train --dry-run` with this recipe prints all of it."


def _part(comment: str, values: dict[str, object]) -> str:
    return (_comments(comment) if comment else "") + (dump_values(values) if values else "")


def _comments(*lines: str) -> str:
    found: list[str] = []
    for line in lines:
        found += textwrap.wrap(line, WIDTH) or [""]
    return "".join(f"# {line}".rstrip() + "\n" for line in found)


def _machine() -> str:
    """This machine in words, without loading torch."""
    gpu = "a GPU by Apple" if (platform.system(), platform.machine()) == ("Darwin", "arm64") else "no GPU"
    if Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi"):
        gpu = "a GPU by NVIDIA"
    free = free_memory()
    size = f", {memory(free)} of free memory" if free else ""
    return f"this machine has {counted(usable_cpus(), 'processor')}{size} and {gpu}"


def _as_recipe(target: Path) -> str:
    """How the file is named on a command line: a bare name could mean a built-in recipe."""
    return shlex.quote(str(target) if target.parent != Path() else f"./{target}")


def _commands(target: Path, section: DataSection) -> tuple[str, ...]:
    """Check, train, try: complete commands, to be pasted one after the other."""
    run = f"runs/{folder_part(target.stem)}"
    data = f"--data {shlex.quote(section.source)}"
    named = ",".join(f"{role}={column}" for role, column in section.columns.items())
    columns = f" --columns {shlex.quote(named)}" if named else ""
    encoding = f" --encoding {shlex.quote(section.encoding)}" if section.encoding else ""
    column = _searched_column(section)
    return (
        f"embedtune check {data}{columns}{encoding}",
        f"embedtune train {_as_recipe(target)} --output {run}",
        f"embedtune search --model {run}/model --model bm25 {data}{column}{encoding}",
    )


def _searched_column(section: DataSection) -> str:
    """The option by which a file of pairs is searched: for its positives, which are its documents."""
    path = Path(section.source).expanduser()
    if not path.is_file() or plain_suffix(path) == ".txt":
        return ""
    try:
        _, present = look_ahead(open_table(path))
    except DataError:  # an archive, which is read otherwise
        return ""
    found = match(pairs.ROLES, present, section.columns)
    return f" --column {shlex.quote(found['positive'][0])}" if "positive" in found else ""
