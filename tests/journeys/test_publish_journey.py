"""From a built release to a reader: a Hub on loopback, the command line, and the unmodified clients of the Hub.

v1.0.0 is pushed, killed on the way, and pushed again; v1.1.0 corrects a label and adds a subject while somebody polls main;
both are loaded and compared with their manifests; v1.0.0 is yanked; then a subject withdraws.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from dataclasses import replace

import pytest
from huggingface_hub import close_session, constants

from tests.loopback_hub.server import served
from tests.publish_builders import REPOSITORY, built, cohort
from umd_curate import load_dataset
from umd_curate.cli import main
from umd_curate.errors import ExitCode, LoadError
from umd_curate.model.release import VolumeRow
from umd_curate.publish.io import read_release
from umd_curate.store.nifti import stored_voxel_sha256
from umd_curate.store.parquet import read_rows

ELSEWHERE = ("--searched-elsewhere", "made by a test of synthetic noise")
PUTS_BEFORE_THE_KILL = 4
READ = """
import json, sys
import numpy as np
from datasets import concatenate_datasets, load_dataset
from umd_curate.model.geometry import Volume
from umd_curate.store.nifti import voxel_sha256

def digest(image):
    return image and voxel_sha256(Volume(np.asarray(image.dataobj).T, image.affine))

def rows(revision, config, **more):
    found = load_dataset(sys.argv[1], config, revision=revision, **more)
    return [row for split in found for row in found[split]]

told = {}
for revision in sys.argv[2:]:
    told[revision] = {
        f"{config}/{row[prefix + 'subject_id']}/{name}": digest(row[name])
        for config, prefix, names in (("petct", "", ("pet", "ct", "ct_on_pet")), ("labels-petct", "labels_", ("organs", "organs_on_pet")))
        for row in rows(revision, config) for name in names
    }
stream = load_dataset(sys.argv[1], "petct", revision=sys.argv[-1], streaming=True)
one = next(iter(next(iter(stream.values()))))
pruned = load_dataset(sys.argv[1], "petct", revision=sys.argv[-1], streaming=True, columns=["subject_id"], filters=[("subject_id", "==", one["subject_id"])])
told["streamed"] = [one["subject_id"], digest(one["pet"])]
told["pruned"] = [row for split in pruned.values() for row in split]
print(json.dumps(told))
"""

# The client's own upload of LFS files uses a spelling that its HTTP library deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """v1.0.0 of three subjects; v1.1.0 with a label redrawn and a fourth; v1.2.0 without the first."""
    root = tmp_path_factory.mktemp("releases")
    first = cohort(3)
    second = [replace(first[0]), *first[1:], cohort(4)[3]]
    second[1] = replace(second[1], liver_voxels=5)
    return {
        "1.0.0": built(root / "a", first, "1.0.0"),
        "1.1.0": built(root / "b", second, "1.1.0"),
        "1.2.0": built(root / "c", second[1:], "1.2.0"),
    }


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A Hub, and an environment in which the command line and the clients of this process and of others find it."""
    with served(tmp_path / "hub") as running:
        for name, value in {
            "HF_ENDPOINT": running.endpoint,
            "HF_TOKEN": "hf_writer",
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_OFFLINE": "0",
            "HF_DATASETS_OFFLINE": "0",
            "NO_PROXY": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield running
    close_session()


@pytest.fixture
def publish(capsys):
    """Call `umd-curate publish` in this process; gives what it printed."""

    def call(*words, code=ExitCode.DONE):
        given = main._exit_code(["publish", *map(str, words), "--to", REPOSITORY])
        printed = capsys.readouterr()
        assert given == code, printed.err
        return printed.out

    return call


def tree(hub, revision="main"):
    repo = hub.hub.repos[REPOSITORY]
    return {path: entry.sha256 for path, entry in repo.files(revision).items() if path != ".gitattributes"}


def sums(folder):
    return {path: file.sha256 for path, file in read_release(folder).files.items()}


def manifest(folder):
    rows = read_rows(folder / "manifests/volumes.parquet", VolumeRow)
    return {f"{row.config}/{row.subject_id}/{row.column}": row.voxel_sha256 for row in rows}


def kill_after(hub, process, puts):
    """Kill a process without warning when so many files begin to arrive."""
    seen = 0

    def watch(line):
        nonlocal seen
        seen += line.startswith("PUT /_lfs")
        if seen == puts:
            os.kill(process.pid, signal.SIGKILL)

    hub.hub.on_request = watch


class Poll(threading.Thread):
    """Reads main's list of files by HTTP for as long as it is asked to."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.seen, self.over = [], threading.Event()
        self._url = f"{endpoint}/api/datasets/{REPOSITORY}/tree/main?recursive=true"

    def run(self):
        while not self.over.is_set():
            request = urllib.request.Request(self._url, headers={"Authorization": "Bearer hf_reader"})  # noqa: S310
            with urllib.request.urlopen(request) as answer:  # noqa: S310  (loopback)
                files = [entry for entry in json.load(answer) if entry["type"] == "file"]
            found = {entry["path"]: entry["oid"] for entry in files if entry["path"] != ".gitattributes"}
            if not self.seen or self.seen[-1] != found:
                self.seen.append(found)


def test_from_a_push_to_a_reader_and_back(hub, publish, releases, tmp_path):
    push_that_is_killed_and_goes_on(hub, publish, releases["1.0.0"])
    push_that_is_watched(hub, publish, releases["1.1.0"])
    publish("verify", "1.0.0")
    both_versions_come_back(hub, releases, tmp_path)
    version_that_is_yanked(hub, publish, releases, tmp_path)
    subject_that_withdraws(hub, publish, releases)
    publish("verify")
    assert ours(hub, tmp_path, None) == manifest(releases["1.2.0"])


def push_that_is_killed_and_goes_on(hub, publish, folder):
    """Main and tags stay as they were; the next push sends what is missing, whatever the Hub's temper."""
    planned = json.loads(publish("plan", folder, *ELSEWHERE, "--json"))
    assert planned["bytes_to_send"] == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    words = ["publish", "push", str(folder), *ELSEWHERE, "--to", REPOSITORY]
    process = subprocess.Popen(
        [sys.executable, "-m", "umd_curate", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    kill_after(hub, process, PUTS_BEFORE_THE_KILL)
    assert process.wait() == -signal.SIGKILL
    repo = hub.hub.repos[REPOSITORY]
    assert (tree(hub), repo.tags) == ({}, {})
    hub.hub.on_request = lambda _: None
    arrived, before = set(repo.lfs), hub.hub.count("PUT /_lfs")
    hub.hub.fail("GET", "/refs", 429, headers={"Retry-After": "0"})
    hub.hub.fail("PUT", "/_lfs", 500)
    publish("push", folder, *ELSEWHERE)
    assert tree(hub) == tree(hub, "v1.0.0") == sums(folder)
    in_lfs = {entry.sha256 for entry in repo.files().values() if entry.is_lfs}
    assert 0 < len(arrived) < len(in_lfs)
    assert hub.hub.count("PUT /_lfs") - before == len(in_lfs - arrived) + 1  # the one that met the fault went twice


def push_that_is_watched(hub, publish, folder):
    """Whoever polls main sees the one version or the other."""
    poll = Poll(hub.endpoint)
    poll.start()
    publish("push", folder, *ELSEWHERE)
    poll.over.set()
    poll.join(10)
    repo = hub.hub.repos[REPOSITORY]
    versions = [
        {path: entry.oid for path, entry in repo.files(tag).items() if path != ".gitattributes"} for tag in repo.tags
    ]
    assert poll.seen == versions


def both_versions_come_back(hub, releases, cache):
    """By `datasets` and by our own reader, with the digests of their manifests."""
    done = subprocess.run(
        [sys.executable, "-c", READ, REPOSITORY, "v1.0.0", "v1.1.0"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    for version in ("1.0.0", "1.1.0"):
        assert told[f"v{version}"] == manifest(releases[version])
    subject, digest = told["streamed"]
    assert told["v1.1.0"][f"petct/{subject}/pet"] == digest
    assert told["pruned"] == [{"subject_id": subject}]
    changed = {name for name, digest in told["v1.0.0"].items() if told["v1.1.0"][name] != digest}
    assert {name.split("/")[2] for name in changed} == {"organs", "organs_on_pet"}
    for streaming in (False, True):
        assert ours(hub, cache, "1.0.0", streaming=streaming) == manifest(releases["1.0.0"])


def version_that_is_yanked(hub, publish, releases, cache):
    """Its name is gone, and the card says why; the newest stays as it is."""
    publish("yank", "1.0.0", "--reason", "SUV of one scanner was wrong")
    assert set(hub.hub.repos[REPOSITORY].tags) == {"v1.1.0", "yanked-v1.0.0"}
    assert "SUV of one scanner was wrong" in hub.hub.read(REPOSITORY, "README.md").decode()
    shown, released = tree(hub), sums(releases["1.1.0"])
    assert {path for path in shown | released if shown.get(path) != released.get(path)} == {"README.md"}
    publish("verify")
    with pytest.raises(LoadError, match="taken back"):
        ours(hub, cache, "1.0.0")


def subject_that_withdraws(hub, publish, releases):
    """A version without the subject first; then every file of the Hub that holds it goes."""
    subjects = {version: {name.split("/")[1] for name in manifest(folder)} for version, folder in releases.items()}
    (withdrawn,) = subjects["1.1.0"] - subjects["1.2.0"]
    yank = ("yank", "--subject", f"sub-{withdrawn.lower()}", "--reason", "consent was withdrawn", "--yes")
    publish(*yank, code=ExitCode.PUBLISH)
    publish("push", releases["1.2.0"], *ELSEWHERE)
    listed = json.loads(publish(*yank, "--dry-run", "--json"))
    assert listed["taken_back"] == ["1.0.0", "1.1.0"]
    bodies = bodies_of(releases["1.1.0"], withdrawn)
    assert all(held(hub, body) for body in bodies)
    publish(*yank)
    assert not any(held(hub, body) for body in bodies)
    repo = hub.hub.repos[REPOSITORY]
    assert set(repo.tags) == {"v1.2.0"}
    assert [commit.title for commit in repo.history()] == ["Take back 1.0.0, 1.1.0"]
    assert "consent was withdrawn" in hub.hub.read(REPOSITORY, "README.md").decode()


def ours(hub, cache, version, **more):
    """Digests by our own reader, with a token that may only read."""
    hub.hub.repos[REPOSITORY].accepted.add("reader")
    where = {"repo": REPOSITORY, "endpoint": hub.endpoint, "token": "hf_reader", "cache_dir": cache / "ours", **more}
    return {
        f"{config}/{place.subject}/{column}": stored_voxel_sha256(row[column].read())
        for config in ("petct", "labels-petct")
        for rows in [load_dataset(config, version=version, **where)]
        for row, place in zip(rows, rows.places, strict=True)
        for column in place.volumes
        if row[column].array.size
    }


def bodies_of(folder, subject):
    """The compressed images of a subject; its label maps may be those of others too."""
    data = folder.parents[2] / f"data/sub-{subject}"
    return [path.read_bytes() for path in data.rglob("*.nii.gz") if "dseg" not in path.name]


def held(hub, body):
    """Whether any file of the Hub holds these bytes."""
    return any(body in path.read_bytes() for path in (hub.hub.root / "blobs").iterdir())
