"""A file is whole under its final name, or it is not there: also when the writer is killed."""

import hashlib
import json
import os
import stat
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import strategies as some
from umd_curate.store import files

WRITES_WITHOUT_END = """
import sys
from pathlib import Path
from umd_curate.store.files import atomic
with atomic(Path(sys.argv[1])) as temporary, temporary.open("wb") as handle:
    while True:
        handle.write(b"half" * 4096)
        handle.flush()
"""


def test_a_write_makes_its_folders_and_leaves_nothing_else(tmp_path):
    files.write_bytes(tmp_path / "a" / "b" / "c.bin", b"content", mode=0o600)
    assert (tmp_path / "a" / "b" / "c.bin").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "a" / "b" / "c.bin").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["c.bin"]


def test_a_file_for_its_owner_alone_is_closed_while_it_is_written(tmp_path):
    before = os.umask(0)
    try:
        with files.atomic(tmp_path / "key", mode=0o600) as temporary:
            temporary.write_bytes(b"secret")
            mode = stat.S_IMODE(temporary.stat().st_mode)
    finally:
        os.umask(before)
    assert mode == 0o600


def test_a_failed_write_leaves_the_old_content(tmp_path):
    path = tmp_path / "c.bin"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), files.atomic(path) as temporary, temporary.open("wb") as handle:
        handle.writelines([b"half", "no bytes"])
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["c.bin"]


def test_a_killed_writer_leaves_the_old_content_and_its_rest_is_swept(tmp_path):
    path = tmp_path / "folder" / "c.bin"
    path.parent.mkdir()
    path.write_bytes(b"old")
    with subprocess.Popen([sys.executable, "-c", WRITES_WITHOUT_END, str(path)]) as writer:
        try:
            while not any(rest.stat().st_size > 0 for rest in path.parent.glob(".c.bin*")):
                assert writer.poll() is None
                time.sleep(0.01)
        finally:
            writer.kill()
    assert path.read_bytes() == b"old"
    assert files.sweep_temporaries(tmp_path) == 1
    assert [found.name for found in path.parent.iterdir()] == ["c.bin"]


def test_the_sweep_takes_nothing_else(tmp_path):
    for name in (".hidden", "c.bin", ".c.bin.swp"):
        (tmp_path / name).write_bytes(b"kept")
    assert files.sweep_temporaries(tmp_path) == 0
    assert len(list(tmp_path.iterdir())) == 3
    assert files.sweep_temporaries(tmp_path / "absent") == 0


@settings(max_examples=25)  # each writes and syncs a file
@given(value=some.json_values)
def test_json_is_read_back_as_it_was(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "value.json"
    files.write_json(path, value)
    assert json.loads(path.read_text(encoding="utf-8")) == value


def test_json_does_not_depend_on_the_order_of_keys(tmp_path):
    files.write_json(tmp_path / "one.json", {"a": 1, "b": {"c": 2, "d": "ä"}})
    files.write_json(tmp_path / "two.json", {"b": {"d": "ä", "c": 2}, "a": 1})
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert (tmp_path / "one.json").read_text(encoding="utf-8").endswith("}\n")


def test_json_holds_no_infinity(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "value.json", {"measured": float("nan")})
    assert not (tmp_path / "value.json").exists()


@given(data=st.binary(max_size=5000))
def test_the_checksum_is_that_of_the_bytes(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "data.bin"
    path.write_bytes(data)
    made = files.artifact("pet", "data/x.nii.gz", path)
    assert files.sha256_of(path) == made.sha256 == hashlib.sha256(data).hexdigest()
    assert (made.what, made.path, made.size) == ("pet", "data/x.nii.gz", len(data))


def test_a_file_is_read_only_as_it_was_seen(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"as seen")
    seen = path.stat()
    assert files.read_unchanged(path, seen.st_size, seen.st_mtime_ns) == b"as seen"
    assert files.read_unchanged(path, seen.st_size + 1, seen.st_mtime_ns) is None
    assert files.read_unchanged(path, seen.st_size - 1, seen.st_mtime_ns) is None
    assert files.read_unchanged(path, seen.st_size, seen.st_mtime_ns + 1) is None
    path.write_bytes(b"")
    assert files.read_unchanged(path, 0, path.stat().st_mtime_ns) == b""
    with pytest.raises(FileNotFoundError):
        files.read_unchanged(tmp_path / "gone", 0, 0)
