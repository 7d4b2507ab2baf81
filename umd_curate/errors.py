"""The error tree and the exit codes. An error ends a run; a finding (model/findings.py) ends one case.

CurateError                      exit 1
├── UsageError                   2   wrong option or path
├── ConfigError                  4   umd.toml, or a table that it names
├── WorkspaceError               5   not a workspace, locked, no room, wrong key
├── SchemaError                  6   a file does not fit its schema version
├── EngineError                  7   a label or registration engine is absent or failed
├── GateRefused                  8   release gate; names each blocking case
├── PublishError                 9   Hub; says what was and was not published
├── PhiGateRefused              10   an identifier below the PHI wall
└── LoadError                    1   a release cannot be read from where it is published

Exit 0: done. Exit 3: done, some input quarantined. Exit 70: a bug. Exit 130: interrupted.

A message never holds a header value, a path fragment or a name from the input: say the tag and a keyed short id.
"""

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the process tells its caller."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    QUARANTINED = 3
    CONFIG = 4
    WORKSPACE = 5
    SCHEMA = 6
    ENGINE = 7
    RELEASE_GATE = 8
    PUBLISH = 9
    PHI_GATE = 10
    BUG = 70
    INTERRUPTED = 130


class CurateError(Exception):
    """A run that cannot go on: one line of message, one hint, an exit code.

    Parameters
    ----------
    message
        What is wrong, free of input values.
    hint
        What the user can do; the class's own hint where none is given.
    """

    code: ClassVar[str] = "UMD-000"
    exit_code: ClassVar[ExitCode] = ExitCode.ERROR
    default_hint: ClassVar[str] = "Run again with --debug for the traceback."

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint


class UsageError(CurateError):
    """A wrong option or path on the command line."""

    code = "UMD-002"
    exit_code = ExitCode.USAGE
    default_hint = "See `umd-curate COMMAND --help`."


class ConfigError(CurateError):
    """A fault in umd.toml or in a table that it names."""

    code = "UMD-004"
    exit_code = ExitCode.CONFIG
    default_hint = "See `umd-curate config show --resolved` for every setting and its default."


class WorkspaceError(CurateError):
    """Not a workspace, locked by another process, no room, or the wrong key for its vault."""

    code = "UMD-005"
    exit_code = ExitCode.WORKSPACE
    default_hint = "Make a workspace with `umd-curate init`, or name one with --workspace."


class SchemaError(CurateError):
    """A file does not fit its schema version."""

    code = "UMD-006"
    exit_code = ExitCode.SCHEMA
    default_hint = "The file was written by another version or changed by hand; make it anew."


class EngineError(CurateError):
    """A label or registration engine is absent or failed for every case."""

    code = "UMD-007"
    exit_code = ExitCode.ENGINE
    default_hint = "See `umd-curate doctor`."


class GateRefused(CurateError):  # noqa: N818  (the gate's refusal is the name that users see)
    """The release gate found cases that must not be released."""

    code = "UMD-008"
    exit_code = ExitCode.RELEASE_GATE
    default_hint = "Mend or exclude each named case, or relax the rule in umd.toml with a reason."


class PublishError(CurateError):
    """The Hub refused; says what was and was not published."""

    code = "UMD-009"
    exit_code = ExitCode.PUBLISH
    default_hint = "Nothing on the main branch has changed; run the command again."


class PhiGateRefused(CurateError):  # noqa: N818  (the gate's refusal is the name that users see)
    """An identifier was found below the PHI wall."""

    code = "UMD-010"
    exit_code = ExitCode.PHI_GATE
    default_hint = "Nothing was released. `umd-curate status` lists the case; `umd-curate reveal ID` shows it."


class LoadError(CurateError):
    """A release cannot be read from where it is published."""

    code = "UMD-011"
    exit_code = ExitCode.ERROR
    default_hint = "Look at the name, the version, the network and the token."
