"""The rules that keep the house readable: floors, file size, docstrings, findings, no path of one machine."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import umd_curate
from umd_curate.model.catalogue import CATALOGUE
from umd_curate.model.findings import FindingCode, Severity

PACKAGE = Path(umd_curate.__file__).parent
ROOT = PACKAGE.parent
ROOMS = ("ingest", "deid", "convert", "register", "label", "qa", "release", "publish", "load", "synth")
PREFIXES = {
    "ingest": {"ING"},
    "sources": {"ING"},
    "deid": {"DEI"},
    "convert": {"CON"},
    "suv": {"SUV"},
    "register": {"REG"},
    "label": {"LAB"},
    "qa": {"QA"},
    "release": {"REL"},
    "run": {"RUN"},
}
MAX_LINES = 400
MIN_ROOM_WORDS = 20
MACHINE_PATH = re.compile(r"(?<![\w.>])/(?:home|root|Users|work|mnt|tmp)/[\w.-]+")
TEXT_SUFFIXES = {
    ".py",
    ".md",
    ".toml",
    ".yml",
    ".yaml",
    ".csv",
    ".txt",
    ".json",
    ".cfg",
    ".j2",
    ".css",
    ".js",
    ".svg",
    ".lock",
    "",
}

SOURCES = sorted(PACKAGE.rglob("*.py"))


def named(path):
    return path.relative_to(ROOT).as_posix()


def tracked_files():
    """Files of the repository: those git knows and new ones that it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_imports_go_down_only():
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_file_is_at_most_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_every_module_class_and_public_function_says_what_it_is(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    silent = [node.name for node in public_definitions(tree) if not ast.get_docstring(node)]
    assert silent == []


def public_definitions(tree):
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node
            yield from (
                inner for inner in node.body if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_")
            )
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_opens_with_a_paragraph(room):
    text = importlib.import_module(f"umd_curate.{room}").__doc__
    assert text
    assert len(text.split()) >= MIN_ROOM_WORDS


def test_no_module_is_a_drawer_for_everything():
    drawers = {"utils", "helpers", "common", "misc", "manager"}
    assert [named(path) for path in SOURCES if path.stem in drawers] == []


def declared():
    """Every finding code with the room that declares it; a code that two rooms declare comes twice."""
    for room in PREFIXES:
        module = importlib.import_module(f"umd_curate.model.catalogue.{room}")
        yield from ((room, value) for value in vars(module).values() if isinstance(value, FindingCode))


def test_no_two_findings_share_a_code():
    codes = [code.code for _, code in declared()]
    assert sorted(set(codes)) == sorted(codes)
    assert set(codes) == set(CATALOGUE)


@pytest.mark.parametrize(("room", "code"), list(declared()), ids=lambda value: getattr(value, "code", value))
def test_a_finding_code_names_its_room_and_says_what_why_and_what_to_do(room, code):
    assert re.fullmatch(rf"(?:{'|'.join(PREFIXES[room])})-\d{{3}}", code.code)
    assert isinstance(code.severity, Severity)
    assert len(code.title.split()) > 1
    assert not code.title.endswith(".")
    assert code.why.endswith((".", "?"))
    assert code.action.endswith(".")


def test_the_pages_speak_of_no_finding_that_is_not_there():
    prefixes = "|".join(sorted(set().union(*PREFIXES.values())))
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    named = {code for page in pages for code in re.findall(rf"\b(?:{prefixes})-\d{{3}}\b", page.read_text())}
    assert len(named) > 20
    assert named - set(CATALOGUE) == set()


def test_no_file_names_a_path_of_one_machine():
    found = []
    for path in tracked_files():
        if path.suffix not in TEXT_SUFFIXES or path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if match := MACHINE_PATH.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match.group()}")
    assert found == []
