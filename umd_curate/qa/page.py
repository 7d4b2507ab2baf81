"""Sets the report out as one HTML page that works offline: own style and script inside, figures by relative links."""

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from umd_curate.qa.report import Page
from umd_curate.qa.words import number


def render(page: Page) -> str:
    """HTML of the report; all values are escaped."""
    environment = Environment(
        loader=PackageLoader("umd_curate.qa"),
        autoescape=select_autoescape(("html", "j2"), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.globals["inlined"] = lambda name: Markup(  # noqa: S704  (our own files, packaged)
        environment.loader.get_source(environment, name)[0] if environment.loader else ""
    )
    return environment.get_template("report.html.j2").render(page=page)
