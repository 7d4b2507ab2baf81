"""What has to travel: a push of the difference makes the target hold the release and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from umd_curate.publish.plan import (
    LocalFile,
    Release,
    RemoteFile,
    compare,
    is_newest,
    is_same,
    versions_of,
)

PATHS = st.sampled_from(["README.md", "petct/a.parquet", "petct/b.parquet", "manifests/x.parquet", ".gitattributes"])
DIGESTS = st.sampled_from(["a" * 64, "b" * 64])
TREES = st.dictionaries(PATHS, DIGESTS)
NUMBERS = st.integers(0, 12)
VERSIONS = st.tuples(NUMBERS, NUMBERS, NUMBERS).map(lambda numbers: ".".join(map(str, numbers)))


def release_of(tree):
    files = {path: LocalFile(path, 5, digest, digest[:40]) for path, digest in tree.items() if path != ".gitattributes"}
    return Release("umd", "1.0.0", files)


def remote_of(tree, *, is_git=False):
    return {
        path: RemoteFile(path, 5, git_oid=digest[:40]) if is_git else RemoteFile(path, 5, sha256=digest)
        for path, digest in tree.items()
    }


@given(TREES, TREES, st.booleans())
def test_what_is_sent_kept_and_deleted_makes_the_release(local, remote, is_git):
    release, there = release_of(local), remote_of(remote, is_git=is_git)
    plan = compare(release, there)
    after = {path: remote[path] for path in plan.keep} | {path: release.files[path].sha256 for path in plan.to_send}
    assert after == {path: file.sha256 for path, file in release.files.items()}
    assert set(plan.delete) == there.keys() - release.files.keys() - {".gitattributes"}
    assert plan.bytes_to_send == 5 * len(plan.to_send)
    assert plan.is_done == ({p: d for p, d in remote.items() if p != ".gitattributes"} == after)


@given(TREES)
def test_nothing_travels_to_where_everything_is(tree):
    assert compare(release_of(tree), remote_of(tree)).is_done


def test_a_large_file_is_never_taken_for_one_that_git_keeps():
    large = LocalFile("x", 5, "a" * 64)  # no name by Git
    assert not is_same(large, RemoteFile("x", 5))
    assert not is_same(large, RemoteFile("x", 6, sha256="a" * 64))


@given(st.lists(VERSIONS, unique=True))
def test_versions_are_ordered_by_number_and_other_tags_are_left_alone(versions):
    tags = dict.fromkeys([*(f"v{version}" for version in versions), "yanked-v9.9.9", "v1", "vx.y.z", "1.0.0"], "c")
    numbers = sorted(tuple(map(int, version.split("."))) for version in versions)
    assert [tuple(map(int, version.split("."))) for version in versions_of(tags)] == numbers
    for version in versions:
        assert is_newest(version, tags) == (tuple(map(int, version.split("."))) == numbers[-1])
