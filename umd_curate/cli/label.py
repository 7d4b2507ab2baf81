"""`label`: the step from the command line; `label export`: label maps for other software."""

from pathlib import Path

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common, spread
from umd_curate.cli.run import do_steps
from umd_curate.errors import ExitCode
from umd_curate.model.receipts import Json

FORMATS = ("seg", "slicer", "itksnap")


@click.group(invoke_without_command=True)
@common
@spread
def label(options: Options) -> int:
    """Label the organs of each session with the engines of umd.toml.

    \b
    Example:
      umd-curate label --workspace study
      umd-curate label export out --to seg --workspace study
    """
    if click.get_current_context().invoked_subcommand is not None:
        return ExitCode.DONE
    return do_steps(options, ("label",))


@label.command
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--to", "formats", multiple=True, type=click.Choice(FORMATS), required=True,
              help="seg: DICOM SEG; slicer: .seg.nrrd, and NIfTI with colour tables; itksnap: NIfTI with label descriptions. May be given again.")  # fmt: skip
@click.option("--session", "sessions", multiple=True, metavar="NAME",
              help="Only this session, such as sub-7K3QF2_ses-petct1; may be given again.")  # fmt: skip
@click.option("--grid", type=click.Choice(["anatomy", "pet", "both"]), default="anatomy", show_default=True,
              help="Label maps on the CT or MR, on the PET, or both.")  # fmt: skip
@common
def export(options: Options, out: Path, formats: tuple[str, ...], sessions: tuple[str, ...], grid: str) -> int:
    """Write label maps to OUT for a PACS, for 3D Slicer or for ITK-SNAP, with names, colours and SNOMED CT codes.

    A DICOM SEG bears the published subject id, and UIDs that are made from published names: those of the source never cross
    the PHI wall. A label map that cannot be written in a format is named, and the others are written.

    \b
    Example:
      umd-curate label export out --to seg --to slicer --workspace study
      umd-curate label export out --to itksnap --session sub-7K3QF2_ses-petct1 --workspace study
    """
    from umd_curate.pipeline.label_export import export_all

    workspace = options.require()
    exported = export_all(
        workspace, options.settings(workspace), formats, sessions, grid, None if options.dry_run else out
    )
    documents: list[Json] = [entry.as_json() for entry in exported]
    if options.json:
        render.as_json(documents)
    else:
        rows = [(entry.name, entry.format, entry.outcome, ", ".join(entry.files)) for entry in exported]
        render.table("Label maps", ("label map", "for", "outcome", "files"), rows)
    return ExitCode.QUARANTINED if any(entry.finding for entry in exported) else ExitCode.DONE
