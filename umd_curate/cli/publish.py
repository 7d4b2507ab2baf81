"""`publish plan`, `publish push`, `publish verify` and `publish yank`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import click

from umd_curate.cli import render
from umd_curate.cli.options import Options, common
from umd_curate.errors import ExitCode, PublishError, UsageError
from umd_curate.model.config import UmdConfig
from umd_curate.model.ids import subject_id
from umd_curate.model.receipts import Json

MIB = 1 << 20
LEAST_REASON = 10  # characters
TO = click.option(
    "--to",
    metavar="TARGET",
    help="ORG/NAME of the Hub, s3://bucket/folder, or ./folder.  [default: publish.to of umd.toml]",
)
FOLDER = click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
ELSEWHERE = click.option(
    "--searched-elsewhere",
    metavar="REASON",
    help="Publish FOLDER without the workspace that knows the patients' identifiers: say where it was searched.",
)


@click.group
def publish() -> None:
    """Publish a release to the Hub, a bucket or a folder, and take versions back.

    \b
    Example:
      umd-curate publish plan --workspace study --to ORG/umd
      umd-curate publish push --workspace study --to ORG/umd
    """


@publish.command
@FOLDER
@TO
@ELSEWHERE
@common
def plan(options: Options, folder: Path | None, to: str | None, searched_elsewhere: str | None) -> int:
    """Say what a push would send, in files and bytes; nothing is sent.

    FOLDER is a release folder; that of the workspace and its release.version where it is not given.

    \b
    Example:
      umd-curate publish plan --workspace study --to ORG/umd
    """
    return _push(options, folder, to, searched_elsewhere, dry_run=True)


@publish.command
@FOLDER
@TO
@ELSEWHERE
@click.option(
    "--public", is_flag=True, help="Let anyone see the repository; licence, ethics and consent must be stated."
)
@click.option(
    "--ungated", is_flag=True, help="Let anyone who sees it read it; licence, ethics and consent must be stated."
)
@common
def push(
    options: Options,
    folder: Path | None,
    to: str | None,
    searched_elsewhere: str | None,
    *,
    public: bool,
    ungated: bool,
) -> int:
    """Verify and search a release, send what the target lacks, compare it there, then show it as the newest version.

    A repository is made private and gated. Stopped at any point, the same command goes on.

    \b
    Example:
      umd-curate publish push --workspace study --to ORG/umd
      umd-curate publish push study/releases/1.0.0/umd --to ./carry --searched-elsewhere "on the hospital's own machine"
    """
    return _push(options, folder, to, searched_elsewhere, dry_run=options.dry_run, public=public, ungated=ungated)


@publish.command
@click.argument("version", required=False)
@TO
@common
def verify(options: Options, version: str | None, to: str | None) -> int:
    """Compare a published version with its own checksums, file by file, both ways.

    VERSION is the newest where it is not given.

    \b
    Example:
      umd-curate publish verify 1.0.0 --to ORG/umd
    """
    from umd_curate.publish import publisher_of

    config = _config(options)
    publisher = publisher_of(_target(to, config), config)
    known = publisher.versions()
    if version is None and not known:
        message = "No version is published there."
        raise PublishError(message, hint="`umd-curate publish push` publishes one.")
    asked = version or known[-1]
    faults = list(publisher.verify(asked))
    if options.json:
        render.as_json({"version": asked, "versions": list(known), "faults": cast("list[Json]", faults)})
    else:
        render.line(f"{asked}: {len(faults)} file(s) differ from the checksums")
        for path in faults:
            render.line(f"  {path}")
    if faults:
        message = f"The published version {asked} is not what its checksums say."
        raise PublishError(
            message, hint="Nothing was changed. Take it back with `umd-curate publish yank`, and publish anew."
        )
    return ExitCode.DONE


@publish.command("yank")
@click.argument("versions", nargs=-1, metavar="[VERSION]...")
@click.option("--subject", metavar="ID", help="Every version that holds this subject; implies --purge.")
@click.option("--reason", required=True, help="Why, for the card; it is published and must name no person.")
@click.option("--purge", is_flag=True, help="Delete the files for good, from the past of the repository too.")
@click.option("--yes", is_flag=True, help="Do not ask before files are deleted.")
@TO
@common
def take_back(
    options: Options,
    versions: tuple[str, ...],
    subject: str | None,
    to: str | None,
    *,
    reason: str,
    purge: bool,
    yes: bool,
) -> int:
    """Take versions back: the newest version that is left is shown, and the card says which were taken back and why.

    Without --purge a version keeps the tag yanked-vX.Y.Z. With it, its tag, its past and every stored file that no other
    version needs are deleted for good. Copies that others made stay: tell them.

    \b
    Example:
      umd-curate publish yank 1.0.0 --reason "SUV of one scanner was wrong" --to ORG/umd
      umd-curate publish yank --subject 7K3QF2 --reason "consent was withdrawn" --to ORG/umd --dry-run
    """
    from umd_curate.publish import publisher_of

    if len(reason.strip()) < LEAST_REASON:
        message = f"--reason needs at least {LEAST_REASON} characters."
        raise UsageError(message)
    if bool(versions) == bool(subject):
        message = "Name either versions or --subject."
        raise UsageError(message)
    config = _config(options)
    publisher = publisher_of(_target(to, config), config)
    named = list(versions)
    if subject:
        subject, purge = subject_id(subject), True
        known = publisher.versions()
        named = [version for version in publisher.held() if subject in publisher.subjects(version)]
        if not named:
            message = "No published version holds this subject."
            raise PublishError(message, hint=f"Nothing was changed. Published: {', '.join(known) or 'none'}.")
        if known and known[-1] in named:
            message = "The newest version still holds this subject."
            raise PublishError(
                message, hint="Nothing was changed. Build and publish a version without the subject first."
            )
    planned = publisher.plan_yank(named, reason, purge=purge)
    doomed = sum(planned.doomed.values())
    told: dict[str, Json] = {
        "taken_back": cast("list[Json]", named),
        "purged": purge,
        "shown_after": planned.shown_after,
        "files_deleted": len(planned.doomed),
        "bytes_deleted": doomed,
    }
    if options.dry_run:
        _tell(options, told)
        return ExitCode.DONE
    if purge and not yes:
        click.confirm(
            f"Delete {len(planned.doomed)} stored file(s), {doomed / MIB:.1f} MiB, for good?", abort=True, err=True
        )
    publisher.yank(planned)
    _tell(options, told)
    return ExitCode.DONE


def _push(
    options: Options,
    folder: Path | None,
    to: str | None,
    searched_elsewhere: str | None,
    *,
    dry_run: bool,
    public: bool = False,
    ungated: bool = False,
) -> int:
    from umd_curate.pipeline.publishing import checked_release
    from umd_curate.publish import publisher_of
    from umd_curate.publish.target import Visibility

    with _searching(options, folder, searched_elsewhere) as (config, found, session):
        visibility = Visibility(public, "none" if ungated else "manual") if public or ungated else None
        publisher = publisher_of(_target(to, config), config, visibility)
        release = checked_release(found, session)
        if dry_run:
            planned = publisher.plan(release)
            _tell(
                options,
                {
                    "version": release.version,
                    "add": len(planned.add),
                    "replace": len(planned.replace),
                    "delete": len(planned.delete),
                    "keep": len(planned.keep),
                    "bytes_to_send": planned.bytes_to_send,
                    "bytes_in_release": planned.bytes_in_release,
                },
            )
            return ExitCode.DONE
        done = publisher.push(release, found, _watch(release.size))
        _tell(options, asdict(done))
        return ExitCode.DONE


@contextmanager
def _searching(
    options: Options, folder: Path | None, searched_elsewhere: str | None
) -> Iterator[tuple[UmdConfig, Path, Any]]:
    """Settings, release folder, and the open workspace that knows the identifiers."""
    if searched_elsewhere is not None:
        if folder is None or len(searched_elsewhere.strip()) < LEAST_REASON:
            message = f"--searched-elsewhere needs FOLDER and a reason of at least {LEAST_REASON} characters."
            raise UsageError(message)
        render.note("The release is searched for what looks like an identifier, not for those of its patients.")
        yield _config(options), folder, None
        return
    from umd_curate.pipeline import run as pipeline
    from umd_curate.release.plan import release_folder

    workspace = options.require()
    config = options.settings(workspace)
    found = folder or workspace.resolve(release_folder(config))
    if not found.is_dir():
        message = "The release of this version is not built yet."
        raise PublishError(message, hint="Nothing was published. Run `umd-curate release build` first.")
    with pipeline.opened(workspace, config, "publish") as session:
        yield config, found, session


def _config(options: Options) -> UmdConfig:
    return options.settings(options.open() if options.exists() else None)


def _target(to: str | None, config: UmdConfig) -> Any:  # noqa: ANN401  (its type is imported with the room)
    from umd_curate.publish.target import target_of

    named = to or config.publish.to
    if named is None:
        message = "Say where releases go: --to TARGET, or publish.to in umd.toml."
        raise UsageError(message)
    return target_of(named)


def _watch(total: int) -> Callable[[int], None]:
    sent = 0

    def watch(more: int) -> None:
        nonlocal sent
        sent += more
        render.note(f"sent {sent / MIB:.1f} of at most {total / MIB:.1f} MiB")

    return watch


def _tell(options: Options, told: dict[str, Json]) -> None:
    if options.json:
        render.as_json(told)
        return
    shown = {
        name: f"{value:,} ({value / MIB:.1f} MiB)"
        if name.startswith("bytes") and isinstance(value, int)
        else _word(value)
        for name, value in told.items()
    }
    render.fields("publish", {name.replace("_", " "): value for name, value in shown.items()})


def _word(value: Json) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(entry) for entry in value)
    return "none" if value is None else str(value)
