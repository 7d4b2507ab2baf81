"""Archives are read in place: what comes out of them is what went in, from any place, and nothing odd is opened."""

import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from umd_curate.model.headers import FileKind
from umd_curate.store import gzip_seek
from umd_curate.store.archives import open_archive
from umd_curate.store.gzip_seek import SeekableGzip
from umd_curate.store.sources import open_source, read_unchanged, stat_source

CONTENT = {"a/one": b"1" * 300, "a/two.dcm": bytes(range(256)) * 40, "three": b""}


def _zip(path, content=CONTENT, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def _tar(path, content=CONTENT):
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz", "x.tgz"])
def test_every_member_is_found_and_read_under_its_stable_path(tmp_path, name):
    path = (_zip if name.endswith("zip") else _tar)(tmp_path / name)
    archive = open_archive(path)
    assert {member.name: (member.size, member.kind) for member in archive.members()} == {
        member: (len(data), None) for member, data in CONTENT.items()
    }
    archive.close()
    for member, data in CONTENT.items():
        source = f"{path}!/{member}"
        assert stat_source(source) == (len(data), path.stat().st_mtime_ns)
        with open_source(source) as handle:
            assert handle.read() == data
            handle.seek(3)
            assert handle.read(5) == data[3:8]


def test_a_file_is_a_file_whatever_stands_in_its_path(tmp_path):
    path = tmp_path / "odd.zip!" / "member"
    path.parent.mkdir()
    path.write_bytes(b"plain")
    with open_source(str(path)) as handle:
        assert handle.read() == b"plain"
    assert stat_source(str(path))[0] == len(b"plain")


@pytest.mark.parametrize("name", ["nothing", "x.zip!/nothing", "nothing.zip!/a"])
def test_what_is_not_there_is_not_found(tmp_path, name):
    _zip(tmp_path / "x.zip")
    for look in (open_source, stat_source):
        with pytest.raises(FileNotFoundError):
            look(str(tmp_path / name))


def test_an_archive_that_was_replaced_is_read_anew(tmp_path):
    path = _zip(tmp_path / "x.zip")
    with open_source(f"{path}!/a/one") as handle:
        handle.read()
    _zip(path, {"a/one": b"other bytes"})
    with open_source(f"{path}!/a/one") as handle:
        assert handle.read() == b"other bytes"


def test_members_with_odd_names_and_links_are_named_and_never_opened(tmp_path):
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("../up", "/etc/absolute", "a/../../b", "inner.zip", "inner.tar.gz", "sound"):
            archive.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    found = {member.name: member.kind for member in open_archive(path).members()}
    assert found == {
        "../up": FileKind.OUTSIDE,
        "/etc/absolute": FileKind.OUTSIDE,
        "a/../../b": FileKind.OUTSIDE,
        "inner.zip": FileKind.OTHER_ARCHIVE,
        "inner.tar.gz": FileKind.OTHER_ARCHIVE,
        "link": FileKind.LINK,
        "sound": None,
    }


def test_encrypted_members_of_a_zip_are_named(tmp_path):
    path = _zip(tmp_path / "x.zip", {"one": b"1" * 50}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    (member,) = open_archive(path).members()
    assert member.kind is FileKind.ENCRYPTED


def test_a_bomb_is_named_and_not_unpacked(tmp_path):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros", "w") as member:
        for _ in range(66):
            member.write(bytes(1 << 20))
    (found,) = open_archive(path).members()
    assert found.kind is FileKind.OVERSIZED


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_an_archive_that_is_cut_off_is_refused_whole(tmp_path, name, kept):
    content = {f"{number}": np.random.default_rng(number).bytes(4000) for number in range(20)}
    path = (_zip if name.endswith("zip") else _tar)(tmp_path / name, content)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(OSError, match="archive"):
        open_archive(path)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=st.lists(st.tuples(st.integers(0, 3_200_000), st.integers(0, 70_000)), max_size=8), members=st.integers(1, 3)
)
def test_a_gzip_file_is_read_from_any_place(tmp_path, monkeypatch, places, members):
    monkeypatch.setattr(gzip_seek, "SPACING", 200_000)
    monkeypatch.setattr(gzip_seek, "_OUTPUT", 50_000)
    noise = np.random.default_rng(7)
    parts = [noise.bytes(1000) * 1000 for _ in range(members)]
    path = tmp_path / "x.gz"
    path.write_bytes(b"".join(gzip.compress(part, 1) for part in parts) + bytes(512))
    whole = b"".join(parts)
    with SeekableGzip(path) as handle:
        for place, count in places:
            handle.seek(place)
            found = b""
            while len(found) < count and (piece := handle.read(count - len(found))):
                found += piece
            assert found == whole[place : place + count]


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
