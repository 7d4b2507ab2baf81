"""Reference pages about what the program says: its commands, its findings, its errors."""

import inspect
from collections.abc import Iterator

import click
from pages_markdown import prose, table

from umd_curate import errors
from umd_curate.cli.main import cli
from umd_curate.errors import CurateError, ExitCode
from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.findings import FindingCode, Severity

ROOMS = {
    "ING": "ingest: what the raw folder holds",
    "DEI": "deid: header, identifiers, faces",
    "CON": "convert: geometry and pixels",
    "SUV": "convert: the SUV",
    "REG": "register: one grid",
    "LAB": "label: organs",
    "QA": "qa: automatic checks",
    "REL": "release: the gate, and reading a release back",
    "RUN": "the run itself",
}
WEIGHTS = {
    Severity.FAIL: "**fail**: its case is set aside, or held back from the release",
    Severity.WARN: "**warn**: the case goes on, and a person should look",
    Severity.INFO: "**info**: it is recorded, and nothing is wrong",
}


def commands(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group, with the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                yield from commands(found, (*path, name))


def cli_page() -> str:
    """Commands, their options and an example each."""
    parts = [
        "# Commands",
        "`umd-curate COMMAND --help` prints the same. The options that most commands share stand once, at the end.",
    ]
    shared: dict[str, tuple[str, str]] = {}
    known = list(commands(cli, ("umd-curate",)))
    counts: dict[str, int] = {}
    for _, command in known:
        for option in options_of(command):
            counts[option[0]] = counts.get(option[0], 0) + 1
    for path, command in known[1:]:
        text, _, example = inspect.cleandoc(command.help or "").replace("\b\n", "").partition("Example:\n")
        parts += [f"## {' '.join(path[1:])}", text.strip()]
        arguments = [
            entry.make_metavar(click.Context(command)) for entry in command.params if isinstance(entry, click.Argument)
        ]
        if not isinstance(command, click.Group):
            parts.append(f"```text\n{' '.join([*path, '[OPTIONS]', *arguments])}\n```")
        own = []
        for names, says in options_of(command):
            if counts[names] > len(known) // 2:
                shared[names] = (names, says)
            else:
                own.append((f"`{names}`", says))
        if own:
            parts.append(table(("option", "meaning"), own))
        parts.append(f"Example:\n\n```sh\n{inspect.cleandoc(example)}\n```")
    parts += ["## Options of most commands", table(("option", "meaning"), [(f"`{n}`", s) for n, s in shared.values()])]
    return "\n\n".join(parts) + "\n"


def options_of(command: click.Command) -> list[tuple[str, str]]:
    """Names and meaning of a command's options."""
    context = click.Context(command)
    records = [entry.get_help_record(context) for entry in command.params if isinstance(entry, click.Option)]
    return [(names, " ".join(says.split())) for names, says in filter(None, records)]


# --- findings and exit codes ---------------------------------------------------------------------------------------


def findings_page() -> str:
    """One section per finding code, each with an anchor of its own."""
    parts = [
        "# Finding codes",
        (
            "A finding says what one check saw about one case. It is data: it stands in the ledger, in the report, in the sidecar and in "
            "the manifest of the release. Codes are stable. A finding never holds a value of the input; it names the DICOM tag."
        ),
        table(
            ("severity", "what follows"),
            [(severity.value, text.partition(": ")[2]) for severity, text in WEIGHTS.items()],
        ),
        (
            "To see findings on synthetic data, plant a [defect](defects.md) and ask for what was set aside:\n\n"
            "```sh\numd-curate demo damaged --size tiny --defect truncated-pixels\n"
            "umd-curate status --workspace damaged/workspace\numd-curate quarantine --workspace damaged/workspace\n```"
        ),
    ]
    for prefix, heading in ROOMS.items():
        found = [code for name, code in sorted(CATALOGUE.items()) if name.partition("-")[0] == prefix]
        if found:
            parts.append(f"## {heading}")
            parts += [finding_section(code) for code in found]
    return "\n\n".join(parts) + "\n"


def finding_section(code: FindingCode) -> str:
    """What a code says, why it matters, what to do."""
    head = f"### {code.code}: {code.title} {{ #{code.code.lower()} }}"
    return f"{head}\n\n{WEIGHTS[code.severity]}.\n\nWhy: {code.why}\n\nWhat to do: {code.action}"


def exit_codes_page() -> str:
    """Exit codes and the errors behind them."""
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, CurateError)]
    rows = [
        (str(int(kind.exit_code)), kind.code, prose(kind.__doc__ or "").split("\n\n")[0], kind.default_hint)
        for kind in kinds
    ]
    plain = [
        (
            str(int(ExitCode.DONE)),
            "Done. Excluded files (localizers, reports, captures) are no reason for another code.",
        ),
        (
            str(int(ExitCode.QUARANTINED)),
            "Done; some input was wanted but cannot be used, and `umd-curate quarantine` says why.",
        ),
        (
            str(int(ExitCode.BUG)),
            "A bug: of the program as a whole, or of one unit of work while the rest of the run went on.",
        ),
        (str(int(ExitCode.INTERRUPTED)), "Interrupted; the same command goes on from here."),
    ]
    return "\n\n".join(
        [
            "# Exit codes and errors",
            (
                "An error ends a run. It is one line of what is wrong and one of what to do; `--debug` adds the traceback. What is wrong "
                "with one case is no error but a [finding](findings.md)."
            ),
            "## Exit codes without an error",
            table(("exit", "meaning"), plain),
            "## Errors",
            table(("exit", "code", "meaning", "first hint"), rows),
        ]
    )
