"""`audit`: the search of any folder for identifiers."""

import os
from collections import Counter
from pathlib import Path

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common
from umd_curate.errors import ExitCode, PhiGateRefused, UsageError
from umd_curate.model.receipts import Json

_SHOWN = 200  # lines of a table; --json gives all


@click.command
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--unknown", is_flag=True, help="Search without a workspace, for what looks like an identifier alone.")
@click.option("--known", is_flag=True, help="Search for the identifiers of the workspace's patients alone.")
@click.option(
    "--skip",
    multiple=True,
    metavar="KIND",
    help="Leave out a kind of what looks like one, such as e-mail; may be repeated.",
)
@click.option(
    "--workers", type=click.IntRange(0), default=1, metavar="N", help="Processes; 0 takes one per core.  [default: 1]"
)
@common
def audit(options: Options, folder: Path, *, unknown: bool, known: bool, skip: tuple[str, ...], workers: int) -> int:
    """Search every file below DIR, and the paths, for identifiers of patients.

    With a workspace, for those of its patients, in all spellings and encodings, base64 and hex; in any case for what looks
    like an identifier: UIDs that are not hashed, names, dates near names, labelled numbers, e-mail addresses, telephone
    numbers, identifying DICOM elements. Opened are DICOM, NIfTI, JSON, CSV, Parquet, HTML, PNG, PDF, SQLite, gzip, bzip2, xz,
    zip and tar, in each other too. It says file and kind, never the value. Exit code 10: there is a hit.

    \b
    Example:
      umd-curate audit study/releases/1.0.0 --workspace study
      umd-curate audit /data/from-elsewhere --unknown
    """  # fmt: skip
    from umd_curate.deid.telltales import Telltale
    from umd_curate.pipeline import audit as work

    strange = sorted(set(skip) - set(Telltale))
    if strange or (known and unknown):
        message = "--known and --unknown exclude each other." if not strange else "--skip names no known kind."
        raise UsageError(message, hint=f"Kinds: {', '.join(Telltale)}.")
    workspace = None if unknown or not (known or options.exists()) else options.require()
    terms = work.terms_of(workspace, list(Telltale) if known else [Telltale(name) for name in skip])
    files = work.files_below(folder)
    if workspace is None:
        render.note("No workspace: searching for what looks like an identifier alone.")
    if options.dry_run:
        render.note(f"{len(files)} files would be searched.")
        return ExitCode.DONE
    found = list(work.search(folder, files, terms, workers or os.cpu_count() or 1))
    hits = [hit for one in found for hit in one.hits]
    size = sum(one.size for one in found)
    if options.json:
        entries: list[Json] = [{"place": hit.place, "kind": hit.kind, "as": hit.encoding} for hit in hits]
        render.as_json({"files": len(files), "bytes": size, "hits": entries})
    else:
        if hits:
            rows = [(hit.place, hit.kind, hit.encoding) for hit in hits[:_SHOWN]]
            render.table("Hits", ("file", "kind", "as"), rows)
        if len(hits) > _SHOWN:
            kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(Counter(hit.kind for hit in hits).items()))
            render.line(f"and {len(hits) - _SHOWN} more, in all: {kinds}")
        render.line(f"{len(files)} files, {size / 1e6:.1f} MB searched: {len(hits)} hits")
    if hits:
        places = len({hit.place for hit in hits})
        message = f"{places} of {len(files)} files hold what is or looks like an identifier."
        raise PhiGateRefused(
            message, hint="Look at each place; a kind that is harmless here can be left out with --skip."
        )
    return ExitCode.DONE
