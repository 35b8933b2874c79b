"""Commands and options in running text: one code span each, in Markdown and in HTML."""

from embedtune.findings import Finding
from embedtune.reports.document.html import with_options
from embedtune.reports.document.markdown import bullets, findings

FIX = "Run `embedtune check --data A|B --eval-data TEST --fix FILE`, or give --range 0:9 (--force)."


def test_a_command_is_one_span_in_markdown() -> None:
    [line] = findings([Finding("near-copies", "warning", 1, "2 copies", FIX)]).splitlines()
    command = "`embedtune check --data A|B --eval-data TEST --fix FILE`"
    assert line.endswith(f"2 copies. Run {command}, or give `--range` 0:9 (`--force`).")
    assert bullets(["a * `b *`", "`", "- x"]) == "- a \\* \\`b \\*\\`\n- \\`\n- \\- x"


def test_a_command_is_one_span_in_html() -> None:
    shown = str(with_options(f"<b> {FIX}"))
    assert shown.startswith(
        "&lt;b&gt; Run <code>embedtune check --data A|B --eval-data TEST --fix FILE</code>, or give"
    )
    assert '<code class="option">--range</code> 0:9 (<code class="option">--force</code>).' in shown
    assert "<i>" not in str(with_options("`embedtune <i>`"))
