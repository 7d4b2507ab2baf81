"""`scan`, and the dry run of `run` and `ingest`: what raw folders hold, and what would be made of it."""

import os
import secrets
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common
from umd_curate.cli.progress import watcher
from umd_curate.errors import ExitCode
from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import Json
from umd_curate.model.study import Disposition, IngestPlan
from umd_curate.pipeline import roots
from umd_curate.pipeline.overview import Overview, overview_of
from umd_curate.pipeline.understood import Understood, understand
from umd_curate.store.keys import KEY_BYTES, DeidKey, key_path, load_key
from umd_curate.store.ledger import Ledger
from umd_curate.store.workspace import Workspace, locked

RAW = click.argument(
    "raw_folders", metavar="[RAW]...", nargs=-1, type=click.Path(path_type=Path, exists=True, allow_dash=True)
)
_STDIN = Path("-")
_GIB = 1 << 30
_MOST_SESSIONS = 60  # that are listed one by one without --verbose


@click.command
@RAW
@common
def scan(options: Options, raw_folders: tuple[Path, ...]) -> int:
    """Say what RAW holds and what would be made of it; no image is made.

    RAW is one or more folders of any shape, archives (zip, tar, tar.gz) or files; - reads a list of paths from standard
    input, one per line or separated by NUL. Where there is a workspace, its private index is brought up to date, so that
    the next scan or run opens only new and changed files; with --dry-run it is only read.

    \b
    Example:
      umd-curate scan /export/2026-11 --json
      find /export -name '*.dcm' -print0 | umd-curate scan -
    """
    code = look(options, named(raw_folders), keep=not options.dry_run)
    if not options.exists() and not options.dry_run:
        render.note(
            "The index was not kept: there is no workspace. After `umd-curate init`, a scan opens only new files."
        )
    return code


def named(raw_folders: Sequence[Path]) -> list[Path]:
    """Folders and files of the command line; ``-`` stands for those that standard input names."""
    found = [path for path in raw_folders if path != _STDIN]
    if len(found) < len(raw_folders):
        data = sys.stdin.buffer.read()
        names = data.split(b"\0" if b"\0" in data else b"\n")
        found += [Path(os.fsdecode(name.removesuffix(b"\r"))) for name in names if name.strip()]
        if not found:
            message = "Standard input names no file."
            raise click.UsageError(message)
    return found


def look(options: Options, raw_folders: Sequence[Path], *, keep: bool = False) -> int:
    """Scan and plan, and show both; the workspace's index is written only where `keep` says so."""
    workspace = options.open() if options.exists() else None
    keep = keep and workspace is not None
    started = time.perf_counter()
    with locked(workspace, "scan") if workspace and keep else nullcontext():
        understood, _ = looked_at(options, raw_folders, keep=keep)
        totals = understood.totals()
        seconds = time.perf_counter() - started
        overview = overview_of(understood)
        if options.json:
            render.as_json(_json(understood, overview, totals, seconds))
        else:
            _draw(understood, overview, totals, seconds, verbose=options.verbose)
    return ExitCode.QUARANTINED if any(kind is Disposition.QUARANTINED for kind, _ in totals) else ExitCode.DONE


def looked_at(options: Options, raw_folders: Sequence[Path], *, keep: bool = False) -> tuple[Understood, DeidKey]:
    """Index and plan of the raw folders, given or those of the last run, and the key of its short ids."""
    workspace = options.open() if options.exists() else None
    config = options.settings(workspace)
    folders = _roots(workspace, raw_folders)
    key = roots.workspace_key(workspace, config) if workspace and keep else _key_for_a_look(config)
    with watcher(verbose=options.verbose) as drawn:
        return understand(folders, workspace, config, key, drawn.scanning, keep=keep), key


def _key_for_a_look(config: UmdConfig) -> DeidKey:
    """The user's key where there is one, so that short ids are those of the run; else one that is forgotten."""
    path = key_path(config.deid.key_file)
    return load_key(path) if path.exists() else DeidKey(secrets.token_bytes(KEY_BYTES))


def _roots(workspace: Workspace | None, raw_folders: Sequence[Path]) -> list[Path]:
    if workspace:
        with Ledger(workspace.ledger_path) as ledger:
            found = roots.roots_of(raw_folders, ledger, workspace)
        roots.refuse_overlap(found, (workspace.root, workspace.private))
        return found
    if not raw_folders:
        message = "Name a raw folder."
        raise click.UsageError(message)
    return [folder.resolve() for folder in raw_folders]


def _json(
    understood: Understood, overview: Overview, totals: Mapping[tuple[Disposition, str], int], seconds: float
) -> dict[str, Json]:
    sessions: list[Json] = []
    passed_over: list[Json] = []
    for part in understood.parts(with_files=False):
        sessions += [
            {
                "kind": session.kind.value,
                "volumes": [
                    {"role": volume.role.value, "series": volume.series, "what": volume.label, "files": len(volume.instances)}
                    for volume in session.volumes
                ],
                "findings": [finding.code for finding in session.findings],
            }
            for session in part.sessions
        ]  # fmt: skip
        passed_over += [
            {
                "role": volume.role.value,
                "series": volume.series,
                "what": volume.label,
                "files": volume.files,
                "code": volume.code,
                "decided_by": volume.decided_by,
                "preferred": volume.preferred,
            }
            for volume in part.passed_over
        ]
    files: list[Json] = [
        {"disposition": kind.value, "code": code, "files": count} for (kind, code), count in sorted(totals.items())
    ]
    speed: dict[str, Json] = {"opened": understood.opened, "seconds": round(seconds, 2)}
    return {
        "summary": {**overview.as_json(), **speed},
        "sessions": sessions,
        "passed_over": passed_over,
        "files": files,
    }


def _draw(
    understood: Understood,
    overview: Overview,
    totals: Mapping[tuple[Disposition, str], int],
    seconds: float,
    *,
    verbose: bool,
) -> None:
    kinds = ", ".join(f"{count} {kind}" for kind, count in overview.kinds.items())
    series = ", ".join(f"{count} {modality}" for modality, count in overview.series.items())
    made = ", ".join(f"{count} {kind}" for kind, count in overview.sessions.items())
    rate = f" ({understood.files / seconds:,.0f} files/s)" if seconds > 0 else ""
    render.fields(
        "Summary",
        {
            "files": f"{overview.files} ({kinds}), {overview.bytes / _GIB:.1f} GiB",
            "patients": overview.patients,
            "studies": overview.studies,
            "series": series or "none",
            "sessions to make": made or "none",
            "time": f"{seconds:.1f} s{rate}, {understood.opened} files opened",
        },
    )
    render.line()
    if verbose or sum(overview.sessions.values()) <= _MOST_SESSIONS:
        _draw_sessions(list(understood.parts(with_files=False)))
    else:
        render.note("Sessions and series one by one: --verbose or --json.")
    table = [
        (kind.value, code, CATALOGUE[code].title if code in CATALOGUE else "", count)
        for (kind, code), count in sorted(totals.items())
    ]
    render.table("Files", ("disposition", "code", "reason", "files"), table, right=("files",))


def _draw_sessions(parts: Sequence[IngestPlan]) -> None:
    sessions = sorted(
        (session for part in parts for session in part.sessions),
        key=lambda session: (session.patient, session.study_date, session.study_uid, session.volumes[0].series),
    )
    rows = [
        (number, session.kind.value, volume.role.value, volume.label, volume.series, len(volume.instances))
        for number, session in enumerate(sessions, 1)
        for volume in session.volumes
    ]
    render.table("Sessions to make", ("no.", "kind", "role", "what", "series", "files"), rows, right=("no.", "files"))
    others = [
        (
            volume.role.value,
            volume.label,
            volume.series,
            volume.files,
            volume.decided_by or CATALOGUE[volume.code].title,
            volume.preferred or "",
        )
        for part in parts
        for volume in part.passed_over
    ]
    if others:
        columns = ("role", "what", "series", "files", "decided by", "preferred")
        render.table("Series that are in no session", columns, others, right=("files",))
