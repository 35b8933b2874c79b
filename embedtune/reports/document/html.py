"""Reports as one HTML file each: readable in ten years, on a phone, on paper and in the dark, with nothing fetched.

Templates lie in `templates/`. They escape every value, and control characters in texts are shown as escapes; there is
no script, and the page's own policy lets none run.
"""

import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from embedtune.findings import by_severity
from embedtune.reports.document.blocks import Report
from embedtune.reports.document.charts.axis import HEIGHT, WIDTH
from embedtune.reports.document.highlight import marked
from embedtune.reports.document.printable import printable
from embedtune.reports.document.wording import said, sentence, with_code


def page(report: Report) -> str:
    """A report as one HTML file."""
    return render("document.html", report=report)


def render(template: str, **values: Any) -> Markup:
    """A template filled with values; texts among them are escaped.

    >>> print(render("text.html", text="<script>\\x1b연금"))
    &lt;script&gt;\\x1b연금
    """
    return Markup(_environment().get_template(template).render(values))


@cache
def _environment() -> Environment:
    # A misspelled name in a template is an error, not a gap in somebody's report.
    environment = Environment(
        loader=PackageLoader("embedtune.reports.document"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.globals.update(WIDTH=WIDTH, HEIGHT=HEIGHT)
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["score"] = lambda number: f"{number:.3f}"
    environment.filters["percent"] = lambda share: f"{share:.1%}"
    environment.filters["with_options"] = with_options
    environment.filters["sentence"] = sentence
    environment.filters["most_severe_first"] = by_severity
    environment.filters["said"] = said
    environment.filters["marked"] = marked
    environment.filters["language"] = language
    return environment


def language(text: str) -> Markup:
    """The attribute that makes a browser read and draw a Korean text as Korean, its Chinese characters included.

    >>> print(language("연금 年金"))
     lang="ko"
    """
    return Markup(' lang="ko"') if re.search("[가-힣]", text) else Markup("")


def with_options(text: str) -> Markup:
    """A text whose commands and options are set as code, an option so that it is not broken across lines.

    >>> print(with_options("<b> give --range 0:9"))
    &lt;b&gt; give <code class="option">--range</code> 0:9
    """
    return Markup(with_code(printable(text), lambda plain: str(escape(plain)), _code))


def _code(text: str) -> str:
    kind = "" if " " in text else Markup(' class="option"')
    return str(Markup("<code{}>{}</code>").format(kind, text))


def _shown(value: Any) -> Any:
    return printable(value, keep="\n") if isinstance(value, str) and not isinstance(value, Markup) else value
