"""Help: every command explains itself with an example, and the list of commands answers at once."""

import json
import resource
import subprocess
import sys

import click
import pytest

from umd_curate.cli.main import COMMANDS, cli

HEAVY = (
    "pydicom",
    "numpy",
    "pyarrow",
    "SimpleITK",
    "nibabel",
    "matplotlib",
    "highdicom",
    "datasets",
    "distributed",
    "dask",
    "pynetdicom",
    "rich",
)
HELP_LIMIT_S = 0.5
ONLY_FOR_WORK = (
    "pydicom",
    "SimpleITK",
    "nibabel",
    "scipy",
    "skimage",
    "matplotlib",
    "highdicom",
    "datasets",
    "distributed",
)
PLANS = """
import json, sys
import umd_curate.pipeline.run
from umd_curate.pipeline.table import below_the_wall
below_the_wall()
print(json.dumps(sorted(sys.modules)))
"""
SHOWS_MODULES = """
import contextlib, io, json, runpy, sys
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    runpy.run_module("umd_curate", run_name="__main__")
print(json.dumps(sorted(sys.modules)))
"""


def commands(command, path=()):
    """Every command and group below one, with the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))


ALL = {" ".join(path): command for path, command in commands(cli)}


@pytest.mark.parametrize("words", sorted(ALL))
def test_every_command_has_help_with_an_example(words):
    text = ALL[words].get_help(click.Context(ALL[words], info_name=f"umd-curate {words}".strip()))
    _, found, example = text.partition("Example:\n")
    assert found
    assert "umd-curate " in example.splitlines()[0]


@pytest.mark.parametrize("words", sorted(ALL))
def test_every_option_says_what_it_does(words):
    silent = [entry.name for entry in ALL[words].params if isinstance(entry, click.Option) and not entry.help]
    assert silent == []


@pytest.mark.parametrize("words", sorted(words for words in ALL if words))
def test_an_example_calls_the_command_that_it_explains(words):
    example = ALL[words].help.partition("Example:\n")[2]
    assert f"umd-curate {words.split()[0]}" in example


def test_the_list_of_commands_is_the_one_of_the_help():
    run = subprocess.run([sys.executable, "-m", "umd_curate", "--help"], capture_output=True, text=True, check=True)
    shown = run.stdout.partition("Commands:\n")[2].split()
    assert all(name in shown for name in COMMANDS)


def modules_of(code, *words):
    run = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout))


@pytest.mark.parametrize("words", [(), ("status",), ("quarantine",), ("config",)], ids=" ".join)
def test_what_asks_a_ledger_imports_nothing_heavy(words):
    assert sorted(modules_of(SHOWS_MODULES, *words, "--help") & set(HEAVY)) == []


def test_planning_a_run_imports_nothing_that_only_its_work_needs():
    assert sorted(modules_of(PLANS) & set(ONLY_FOR_WORK)) == []


def test_help_answers_within_half_a_second_of_processor_time():
    costs = []
    for _ in range(3):
        before = _children_cpu_s()
        subprocess.run([sys.executable, "-m", "umd_curate", "--help"], capture_output=True, check=True)
        costs.append(_children_cpu_s() - before)
    assert min(costs) < HELP_LIMIT_S


def _children_cpu_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
