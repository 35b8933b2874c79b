"""`embedtune data preferences`: a click log in, rows for the loss dpo out."""

from dataclasses import dataclass

from embedtune.data.sources.clicks import Skipped, read_clicks
from embedtune.data.sources.reading.remote import given_file
from embedtune.data.sources.reading.unchanged import unchanged_inputs
from embedtune.data.sources.tables import open_table
from embedtune.data.sources.write import write_jsonl
from embedtune.errors import DataError
from embedtune.workflows.shared.outputs import Outputs


@dataclass(frozen=True)
class PreferencesResult:
    """The outcome of `embedtune data preferences`; the field names are the `--json` keys.

    Args:
        output: the file of preferences.
        rows: how many there are.
        clicks: how many clicks they are from.
        said: sentences about what was read and left out.
    """

    output: str
    rows: int
    clicks: int
    said: tuple[str, ...]


@unchanged_inputs()
def click_preferences(
    source: str, output: str, *, skipped: Skipped = "above", force: bool = False
) -> PreferencesResult:
    """Write the preferences in a click log as {anchor, chosen, rejected, weight}.

    Args:
        source: rows of {anchor, shown, clicked}.
        output: a JSONL file.
        skipped: which of the texts without a click count as rejected: those above the click, or all.
        force: replace an existing file that embedtune did not write.

    Raises:
        DataError: the log cannot be read, or shows no preference.
        ConfigError: the file exists and is not ours, or it is the log.
        OutputError: it cannot be written.
    """
    outputs = Outputs.of(output)
    outputs.demand_files()
    outputs.demand_apart([("LOG", source)])
    outputs.demand_own(force=force)
    found = read_clicks(open_table(given_file(source)), skipped)
    rows = list(found.rows())
    said = found.said(len(rows))
    if not rows:
        raise DataError(
            f"the log shows no preference: {'; '.join(said)}",
            where=source,
            next="use lists in which a text below the first was clicked, or add --skipped all",
        )
    with outputs.alone():
        outputs.remove_unfinished()
        with outputs.writing(outputs.files[0]) as path:
            write_jsonl(path, rows)
    return PreferencesResult(outputs.shown(outputs.files[0]), len(rows), found.clicks, said)
