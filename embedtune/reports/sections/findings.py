"""A finding on a terminal, with its code, what to do about it and examples: for verbs whose result is findings."""

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from embedtune.findings import Finding
from embedtune.reports.document.printable import printable
from embedtune.reports.document.terminal import STYLES

EXAMPLES = 3


def finding_lines(finding: Finding) -> list[RenderableType]:
    """The lines of one finding; what follows the first is indented."""
    head = Text.assemble(
        (f"{finding.severity}: ", STYLES[finding.severity]), (f"{finding.code}  ", "bold"), printable(finding.message)
    )
    below = [Text(printable(finding.fix))] if finding.fix else []
    below += [Text(f"- {printable(example)}", style="dim") for example in finding.examples[:EXAMPLES]]
    more = min(finding.count, 10**9) - min(EXAMPLES, len(finding.examples))
    if finding.examples and more > 0:
        below.append(Text(f"- and {more:,} more", style="dim"))
    return [head, *(Padding(line, (0, 0, 0, 4)) for line in below)]
