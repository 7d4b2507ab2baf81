"""`doctor` and `schema`."""

import importlib.metadata
import platform
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import click

from umd_curate import __version__
from umd_curate.cli import render
from umd_curate.cli.options import Options, common
from umd_curate.errors import ExitCode, SchemaError, UsageError
from umd_curate.model.receipts import Json
from umd_curate.store.keys import key_path, load_key
from umd_curate.store.resources import organ_table, resource_folder

if TYPE_CHECKING:
    from umd_curate.convert.reference import Verdict

LIBRARIES = ("pydicom", "nibabel", "SimpleITK", "highdicom", "pyarrow", "numpy", "datasets", "huggingface_hub")
_GIB = 1 << 30


@click.group(invoke_without_command=True)
@common
@click.pass_context
def doctor(context: click.Context, options: Options) -> int:
    """Check this installation, its engines and, where there is one, the workspace and its key.

    \b
    Example:
      umd-curate doctor --workspace study
      umd-curate doctor suv DRO
    """
    return ExitCode.DONE if context.invoked_subcommand else _check_installation(options)


@doctor.command
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--expect",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="CSV of what is expected: id (name of the object's folder), min, median, max.  [default: the list in DIR]",
)
@common
def suv(options: Options, folder: Path, expect: Path | None) -> int:
    """Check the SUV of this installation on the reference objects below DIR.

    Each PET series is converted as in a run, and its least, median and greatest SUV in the object's mask are compared with
    the published ones to two decimals (or one stored step, for objects that store coarse numbers). The 17 objects of
    oncoray/suv_computation (CC BY 4.0) are made for it; phantoms of your own need --expect. Exit code 1: one is wrong.

    \b
    Example:
      umd-curate doctor suv suv_computation/DRO
    """
    from umd_curate.convert.reference_io import check_objects, read_expected

    try:
        expected = read_expected(expect) if expect is not None else None
        verdicts = list(check_objects(folder, expected))
    except ValueError as error:
        message = f"The list of expected values does not fit: {error}."
        raise UsageError(message) from error
    missing = sorted(set(expected or {}) - {verdict.name for verdict in verdicts})
    if options.json:
        render.as_json({"objects": [_verdict_json(verdict) for verdict in verdicts], "missing": list(missing)})
    else:
        columns = ("object", "verdict", "min", "median", "max", "expected", "rule, or why not")
        render.table("SUV of reference objects", columns, [_verdict_row(verdict) for verdict in verdicts])
        render.line(f"{sum(verdict.is_right for verdict in verdicts)} of {len(verdicts)} right")
        for name in missing:
            render.note(f"{name} is expected and not there")
    return ExitCode.DONE if verdicts and not missing and all(one.is_right for one in verdicts) else ExitCode.ERROR


def _verdict_row(verdict: "Verdict") -> tuple[str, ...]:
    values = verdict.measured.values if verdict.measured else ()
    said = "refused" if verdict.measured is None else "right" if verdict.is_right else "WRONG"
    return (
        verdict.name,
        f"{said} within one stored step" if verdict.is_by_step else said,
        *([f"{value:.4f}" for value in values] or ["", "", ""]),
        " ".join(f"{value:.2f}" for value in verdict.expected),
        verdict.rule or verdict.reason,
    )


def _verdict_json(verdict: "Verdict") -> Json:
    return {
        "id": verdict.name,
        "right": verdict.is_right,
        "within_one_stored_step": verdict.is_by_step,
        "measured": list(verdict.measured.values) if verdict.measured else None,
        "voxels": verdict.measured.voxels if verdict.measured else 0,
        "expected": list(verdict.expected),
        "rule": verdict.rule,
        "refusal": verdict.reason,
    }


def _check_installation(options: Options) -> int:
    from umd_curate.label.registry import installed_engines

    checks: dict[str, str] = {
        "umd-curate": __version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
        "manifests": f"{len(organ_table())} organs",
        "schemas": f"{len(list(resource_folder('schemas').glob('*.json')))} documents",
    }
    config = options.settings(options.open() if options.exists() else None).label
    checks |= {
        f"engine {name}": "; ".join(engine.ready()) or "ready" for name, engine in installed_engines(config).items()
    }
    faults: list[str] = []
    if options.exists():
        workspace = options.open()
        mode = stat.S_IMODE(workspace.private.stat().st_mode)
        checks["private folder"] = f"mode {mode:04o}"
        checks["free space"] = f"{shutil.disk_usage(workspace.root).free / _GIB:.0f} GiB"
        path = key_path(options.settings(workspace).deid.key_file)
        if not path.exists():
            checks["key"] = "not made yet" if not workspace.vault_path.exists() else "missing, and the vault needs it"
            faults += ["key"] if workspace.vault_path.exists() else []
        else:
            checks["key"] = f"fingerprint {load_key(path).fingerprint}, mode {stat.S_IMODE(path.stat().st_mode):04o}"
    if options.json:
        render.as_json({"checks": dict(checks), "faults": list(faults)})
    else:
        render.fields("umd-curate doctor", checks)
    return ExitCode.ERROR if faults else ExitCode.DONE


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


@click.group
def schema() -> None:
    """Write or check the JSON Schemas of all documents.

    \b
    Example:
      umd-curate schema check
    """


@schema.command
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def write(folder: Path) -> int:
    """Write the schemas of this version into FOLDER.

    \b
    Example:
      umd-curate schema write schemas
    """
    from umd_curate.store import schemas

    schemas.write(folder)
    return ExitCode.DONE


@schema.command
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
def check(folder: Path | None) -> int:
    """Say whether the schemas in FOLDER (the packaged ones by default) are those of this version's models.

    \b
    Example:
      umd-curate schema check schemas
    """
    from umd_curate.store import schemas

    stale = schemas.check(folder or resource_folder("schemas"))
    if stale:
        message = f"These schemas are not those of the models: {', '.join(stale)}."
        raise SchemaError(message, hint="umd-curate schema write schemas")
    render.line("The schemas are those of the models.")
    return ExitCode.DONE
