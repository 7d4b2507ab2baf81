"""`doctor` and `schema`."""

import importlib.metadata
import platform
import shutil
import stat
from pathlib import Path

import click

from umd_curate import __version__
from umd_curate.cli import render
from umd_curate.cli.options import Options, common
from umd_curate.errors import ExitCode, SchemaError
from umd_curate.store.keys import key_path, load_key
from umd_curate.store.resources import organ_table, resource_folder

LIBRARIES = ("pydicom", "nibabel", "SimpleITK", "highdicom", "pyarrow", "numpy", "datasets", "huggingface_hub")
_GIB = 1 << 30


@click.command
@common
def doctor(options: Options) -> int:
    """Check this installation, its engines and, where there is one, the workspace and its key.

    \b
    Example:
      umd-curate doctor --workspace study
    """
    from umd_curate.label.registry import installed_engines

    checks: dict[str, str] = {
        "umd-curate": __version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
        "manifests": f"{len(organ_table())} organs",
        "schemas": f"{len(list(resource_folder('schemas').glob('*.json')))} documents",
    }
    checks |= {f"engine {name}": "; ".join(engine.ready()) or "ready" for name, engine in installed_engines().items()}
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
