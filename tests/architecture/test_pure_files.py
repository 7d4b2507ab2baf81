"""In a room the file name tells the kind: edges touch the world, all other files are pure. The rule stands here as data."""

import ast
from fnmatch import fnmatch
from pathlib import Path

import pytest

import umd_curate

PACKAGE = Path(umd_curate.__file__).parent
ROOMS = ("ingest", "deid", "convert", "register", "label", "qa", "release", "publish", "load", "synth")

# Files of a room that may touch the world: disk, foreign libraries, processes.
EDGES = (
    "step.py",
    "io.py",
    "*_io.py",
    "io_*.py",
    "engine.py",
    "scan.py",
    "hub.py",
    "page.py",
    "vault.py",
    "registry.py",
    "engines/*",
)

# What no pure file imports: the machine, the clock, chance, foreign libraries of files and drawings, the command line.
WORLD = {
    "asyncio", "click", "datasets", "fsspec", "gdcm", "highdicom", "http", "huggingface_hub", "importlib.metadata", "importlib.resources", "jinja2", "logging",
    "multiprocessing", "nibabel", "os", "platform", "pydicom", "pyarrow", "random", "resource", "rich", "secrets", "shutil",
    "SimpleITK", "socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
DOORS = {
    "files",
    "keys",
    "ledger",
    "dicom",
    "nifti",
    "parquet",
    "shard_map",
    "shards",
    "settings",
    "workspace",
    "schemas",
    "watched",
}  # of store/
VALUES = {  # what stands in a file of the world and is a value or a contract all the same
    "umd_curate.store.shards.Footer",
    "umd_curate.store.shards.Layout",
    "umd_curate.store.shards.MAX_VOLUME_BYTES",
    "umd_curate.label.engine.LabelEngine",
    "umd_curate.label.engine.EngineDescription",
    "umd_curate.label.engine.Need",
}
BUILTINS = {"open", "print", "input", "exec", "eval", "__import__"}
CLOCKS = {"now", "utcnow", "today", "fromtimestamp"}
DISK = {"Path", "PosixPath", "WindowsPath"}  # PurePosixPath only joins and splits names


def room_files():
    return [path for room in ROOMS for path in sorted((PACKAGE / room).rglob("*.py"))]


def is_edge(path):
    name = path.relative_to(PACKAGE).as_posix().partition("/")[2]
    return name == "__init__.py" or any(fnmatch(name, pattern) for pattern in EDGES)


def imported(node):
    """Full names that an import statement brings in."""
    prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    return {f"{prefix}{alias.name}" for alias in node.names}


def faults(path):
    """What a pure file does that only an edge may do."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (f"imports {name}" for name in sorted(imported(node)) if is_worldly(name))
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in BUILTINS:
                yield f"calls {called.id}()"
            elif isinstance(called, ast.Attribute) and called.attr in CLOCKS:
                yield f"calls .{called.attr}()"
            elif isinstance(called, ast.Attribute) and called.attr == "default_rng" and not node.args:
                yield "draws without a seed"


def is_worldly(name):
    if name in VALUES:
        return False
    if any(name == module or name.startswith(f"{module}.") for module in WORLD):
        return True
    if name in {f"pathlib.{kind}" for kind in DISK}:
        return True
    parts = name.split(".")
    if parts[:2] == ["umd_curate", "store"]:
        return parts[2] in DOORS
    if parts[0] == "umd_curate" and len(parts) > 2 and parts[1] in ROOMS:
        return is_edge(PACKAGE / parts[1] / f"{parts[2]}.py")
    return False


@pytest.mark.parametrize(
    "path", [path for path in room_files() if not is_edge(path)], ids=lambda p: p.relative_to(PACKAGE).as_posix()
)
def test_a_pure_file_touches_nothing_of_the_world(path):
    assert list(faults(path)) == []


@pytest.mark.parametrize(
    "line",
    [
        "import os", "from os.path import join", "from pathlib import Path", "import pydicom.uid", "from datetime import datetime\ndatetime.now()",
        "open('x')", "import numpy as np\nnp.random.default_rng()", "from umd_curate.store.files import write_json",
        "from umd_curate.store import files", "from umd_curate.release.io import x", "from umd_curate.deid import vault",
    ],
)  # fmt: skip
def test_the_rule_sees_what_it_forbids(tmp_path, line):
    (tmp_path / "file.py").write_text(line, encoding="utf-8")
    assert list(faults(tmp_path / "file.py"))


@pytest.mark.parametrize(
    "line",
    [
        "import math",
        "from pathlib import PurePosixPath",
        "from umd_curate.model.geometry import Grid",
        "np.random.default_rng(seed)",
    ],
)
def test_the_rule_lets_pure_things_pass(tmp_path, line):
    (tmp_path / "file.py").write_text(line, encoding="utf-8")
    assert list(faults(tmp_path / "file.py")) == []
