"""What is refused before a command begins: an option with one value given twice, and a current folder that is gone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embedtune.errors import ConfigError

_SEVERAL = {
    "--data": "make one file of both, or give one of them; train and evaluate take several",
    "--columns": "write all of them in one: --columns anchor=NAME,positive=NAME",
    "--prompts": 'write both in one: --prompts query="...",document="..."',
}
"""What to do instead, for options that people give twice because they mean both values."""


def refuse_repeated(command: Any, context: Any, arguments: Sequence[str]) -> None:
    """Refuse options with a single value that stand twice; Typer would keep the last one.

    Switches say the same however often they are given, and options that may be repeated are lists.

    Raises:
        ConfigError: names every value of the first such option.
    """
    single = [one for one in command.get_params(context) if _takes_one_value(one)]
    parser = command.make_parser(context)
    for one in single:
        # In place of the declaration that keeps the last value.
        parser.add_option(obj=one, opts=[*one.opts], dest=one.name, action="append", nargs=one.nargs)
    found, _, _ = parser.parse_args(args=[*arguments])
    if any(found.get(one.name) for one in command.get_params(context) if one.is_eager):
        return  # --help answers whatever else was written
    for one in single:
        values = found.get(one.name) or ()
        if len(values) > 1:
            raise _repeated(max(one.opts, key=len), [str(value) for value in values])


def _takes_one_value(parameter: Any) -> bool:
    is_option = parameter.param_type_name == "option"
    return is_option and not (parameter.is_flag or parameter.multiple or parameter.count)


def _repeated(option: str, values: Sequence[str]) -> ConfigError:
    times = {2: "twice", 3: "three times"}.get(len(values), f"{len(values)} times")
    listed = f"{', '.join(map(repr, values[:-1]))} and {values[-1]!r}"
    return ConfigError(
        f"{option} is given {times}, with {listed}; it takes one value",
        where=option,
        next=_SEVERAL.get(option, "keep the one that you mean"),
    )


def demand_working_folder() -> None:
    """Refuse to work in a folder that was removed: relative paths lead nowhere, and nothing can be recorded.

    Raises:
        ConfigError: the current folder does not exist any more.
    """
    try:
        Path.cwd()
    except OSError as error:
        raise ConfigError(
            f"the current folder is gone or cannot be read: {error.strerror}",
            where="current folder",
            next="change to a folder that exists (cd), then run the command again",
        ) from None
