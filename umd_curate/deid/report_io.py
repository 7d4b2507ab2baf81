"""Sets the report of de-identification out as one HTML page that works offline, and writes it and its private twin."""

import csv
import json
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from umd_curate.deid.report import rows_of_accounting
from umd_curate.model.deid_report import DeidReport
from umd_curate.store.files import write_json, write_text

JSON_NAME, HTML_NAME = "deid-report.json", "deid-report.html"


def render(report: DeidReport, files: list[dict[str, str]] | None = None) -> str:
    """HTML of the report; with `files`, those of the private twin. All values are escaped."""
    environment = Environment(
        loader=PackageLoader("umd_curate.deid"),
        autoescape=select_autoescape(("html", "j2"), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("deid-report.html.j2").render(report=report, files=files)


def write_report(report: DeidReport, public: Path, private: Path, accounting: Path) -> tuple[Path, Path]:
    """Write both forms into the folder `public`, and the twin that names files and patients into `private`."""
    dumped = report.model_dump(mode="json", by_alias=True)
    write_json(public / JSON_NAME, dumped)
    write_text(public / HTML_NAME, render(report))
    files: list[dict[str, str]] = []
    if accounting.is_file():
        with accounting.open(encoding="utf-8", newline="") as handle:
            files = rows_of_accounting(csv.reader(handle))
    write_text(
        private / JSON_NAME, json.dumps({**dumped, "files": files}, indent=2, ensure_ascii=False) + "\n", mode=0o600
    )
    write_text(private / HTML_NAME, render(report, files), mode=0o600)
    return public / JSON_NAME, public / HTML_NAME
