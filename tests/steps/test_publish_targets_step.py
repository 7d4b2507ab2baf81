"""A folder and a bucket as targets: what holds for both, and that nobody who goes by the index sees half a release."""

import json
import logging
import os

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.publish_builders import ignore, released
from umd_curate import load_dataset
from umd_curate.errors import PublishError
from umd_curate.publish.bucket_io import BucketPublisher
from umd_curate.publish.folder_io import FolderPublisher

REASON = "SUV of one scanner was wrong"

# botocore and its server call what Python deprecates.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


class Folder:
    """A folder that is written and looked into."""

    def __init__(self, root):
        self._root = root

    def publisher(self):
        return FolderPublisher(self._root)

    def files(self):
        found = (path for path in self._root.rglob("*") if path.is_file()) if self._root.is_dir() else ()
        return {path.relative_to(self._root).as_posix(): path.read_bytes() for path in found}

    def write(self, path, data):
        (self._root / path).parent.mkdir(parents=True, exist_ok=True)
        (self._root / path).write_bytes(data)


class Bucket:
    """A bucket of a server on loopback."""

    def __init__(self, endpoint, name):
        self._endpoint, self._name = endpoint, name
        self._client = boto3.client("s3", endpoint_url=endpoint)
        self._client.create_bucket(Bucket=name)

    def publisher(self):
        options = {"client_kwargs": {"endpoint_url": self._endpoint}, "skip_instance_cache": True}
        return BucketPublisher(f"s3://{self._name}/umd", options, wait=lambda _: None)

    def files(self):
        listed = self._client.list_objects_v2(Bucket=self._name).get("Contents", [])
        return {
            entry["Key"].removeprefix("umd/"): self._client.get_object(Bucket=self._name, Key=entry["Key"])[
                "Body"
            ].read()
            for entry in listed
        }

    def write(self, path, data):
        self._client.put_object(Bucket=self._name, Key=f"umd/{path}", Body=data)


@pytest.fixture(scope="module")
def s3():
    before = dict(os.environ)
    os.environ.update(
        {
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "us-east-1",
            "NO_PROXY": "127.0.0.1",
        }
    )
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    server._server.server_close()  # it leaves its socket open
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(params=["folder", "bucket"])
def target(request, tmp_path):
    if request.param == "folder":
        return Folder(tmp_path / "out")
    return Bucket(request.getfixturevalue("s3"), f"b{abs(hash(tmp_path)):x}"[:40])


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def held(target, version):
    start = f"v{version}/umd/"
    return {path.removeprefix(start): data for path, data in target.files().items() if path.startswith(start)}


def test_a_version_is_there_whole_and_the_index_names_it(target):
    release, folder = released()
    plan = target.publisher().plan(release)
    done = target.publisher().push(release, folder, ignore)
    assert held(target, "1.0.0") == contents(folder)
    index = json.loads(target.files()["releases.json"])
    assert (index["latest"], list(index["versions"])) == ("1.0.0", ["1.0.0"])
    assert (done.is_newest, done.bytes_sent) == (True, plan.bytes_to_send)
    assert target.publisher().verify("1.0.0") == []
    assert target.publisher().push(release, folder, ignore).bytes_sent == 0


def test_a_push_that_broke_off_goes_on_with_what_is_missing(target):
    release, folder = released()
    partial = ".v1.0.0.partial" if isinstance(target, Folder) else "v1.0.0"
    shards = [path for path in release.files if path.startswith("petct/")]
    target.write(f"{partial}/umd/{shards[0]}", (folder / shards[0]).read_bytes())
    target.write(f"{partial}/umd/{shards[1]}", b"half a file")
    target.write(f"{partial}/umd/left/over.txt", b"x")
    plan = target.publisher().plan(release)
    assert plan.keep == (shards[0],)
    assert plan.replace == (shards[1],)
    assert plan.delete == ("left/over.txt",)
    done = target.publisher().push(release, folder, ignore)
    assert done.bytes_sent == release.size - release.files[shards[0]].size
    assert held(target, "1.0.0") == contents(folder)


def test_a_version_never_changes(target):
    target.publisher().push(*released(), ignore)
    before = target.files()
    with pytest.raises(PublishError, match="exists already"):
        target.publisher().push(*released(3), ignore)
    assert target.files() == before


def test_verify_names_what_changed_what_is_missing_and_what_nobody_listed(target):
    release, folder = released()
    target.publisher().push(release, folder, ignore)
    target.write("v1.0.0/umd/CHANGELOG.md", b"other")
    target.write("v1.0.0/umd/stray.txt", b"x")
    assert target.publisher().verify("1.0.0") == ["CHANGELOG.md", "stray.txt"]


@pytest.mark.parametrize("purge", [False, True])
def test_a_version_that_is_taken_back_leaves_the_index(target, purge):
    for version in ("1.0.0", "1.1.0"):
        target.publisher().push(*released(2 if version == "1.0.0" else 3, version), ignore)
    subjects = target.publisher().subjects("1.1.0")
    assert len(subjects) == 3
    plan = target.publisher().plan_yank(["1.1.0"], REASON, purge=purge)
    assert plan.shown_after == "1.0.0"
    assert bool(plan.doomed) == purge
    target.publisher().yank(plan)
    target.publisher().yank(plan)  # once more, as after an interruption
    index = json.loads(target.files()["releases.json"])
    assert (index["latest"], list(index["versions"])) == ("1.0.0", ["1.0.0"])
    assert index["taken_back"] == [{"version": "1.1.0", "reason": REASON, "purged": purge}]
    assert target.publisher().versions() == ["1.0.0"]
    assert target.publisher().held() == (["1.0.0"] if purge else ["1.0.0", "1.1.0"])
    assert any("1.1.0" in path for path in target.files()) is not purge
    with pytest.raises(PublishError):
        target.publisher().plan_yank(["9.9.9"], REASON, purge=False)


def test_a_reader_takes_the_newest_of_a_folder_of_versions(tmp_path):
    target = Folder(tmp_path / "out")
    for version, count in (("1.0.0", 2), ("1.1.0", 3)):
        target.publisher().push(*released(count, version), ignore)
    assert len(load_dataset("petct", path=tmp_path / "out")) == 3
    assert len(load_dataset("petct", path=tmp_path / "out", version="1.0.0")) == 2


def test_a_bucket_without_the_right_or_a_driver_is_told_so(s3):
    publisher = BucketPublisher("nonsense://x/y", wait=lambda _: None)
    with pytest.raises(PublishError, match="no driver"):
        publisher.versions()
    options = {"client_kwargs": {"endpoint_url": s3}, "skip_instance_cache": True}
    absent = BucketPublisher("s3://there-is-no-such-bucket/umd", options, wait=lambda _: None)
    with pytest.raises(PublishError) as error:
        absent.push(*released(), ignore)
    assert error.value.hint.startswith("Nothing was published")


def test_a_bucket_that_does_not_answer_is_told_so(s3, monkeypatch):
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    closed = {"endpoint_url": "http://127.0.0.1:9"}
    config = {"retries": {"max_attempts": 0}, "connect_timeout": 1}
    options = {"client_kwargs": closed, "config_kwargs": config, "skip_instance_cache": True}
    publisher = BucketPublisher("s3://bucket/umd", options, wait=lambda _: None)
    with pytest.raises(PublishError, match="does not answer"):
        publisher.versions()


def test_a_folder_that_cannot_be_written_is_told_so(tmp_path):
    (tmp_path / "out").write_bytes(b"a file, no folder")
    with pytest.raises(PublishError) as error:
        FolderPublisher(tmp_path / "out").push(*released(), ignore)
    assert error.value.hint.startswith("Nothing was published")
