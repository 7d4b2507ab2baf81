"""`status`, `quarantine` and `reveal`: what is done, what is left, why, and who is behind a short id."""

import csv
import sys
from collections import Counter
from collections.abc import Iterator, Mapping

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common
from umd_curate.cli.render import said
from umd_curate.errors import ExitCode, UsageError, WorkspaceError
from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.receipts import Json, State
from umd_curate.model.study import Disposition
from umd_curate.pipeline import accounting
from umd_curate.pipeline.table import ALL_STEPS, PIXEL_STEPS
from umd_curate.store.ledger import Ledger, TaskRow
from umd_curate.store.workspace import Workspace

STATES = (State.DONE, State.QUARANTINED, State.FAILED)


@click.command
@common
def status(options: Options) -> int:
    """Say what is done, what is left, and why files are excluded or quarantined.

    \b
    Example:
      umd-curate status --workspace study --verbose     (with time and memory per step)
    """
    workspace = options.require()
    with Ledger(workspace.ledger_path) as ledger:
        rows = ledger.rows(ALL_STEPS)
        sums = ledger.fact(accounting.NAME)
    known = sums if isinstance(sums, dict) else {}
    steps: list[dict[str, Json]] = [_step_line(step, [row for row in rows if row.step == step]) for step in ALL_STEPS]
    if options.json:
        render.as_json({"steps": list(steps), "files": known, "adds_up": accounting.adds_up(known)})
        return ExitCode.DONE
    columns = ["step", "done", "quarantined", "failed", "left"]
    if options.verbose:
        columns += ["seconds", "cpu_seconds", "peak_mib"]
    render.table("Steps", columns, [[step[name] for name in columns] for step in steps], right=columns[1:])
    if known:
        _draw_files(known)
    else:
        render.note("What became of each file is known when all series have been converted.")
    _draw_findings(rows)
    if any(row.receipt is None for row in rows) or not any(row.step == ALL_STEPS[-1] for row in rows):
        render.note(
            "There is more to do: `umd-curate run` goes on from here. A step is planned when those before it have ended."
        )
    return ExitCode.DONE


def _step_line(step: str, rows: list[TaskRow]) -> dict[str, Json]:
    states = Counter(row.receipt.state if row.receipt else None for row in rows)
    usage = [row.usage for row in rows if row.usage]
    return {
        "step": step,
        **{state.value: states[state] for state in STATES},
        "left": states[None],
        "seconds": round(sum(entry.seconds for entry in usage), 1),
        "cpu_seconds": round(sum(entry.cpu_seconds for entry in usage), 1),
        "peak_mib": round(max((entry.peak_rss_mib for entry in usage), default=0)),
    }


def _draw_files(sums: Mapping[str, Json]) -> None:
    rows: list[tuple[object, ...]] = []
    for kind in Disposition:
        value = sums.get(kind.value)
        if isinstance(value, dict):
            rows += [(kind.value, code, _title(code), count) for code, count in value.items()]
        elif isinstance(value, int):
            rows.append((kind.value, "", "", value))
    rows.append(("", "", "all files of the raw folder", sums.get("files", 0)))
    render.table("Files", ("disposition", "code", "reason", "files"), rows, right=("files",))
    if not accounting.adds_up(sums):
        render.note("The sums of the files do not add up: run `umd-curate ingest` again, and report it if it stays so.")


def _draw_findings(rows: list[TaskRow]) -> None:
    found = [
        (finding.severity.value, finding.code, row.unit, _title(finding.code), said(finding))
        for row in rows
        if row.receipt
        for finding in row.receipt.findings
    ]
    if found:
        render.table("Findings", ("severity", "code", "unit", "what", "detail"), sorted(found))


@click.command
@common
def quarantine(options: Options) -> int:
    """List what was wanted but cannot be used: by series, why, and what to do.

    \b
    Example:
      umd-curate quarantine --workspace study
      umd-curate reveal s-3M1XW0PB --workspace study
    """
    workspace = options.require()
    rows = [row for row in _accounts(workspace) if row["disposition"] == Disposition.QUARANTINED]
    groups = Counter((row["series"] or row["id"], row["code"]) for row in rows)
    entries: list[Json] = [
        {"id": name, "code": code, "reason": _title(code), "files": count, "what_to_do": _action(code)}
        for (name, code), count in sorted(groups.items())
    ]
    entries += _quarantined_units(workspace)
    if options.json:
        render.as_json(entries)
        return ExitCode.DONE
    lines = [tuple(entry.values()) for entry in entries if isinstance(entry, dict)]
    render.table("Quarantined", ("id", "code", "reason", "files", "what to do"), lines, right=("files",))
    return ExitCode.DONE


def _quarantined_units(workspace: Workspace) -> list[Json]:
    """Sessions and other units that a step after the pixel path set aside; their files are used."""
    with Ledger(workspace.ledger_path) as ledger:
        receipts = [row.receipt for row in ledger.rows(ALL_STEPS) if row.receipt and row.step not in PIXEL_STEPS]
    return [
        {
            "id": receipt.unit,
            "code": finding.code,
            "reason": f"{_title(finding.code)}: {said(finding)}",
            "files": 0,
            "what_to_do": _action(finding.code),
        }
        for receipt in receipts
        if receipt.state is State.QUARANTINED
        for finding in receipt.findings
    ]


@click.command
@click.argument("short_id", metavar="ID")
@click.option("--to-pipe", is_flag=True, help="Write identifiers although stdout is not a terminal.")
@common
def reveal(options: Options, short_id: str, *, to_pipe: bool) -> int:
    """Show path and patient behind ID: a file (f-...), a series (s-...), a unit or a subject.

    It prints identifiers, so it writes to a terminal only.

    \b
    Example:
      umd-curate reveal s-3M1XW0PB --workspace study
    """
    if not (sys.stdout.isatty() or to_pipe):
        message = "reveal prints identifiers and writes to a terminal only."
        raise UsageError(message, hint="Use --to-pipe if the reader may see them.")
    workspace = options.require()
    wanted = short_id.removeprefix("sub-")
    found = [
        row for row in _accounts(workspace)
        if short_id in {row["id"], row["series"], row["unit"]} or row["unit"].startswith(f"sub-{wanted}_")
    ]  # fmt: skip
    if not found:
        message = "No file, series, unit or subject has this id."
        raise UsageError(message, hint="`umd-curate quarantine` and `umd-curate status` list ids.")
    shown = ("id", "disposition", "code", "reason", "what_to_do", "unit", "series", "patient_id", "series_uid", "path")
    if options.json:
        render.as_json([{name: row[name] for name in shown} for row in found])
    else:
        for row in found:
            render.fields(row["id"], {name: row[name] for name in shown[1:]})
    return ExitCode.DONE


def _accounts(workspace: Workspace) -> Iterator[dict[str, str]]:
    if not workspace.accounting_path.is_file():
        message = "No raw folder has been ingested into this workspace yet."
        raise WorkspaceError(message, hint="umd-curate run RAW")
    with workspace.accounting_path.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            yield {name: row[name] for name in accounting.COLUMNS}


def _title(code: str) -> str:
    return CATALOGUE[code].title if code in CATALOGUE else ""


def _action(code: str) -> str:
    return CATALOGUE[code].action if code in CATALOGUE else ""
