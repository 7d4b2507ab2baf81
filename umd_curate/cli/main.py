"""The command group. Commands are imported when they are called, so that ``--help`` answers at once."""

import importlib
import sys
import traceback
from collections.abc import Sequence

import click

from umd_curate import __version__
from umd_curate.cli import render
from umd_curate.errors import CurateError, ExitCode
from umd_curate.startup import settle
from umd_curate.store.files import disk_fault

# name: (module, attribute, one line of help)
COMMANDS = {
    "run": ("run", "run", "Do all of it: raw DICOM folder in, release folder out."),
    "init": ("workspace", "init", "Make a workspace."),
    "config": ("workspace", "config", "Show the settings."),
    "scan": ("explain", "scan", "Say what a raw folder holds, what would be made of it, and why."),
    "receive": ("receive", "receive", "Receive what a PACS sends into a raw folder."),
    "ingest": ("run", "ingest", "Scan, de-identify, convert and deface a raw folder into data/."),
    "register": (
        "register",
        "register",
        "Bring PET and CT or MR of each session to one grid, and sessions onto each other.",
    ),
    "label": ("label", "label", "Label the organs of each session, or export their labels."),
    "engines": ("engines", "engines", "List, check and set up the engines that label organs."),
    "qa": ("run", "qa", "Check each session and write the report."),
    "release": ("release", "release", "Build or verify a release."),
    "publish": ("publish", "publish", "Publish a release, verify what is published, take versions back."),
    "get": ("get", "get", "Fetch a published release, verified file by file."),
    "status": ("status", "status", "Say what is done, what is left, and why files were not used."),
    "quarantine": ("status", "quarantine", "List what was wanted but cannot be used, and what to do."),
    "reveal": ("status", "reveal", "Show path and patient behind a short id, on a terminal."),
    "withdraw": ("withdraw", "withdraw", "Take a subject out of every later release."),
    "bench": ("bench", "bench", "Score de-identified DICOM against an answer key (MIDI-B)."),
    "suv": ("suv", "suv", "Explain how an SUV was derived."),
    "audit": ("audit", "audit", "Search any folder for identifiers of patients."),
    "crosswalk": ("crosswalk", "crosswalk", "Keep the link between patients and published ids."),
    "demo": ("demo", "demo", "Make a synthetic cohort and run the whole main job on it."),
    "synth": ("demo", "synth", "Write a synthetic cohort as DICOM, with exact truth."),
    "doctor": (
        "tools",
        "doctor",
        "Check this installation, its engines, a workspace, and the SUV of reference objects.",
    ),
    "schema": ("tools", "schema", "Write or check the JSON Schemas of all documents."),
}


class LazyGroup(click.Group):
    """Lists its commands from a table and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"umd_curate.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="umd-curate")
def cli() -> None:
    """Raw whole-body PET/CT and PET/MRI DICOM in, a de-identified, organ-labelled dataset release out.

    \b
    Example:
      umd-curate demo out                 the whole main job on a synthetic cohort
      umd-curate run RAW -w WORKSPACE     the same on your own DICOM

    Exit codes: 0 done; 1 error; 2 usage; 3 done, some input quarantined; 4 config; 5 workspace; 6 schema; 7 engine;
    8 release gate; 9 publish; 10 PHI gate; 70 bug; 130 interrupted.
    """


def main() -> None:
    """Run the command line and exit with its code."""
    settle()
    sys.exit(_exit_code(sys.argv[1:]))


def _exit_code(arguments: list[str]) -> int:
    try:
        result = cli.main(arguments, prog_name="umd-curate", standalone_mode=False)
    except CurateError as error:
        return _refused(error, arguments)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        render.error("", "Interrupted.", "Run the same command again: it goes on from here.")
        return ExitCode.INTERRUPTED
    except Exception as bug:  # noqa: BLE001  (the last door: a bug is shown whole and named as one)
        fault = disk_fault(bug) if isinstance(bug, OSError) else None
        if fault is not None:
            return _refused(fault, arguments)
        traceback.print_exc()
        render.error(
            "", "This is a bug in umd-curate.", "Please report it with the traceback, after a look for identifiers."
        )
        return ExitCode.BUG
    return int(result) if isinstance(result, int) else ExitCode.DONE


def _refused(error: CurateError, arguments: Sequence[str]) -> int:
    if "--debug" in arguments:
        traceback.print_exc()
    render.error(error.code, error.message, error.hint)
    return error.exit_code
