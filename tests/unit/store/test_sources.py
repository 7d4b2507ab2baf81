"""The one door to the bytes of a source."""

import pytest

from umd_curate.store.sources import read_unchanged


def test_a_file_is_read_only_as_it_was_seen(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"as seen")
    seen = path.stat()
    assert read_unchanged(str(path), seen.st_size, seen.st_mtime_ns) == b"as seen"
    assert read_unchanged(str(path), seen.st_size + 1, seen.st_mtime_ns) is None
    assert read_unchanged(str(path), seen.st_size - 1, seen.st_mtime_ns) is None
    assert read_unchanged(str(path), seen.st_size, seen.st_mtime_ns + 1) is None
    path.write_bytes(b"")
    assert read_unchanged(str(path), 0, path.stat().st_mtime_ns) == b""
    with pytest.raises(FileNotFoundError):
        read_unchanged(str(tmp_path / "gone"), 0, 0)
