"""`engines`: which organ-label engines there are, whether they are ready, and how one is set up."""

from pathlib import Path

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common
from umd_curate.errors import EngineError, ExitCode, UsageError
from umd_curate.model.config_labels import LabelConfig
from umd_curate.model.receipts import Json

INSTALLABLE = ("totalsegmentator",)


def _settings(options: Options) -> LabelConfig:
    return options.settings(options.open() if options.exists() else None).label


@click.group
def engines() -> None:
    """List, check and set up the engines that label organs.

    \b
    Example:
      umd-curate engines list
      umd-curate engines install totalsegmentator
      umd-curate engines weights totalsegmentator weights.zip
      umd-curate engines check totalsegmentator
    """


@engines.command("list")
@common
def list_(options: Options) -> int:
    """List the engines with what they label and whether they are ready.

    \b
    Example:
      umd-curate engines list --json
    """
    from umd_curate.label.registry import installed_engines

    config = _settings(options)
    rows, plain = [], {}
    for name, engine in installed_engines(config).items():
        described, problems = engine.describe(), engine.ready()
        roles = ", ".join(sorted(described.targets))
        state = "ready" if not problems else f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
        place = str(config.engines.index(name) + 1) if name in config.engines else ""
        rows.append((name, described.version, described.method, roles, state, place))
        entry: dict[str, Json] = {
            "version": described.version,
            "method": described.method,
            "targets": [*sorted(described.targets)],
            "needs": str(described.needs),
            "licence": described.licence,
            "weights": dict(described.weights),
            "problems": list(problems),
            "used": name in config.engines,
        }
        plain[name] = entry
    if options.json:
        render.as_json(dict(plain))
    else:
        render.table("Engines", ("name", "version", "method", "labels", "state", "label.engines"), rows)
    return ExitCode.DONE


@engines.command
@click.argument("names", nargs=-1)
@common
def check(options: Options, names: tuple[str, ...]) -> int:
    """Check the named engines, or those of label.engines: environment, and each file of weights by size and SHA-256.

    Exit code 7: one is not ready. No network is used.

    \b
    Example:
      umd-curate engines check totalsegmentator
    """
    from umd_curate.label.registry import load_engines

    config = _settings(options)
    problems = {name: engine.ready() for name, engine in load_engines(names or config.engines, config).items()}
    if options.json:
        render.as_json({name: list(found) for name, found in problems.items()})
    else:
        render.fields(
            "umd-curate engines check", {name: "; ".join(found) or "ready" for name, found in problems.items()}
        )
    lacking = [name for name, found in problems.items() if found]
    if lacking:
        message = f"Not ready: {', '.join(lacking)}."
        raise EngineError(message, hint="See what each of them lacks above.")
    return ExitCode.DONE


@engines.command
@click.argument("name", type=click.Choice(INSTALLABLE))
@click.option("--torch-index", metavar="URL", help="Package index for torch alone, such as that of its CPU builds.")
@common
def install(options: Options, name: str, torch_index: str | None) -> int:
    """Make the environment of an engine, with the versions that are proven together (2.5 GB, some minutes).

    It lies in label.engine_folder, or where the variable UMD_ENGINES points, apart from this installation.

    \b
    Example:
      umd-curate engines install totalsegmentator
      umd-curate engines install totalsegmentator --torch-index https://download.pytorch.org/whl/cpu
    """
    from umd_curate.label.engines.totalsegmentator import tables
    from umd_curate.label.install_io import make_environment
    from umd_curate.label.registry import engine_folder
    from umd_curate.store.resources import resource_bytes

    folder = engine_folder(_settings(options)) / name / "env"
    steps = tables()["install"]["steps"]
    if options.dry_run:
        render.note(
            f"An environment would be made in {folder} with {', '.join(part for step in steps for part in step)}."
        )
        return ExitCode.DONE
    constraints = resource_bytes(f"manifests/engines/{name}.txt")
    is_new = make_environment(
        folder, steps, constraints, torch_index, lambda step: render.note(f"installing {step} ...")
    )
    render.note(f"{name}: {'its environment is made' if is_new else 'its environment is there already'}")
    return ExitCode.DONE


@engines.command
@click.argument("name", type=click.Choice(INSTALLABLE))
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@common
def weights(options: Options, name: str, sources: tuple[Path, ...]) -> int:
    """Take in the weights of an engine from zips or folders, and record each file by size and SHA-256.

    Get the zips from the engine's own releases on a machine that has a network, and compare their checksums there: a
    checkpoint can run code when it is loaded.

    \b
    Example:
      umd-curate engines weights totalsegmentator Dataset297_TotalSegmentator_total_3mm_1559subj.zip
    """
    from umd_curate.label.engines.totalsegmentator import datasets
    from umd_curate.label.registry import engine_folder
    from umd_curate.label.weights_io import read_record, take_in

    folder = engine_folder(_settings(options)) / name / "weights"
    if options.dry_run:
        render.note(f"The weights would be taken in to {folder}.")
        return ExitCode.DONE
    if any(source.resolve().is_relative_to(folder.resolve()) for source in sources):
        message = "The weights already lie in the engine's folder."
        raise UsageError(message, hint="Name the zip, or a folder outside.")
    taken = {found for source in sources for found in take_in(source, folder, datasets())}
    record = read_record(folder)
    files = {n: entry.sha256 for n, entry in sorted(record.items()) if n.partition("/")[0] in taken}
    if options.json:
        render.as_json({"taken_in": [*sorted(taken)], "sha256": dict(files)})
    else:
        render.fields("taken in, with SHA-256", {n: digest for n, digest in files.items() if n.endswith(".pth")})
    return ExitCode.DONE
