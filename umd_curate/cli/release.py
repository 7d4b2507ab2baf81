"""`release`: build, verify, diff, export, provenance, record."""

import re
import shutil
from pathlib import Path

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common, spread
from umd_curate.cli.progress import watcher
from umd_curate.cli.run import show_planned, summarise
from umd_curate.errors import ExitCode, GateRefused, UsageError
from umd_curate.model.receipts import Json
from umd_curate.pipeline import accounting
from umd_curate.pipeline import run as pipeline

FOLDER = click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))


class Version(click.ParamType[str]):
    """MAJOR.MINOR.PATCH."""

    name = "version"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what is no version."""
        if not re.fullmatch(r"\d+\.\d+\.\d+", value):
            self.fail("a version has the form MAJOR.MINOR.PATCH, such as 1.2.0", param, ctx)
        return value


def _fingerprint(key: str) -> str:
    """Fingerprint of a key that is given as such, or as a file."""
    from umd_curate.store.signing import fingerprint

    path = Path(key)
    if not key or not path.is_file():
        return key.lower()
    try:
        return fingerprint(path.read_bytes())
    except ValueError as error:
        message = "The file holds no public Ed25519 key in PEM."
        raise UsageError(message) from error


@click.group
def release() -> None:
    """Build, verify, compare or export releases.

    \b
    Example:
      umd-curate release build --workspace study
    """


@release.command
@click.option(
    "--version", type=Version(), metavar="X.Y.Z", help="Version of the dataset.  [default: release.version of umd.toml]"
)
@click.option("--nifti", is_flag=True, help="Write a plain tree with BIDS-like names beside it, too.")
@common
@spread
def build(options: Options, version: str | None, *, nifti: bool) -> int:
    """Build releases/VERSION/umd/ from what is done, after a search of every file for identifiers.

    \b
    Example:
      umd-curate release build --version 1.2.0 --workspace study
    """
    if version:
        options = options.overriding("release", {"version": version})
    if options.dry_run:
        return show_planned(options, ("release",))
    workspace = options.require()
    config = options.settings(workspace)
    with (
        watcher(verbose=options.verbose) as drawn,
        pipeline.opened(workspace, config, "release build", drawn) as session,
    ):
        folder = pipeline.release(session)
        code = pipeline.exit_code(session.ledger)
        sums = session.ledger.fact(accounting.NAME)
    if folder is None:
        message = "There is no session to release."
        raise GateRefused(message, hint="`umd-curate status` says what became of the raw folder.")
    made: dict[str, Json] = {"release": str(folder)}
    if nifti:
        made["nifti"] = str(_plain_tree(folder))
    summarise(options, workspace, sums, made, code)
    return code


def _plain_tree(folder: Path) -> Path:
    from umd_curate.release.export_io import export_release

    target = folder.with_name(f"{folder.name}-nifti")
    if target.exists():
        shutil.rmtree(target)
    export_release(folder, target, "bids")
    return target


@release.command
@FOLDER
@click.option(
    "--key", default="", metavar="KEY", help="Key that must have signed it: its fingerprint, or its file in PEM."
)
@common
def verify(options: Options, folder: Path, key: str) -> int:
    """Read a release back: every row has its bytes, every file its checksum, no subject is in two splits.

    Needs nothing but the folder. Without --key, the signature is checked with the key that lies in the release: it shows
    that nothing was changed since, not who signed.

    \b
    Example:
      umd-curate release verify study/releases/0.1.0/umd --key 3f1c52d0a9b84e6f0d7723c1b0a45e19
    """
    from umd_curate.release.scan import verify_release

    result = verify_release(folder, _fingerprint(key))
    if options.json:
        faults: list[Json] = [
            {"code": fault.code, "place": fault.place, "detail": fault.detail} for fault in result.faults
        ]
        render.as_json(
            {
                "signed_by": result.signed_by,
                "files": result.files,
                "rows": result.rows,
                "volumes": result.volumes,
                "faults": faults,
            }
        )
    else:
        if result.signed_by:
            render.line(f"Signed with key {result.signed_by}{'' if key else ', which lies in the release itself'}.")
        render.line(f"{result.files} files, {result.rows} rows, {result.volumes} volumes: {len(result.faults)} faults")
        for fault in result.faults:
            render.line(f"  {fault.code} {fault.place} {fault.detail}".rstrip())
    if result.faults:
        message = "The release is not what its manifest says."
        raise GateRefused(message, hint="Build it again, or fetch it again.")
    return ExitCode.DONE


@release.command
@click.argument("before", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("after", type=click.Path(path_type=Path, exists=True, file_okay=False))
@common
def diff(options: Options, before: Path, after: Path) -> int:
    """Say what differs between two releases, and which part of the version must rise.

    Images are compared by their voxels, headers apart; a label map that was drawn anew is compared organ by organ.

    \b
    Example:
      umd-curate release diff study/releases/1.0.0/umd study/releases/1.1.0/umd
    """
    from umd_curate.release.diff_io import diff_releases
    from umd_curate.release.notes import in_words

    changes = diff_releases(before, after)
    if options.json:
        render.as_json(changes.model_dump(mode="json", by_alias=True))
    else:
        for line in in_words(changes):
            render.line(line)
    return ExitCode.DONE


@release.command
@FOLDER
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--to", "form", required=True, type=click.Choice(["bids", "nnunet", "webdataset", "zarr"]), help="Form.")
@common
def export(options: Options, folder: Path, target: Path, form: str) -> int:
    """Write a release in another form into the new folder TARGET.

    bids: a plain tree of NIfTI with BIDS-like names. nnunet: CT or MR and PET as two channels on the PET grid, with the
    release's splits. webdataset: tar files. zarr: one array per image, in chunks of eight planes.

    \b
    Example:
      umd-curate release export study/releases/1.0.0/umd nnUNet_raw --to nnunet
    """
    from umd_curate.release.export_io import export_release, plan_export

    count = plan_export(folder, target) if options.dry_run else export_release(folder, target, form)
    if options.json:
        render.as_json({"sessions": count, "target": str(target)})
    else:
        render.line(f"{count} sessions {'would be ' if options.dry_run else ''}written to {target}")
    return ExitCode.DONE


@release.command
@FOLDER
@click.option(
    "--as", "standard", default="ro-crate", show_default=True, type=click.Choice(["ro-crate", "prov"]), help="Standard."
)
@common
def provenance(options: Options, folder: Path, standard: str) -> int:  # noqa: ARG001  (JSON in any case)
    """Print the provenance of a release as an RO-Crate or in W3C PROV: every task, its parameters, inputs, outputs, versions.

    \b
    Example:
      umd-curate release provenance study/releases/1.0.0/umd --as prov > prov.json
    """
    from umd_curate.release.record_io import provenance_of

    render.as_json(provenance_of(folder, standard))
    return ExitCode.DONE


@release.command
@FOLDER
@click.option("--into", "target", type=click.Path(path_type=Path, file_okay=False), default=Path("manifests/releases"),
              show_default=True, help="Folder of the records.")  # fmt: skip
@common
def record(options: Options, folder: Path, target: Path) -> int:
    """Write the record of a release, for review in the repository: checksum of its checksums, signer, counts, relaxed rules.

    \b
    Example:
      umd-curate release record study/releases/1.0.0/umd --into manifests/releases
    """
    from umd_curate.release.record_io import record_release

    path = record_release(folder, target, keep=not options.dry_run)
    if options.json:
        render.as_json({"record": str(path)})
    else:
        render.line(f"{'Would be written: ' if options.dry_run else ''}{path}")
    return ExitCode.DONE
