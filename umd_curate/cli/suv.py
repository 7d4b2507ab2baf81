"""`suv explain`: how the SUV of a series follows from its headers, input by input, in words."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common
from umd_curate.errors import ExitCode, UsageError
from umd_curate.model.receipts import Json

if TYPE_CHECKING:
    from umd_curate.convert.explain import Explanation

TYPES = ("SUVbw", "SUL-james", "SUL-janma", "SUVbsa", "SUVibw")
TYPE = click.option(
    "--type", "types", multiple=True, type=click.Choice(TYPES), help="Type of SUV wanted too; may be given again."
)
TABLE = click.option(
    "--supplement",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Table of what the site's records know and headers lack.",
)


@click.group
def suv() -> None:
    """Explain how an SUV was derived.

    \b
    Example:
      umd-curate suv explain /export/2026-11/patient-1
    """


@suv.command
@click.argument("series", metavar="SERIES")
@TYPE
@TABLE
@common
def explain(options: Options, series: str, types: tuple[str, ...], supplement: Path | None) -> int:
    """Show each input of the SUV of SERIES with its tag, each rule and each value in between.

    SERIES is a file or folder of raw DICOM, or the short id of a series or the name of a unit in the workspace. It reads
    headers only, writes nothing, and shows values of the patient's header (weight, activity), but no date.

    \b
    Example:
      umd-curate suv explain /export/2026-11/patient-1 --type SUL-janma
      umd-curate suv explain s-3M1XW0PB --workspace study --json
    """
    if Path(series).exists():
        explained = _of_folder(Path(series), types or TYPES[:1], supplement)
    else:
        explained = [_of_workspace(options, series, types)]
    if options.json:
        from umd_curate.convert.explain import as_document

        documents: list[Json] = [as_document(entry) for entry in explained]
        render.as_json(documents)
    else:
        for entry in explained:
            _draw(entry)
    return ExitCode.DONE if all(entry.receipt is not None for entry in explained) else ExitCode.QUARANTINED


def _of_folder(path: Path, types: Sequence[str], supplement: Path | None) -> list["Explanation"]:
    from umd_curate.convert.explain import explain_series
    from umd_curate.convert.explain_io import pet_files
    from umd_curate.pipeline.supplement import read_supplement

    table = read_supplement(supplement) if supplement is not None else None
    found = pet_files(path)
    if not found:
        message = "There is no PET series."
        raise UsageError(message, hint="Name a folder with the slices of a PET, or one of them.")
    explained = []
    for number, entry in enumerate(found, 1):
        context = entry.context(table.of(entry.series_uid, entry.study_uid) if table is not None else None)
        place = entry.folder.relative_to(path) if path.is_dir() else Path()
        name = f"series {number} of {len(found)}" + ("" if place == Path() else f" in {place}")
        explained.append(explain_series(entry.headers, name, context, types))
    return explained


def _of_workspace(options: Options, name: str, types: Sequence[str]) -> "Explanation":
    from umd_curate.convert.explain import explain_series
    from umd_curate.convert.explain_io import pet_slices
    from umd_curate.model.pet import PetContext
    from umd_curate.pipeline.pet_context import pet_order
    from umd_curate.store.dicom import READ_FAULTS

    workspace = options.require()
    order = pet_order(workspace, name)
    if order is None:
        message = "There is no such file or folder, and no PET of this name in the workspace."
        raise UsageError(message, hint="`umd-curate status` and `umd-curate quarantine` list short ids and units.")
    try:
        slices = pet_slices(Path(path) for path, _, _ in order.files)
    except READ_FAULTS as error:
        message = "A source file of this series cannot be read any more."
        hint = "What was derived stands in the PET's sidecar in data/, under Suv."
        raise UsageError(message, hint=hint) from error
    wanted = types or options.settings(workspace).convert.suv_types
    return explain_series(slices.headers, order.series, order.pet or PetContext(), wanted)


def _draw(explanation: "Explanation") -> None:
    from umd_curate.convert.explain import finding_rows, input_rows, result_rows, step_rows

    render.line(f"{explanation.series}: {explanation.slices} slice(s), {explanation.outcome}")
    if explanation.receipt is not None:
        render.table("Inputs", ("input", "tag", "value", "from"), input_rows(explanation.receipt))
        render.table("Derivation", ("value", "is", "by", "from"), step_rows(explanation.receipt))
        render.table("Result", ("type", "is"), result_rows(explanation.receipt))
    findings = finding_rows(explanation)
    if findings:
        render.table("Findings", ("severity", "code", "what", "what to do"), findings)
