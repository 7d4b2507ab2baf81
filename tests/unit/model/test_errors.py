"""The error tree: codes and exit codes are a contract with scripts, so they stand here a second time."""

import re

from umd_curate import errors
from umd_curate.errors import CurateError, ExitCode


def tree():
    return {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CurateError)}


def test_exit_codes_are_those_of_the_documentation():
    expected = {
        "CurateError": 1, "UsageError": 2, "ConfigError": 4, "WorkspaceError": 5, "SchemaError": 6, "EngineError": 7,
        "GateRefused": 8, "PublishError": 9, "PhiGateRefused": 10, "LoadError": 1,
    }  # fmt: skip
    assert {kind.__name__: int(kind.exit_code) for kind in tree()} == expected
    assert (ExitCode.DONE, ExitCode.QUARANTINED, ExitCode.BUG, ExitCode.INTERRUPTED) == (0, 3, 70, 130)


def test_every_error_has_a_code_of_its_own_and_a_hint():
    codes = [kind.code for kind in tree()]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"UMD-\d{3}", code) for code in codes)
    assert all(kind("message").hint for kind in tree())


def test_a_hint_of_the_place_goes_above_the_one_of_the_class():
    assert errors.ConfigError("message", hint="Do this.").hint == "Do this."
    assert errors.ConfigError("message").hint == errors.ConfigError.default_hint


def test_the_picture_at_the_top_shows_every_error_with_its_exit_code():
    shown = dict(re.findall(r"(\w+(?:Error|Refused))\s+(?:exit )?(\d+)", errors.__doc__))
    assert shown == {kind.__name__: str(int(kind.exit_code)) for kind in tree()}
