"""All printing: data on stdout, everything else on stderr. Colour only on a terminal; NO_COLOR is honoured by rich."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from umd_curate.model.findings import Finding
from umd_curate.model.receipts import Json

if TYPE_CHECKING:
    from rich.console import Console


def error(code: str, message: str, hint: str) -> None:
    """One line of what is wrong, one of what to do."""
    print(f"error {code}: {message}" if code else message, file=sys.stderr)
    if hint:
        print(f"  {hint}", file=sys.stderr)


def note(text: str) -> None:
    """A line for the person who watches."""
    print(text, file=sys.stderr)


def line(text: str = "") -> None:
    """A line of data."""
    print(text)


def as_json(value: Json) -> None:
    """A JSON document on stdout."""
    json.dump(value, sys.stdout, indent=2, sort_keys=True, ensure_ascii=False)
    print()


def json_line(value: Json) -> None:
    """A JSON document on one line of stdout, at once."""
    print(json.dumps(value, sort_keys=True, ensure_ascii=False), flush=True)


def console(*, stderr: bool = False) -> "Console":
    """A rich console that never wraps data when it is not on a terminal."""
    from rich.console import Console

    target = Console(stderr=stderr, highlight=False, soft_wrap=False)
    return target if target.is_terminal else Console(stderr=stderr, highlight=False, width=160)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """A table on stdout; columns in `right` are aligned to the right."""
    from rich import box
    from rich.table import Table

    drawn = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*[str(cell) for cell in row])
    console().print(drawn)


def said(finding: Finding) -> str:
    """What a finding says, with what was measured and what is allowed."""
    numbers = [
        f"{name} {value:g}"
        for name, value in (("measured", finding.measured), ("limit", finding.limit))
        if value is not None
    ]
    return " ".join([finding.detail, f"({', '.join(numbers)})" if numbers else ""]).strip()


def fields(title: str, values: Mapping[str, object]) -> None:
    """Name and value, one per line."""
    line(title)
    width = max((len(name) for name in values), default=0)
    for name, value in values.items():
        line(f"  {name:<{width}}  {value}")
