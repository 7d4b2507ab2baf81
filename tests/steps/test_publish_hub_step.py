"""A push to a Hub on loopback, by the unmodified client: what readers see, what goes wrong, and what is then said."""

import re

import pytest
from huggingface_hub import close_session, constants

from tests.loopback_hub.server import served
from tests.publish_builders import REPOSITORY, ignore, publisher, released
from umd_curate.errors import ExitCode, LoadError, PublishError, SchemaError
from umd_curate.load.fetch_io import fetch_release
from umd_curate.publish.hub import Hub
from umd_curate.publish.plan import Stage
from umd_curate.publish.target import Visibility

# The client's own upload of LFS files uses a spelling that its HTTP library deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with served(tmp_path / "hub") as running:
        yield running
    close_session()


def test_a_client_that_is_kept_offline_is_told_so_at_once(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    waits = []
    with pytest.raises(PublishError, match="HF_HUB_OFFLINE"):
        Hub(REPOSITORY, endpoint=hub.endpoint, wait=waits.append).find()
    assert not waits


def pushed(hub, count=2, version="1.0.0", tracer="FDG", **more):
    release, folder = released(count, version, tracer)
    return publisher(hub.endpoint, **more).push(release, folder, ignore), release, folder


def contents(hub, revision="main"):
    return {
        path: entry.sha256
        for path, entry in hub.hub.repos[REPOSITORY].files(revision).items()
        if path != ".gitattributes"
    }


def refused(hub, release, folder, **more):
    with pytest.raises(PublishError) as error:
        publisher(hub.endpoint, **more).push(release, folder, ignore)
    assert error.value.exit_code is ExitCode.PUBLISH
    return error.value


def test_main_and_tag_hold_the_release_and_nothing_else(hub):
    done, release, _ = pushed(hub)
    wanted = {path: file.sha256 for path, file in release.files.items()}
    repo = hub.hub.repos[REPOSITORY]
    assert contents(hub) == contents(hub, "v1.0.0") == wanted
    assert repo.tags == {"v1.0.0": done.place}
    assert list(repo.branches) == ["main"]
    assert (repo.is_private, repo.gated) == (True, "manual")
    assert [commit.title for commit in repo.history()] == ["Release 1.0.0", "initial commit"]
    assert (done.is_newest, done.bytes_sent) == (True, release.size)


def test_a_second_push_of_the_same_release_changes_nothing(hub):
    _, release, folder = pushed(hub)
    before = hub.hub.repos[REPOSITORY].branches["main"]
    done = publisher(hub.endpoint).push(release, folder, ignore)
    assert (hub.hub.repos[REPOSITORY].branches["main"], done.bytes_sent) == (before, 0)


def test_the_next_version_sends_only_what_changed_and_main_moves_by_one_commit(hub):
    pushed(hub)
    puts = hub.hub.count("PUT /_lfs")
    release, folder = released(3, "1.1.0")
    plan = publisher(hub.endpoint).plan(release)
    done = publisher(hub.endpoint).push(release, folder, ignore)
    changed = {path for path in plan.to_send if path.endswith((".parquet", ".png"))}  # what the Hub keeps as LFS
    signature = folder / "manifests/SHA256SUMS.sig"  # so too where one of its random bytes makes it no text
    assert hub.hub.count("PUT /_lfs") - puts == len(changed) + (b"\0" in signature.read_bytes())
    assert done.bytes_sent == plan.bytes_to_send
    assert contents(hub) == {path: file.sha256 for path, file in release.files.items()}
    assert contents(hub, "v1.0.0") != contents(hub)
    titles = [commit.title for commit in hub.hub.repos[REPOSITORY].history()]
    assert titles == ["Release 1.1.0", "Release 1.0.0", "initial commit"]


def test_a_plan_says_what_a_push_sends_and_changes_nothing(hub):
    release, _ = released()
    plan = publisher(hub.endpoint).plan(release)
    assert plan.to_send == tuple(sorted(release.files))
    assert plan.bytes_to_send == sum(file.size for file in release.files.values())
    assert hub.hub.repos == {}


def test_a_correction_of_an_older_version_gets_its_tag_and_leaves_main(hub):
    pushed(hub)
    pushed(hub, 3, "1.1.0")
    newest = contents(hub)
    done, release, _ = pushed(hub, 2, "1.0.1", "PSMA")
    assert not done.is_newest
    assert contents(hub) == newest
    assert contents(hub, "v1.0.1") == {path: file.sha256 for path, file in release.files.items()}


@pytest.mark.parametrize(
    ("method", "path", "status", "after"),
    [
        ("PUT", "/_lfs/", 500, False),
        ("POST", "/commit/release", 500, False),
        ("POST", "/commit/release", 503, True),
        ("POST", "/commit/main", 504, True),
        ("POST", "/tag/", 502, True),
        ("POST", "/branch/", 503, True),
        ("POST", "/objects/batch", 429, False),
        ("GET", "/refs", 429, False),
        ("POST", "/api/repos/create", 500, True),
    ],
)
def test_a_passing_fault_is_sat_out_whether_its_request_came_through_or_not(hub, method, path, status, after):
    headers = {"Retry-After": "0"} if status == 429 else {}
    hub.hub.fail(method, path, status, after=after, headers=headers)
    _, release, _ = pushed(hub)
    assert hub.hub.faults[0].times == 0
    assert contents(hub) == contents(hub, "v1.0.0") == {path: file.sha256 for path, file in release.files.items()}
    titles = [commit.title for commit in hub.hub.repos[REPOSITORY].history()]
    assert titles == ["Release 1.0.0", "initial commit"]


@pytest.mark.parametrize(
    ("path", "stage"),
    [("/commit/release", Stage.SENDING), ("/tag/", Stage.SENT), ("/commit/main", Stage.TAGGED)],
)
def test_a_fault_that_stays_says_what_was_published_and_the_next_push_goes_on(hub, path, stage):
    release, folder = released()
    hub.hub.fail("POST", path, 500, times=100)
    error = refused(hub, release, folder)
    assert error.hint.startswith(stage.value)
    assert "500" in error.message
    assert contents(hub) == {}
    puts = hub.hub.count("PUT /_lfs")
    hub.hub.faults.clear()
    done = publisher(hub.endpoint).push(release, folder, ignore)
    assert contents(hub) == {path: file.sha256 for path, file in release.files.items()}
    assert hub.hub.count("PUT /_lfs") == puts
    assert done.is_newest


def test_a_main_that_moved_meanwhile_is_left_alone(hub):
    release, folder = released()
    state = hub.hub

    def somebody_else_commits(line):
        if "/tag/" in line:
            repo = state.repos[REPOSITORY]
            repo.branches["main"] = repo.add(repo.branches["main"], {"x": state.keep(b"x")}, "somebody else")

    state.on_request = somebody_else_commits
    error = refused(hub, release, folder)
    assert "main branch has moved" in error.message
    assert error.hint.startswith(Stage.TAGGED.value)
    assert list(contents(hub)) == ["x"]


def test_an_existing_tag_with_another_content_is_refused(hub):
    pushed(hub)
    before = contents(hub)
    release, folder = released(3)
    error = refused(hub, release, folder)
    assert "v1.0.0 exists already" in error.message
    assert error.hint.startswith("Nothing was published.")
    assert contents(hub) == before


def test_without_a_token_nothing_is_asked(hub, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    release, folder = released()
    assert "no token" in refused(hub, release, folder).message
    assert hub.hub.log == []


@pytest.mark.parametrize(
    ("token", "words"), [("hf_unknown", "does not know this token"), ("hf_reader", "may not do that")]
)
def test_a_token_without_the_right_is_told_so(hub, monkeypatch, token, words):
    monkeypatch.setenv("HF_TOKEN", token)
    release, folder = released()
    error = refused(hub, release, folder)
    assert words in error.message
    assert error.hint.startswith(Stage.NOTHING.value)


def test_a_full_account_is_told_so(hub):
    hub.hub.quota_bytes = 1000
    release, folder = released()
    error = refused(hub, release, folder)
    assert "storage" in error.message
    assert error.hint.startswith(Stage.SENDING.value)
    assert contents(hub) == {}


@pytest.mark.parametrize(
    ("token", "words"), [("hf_reader", "has not been let in"), ("hf_unknown", "nobody is logged in")]
)
def test_a_gate_says_whether_one_must_log_in_or_ask(hub, monkeypatch, token, words):
    pushed(hub, visibility=Visibility(is_public=True), may_be_open=True)
    hub.hub.repos[REPOSITORY].gated = "manual"
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(PublishError, match=words):
        publisher(hub.endpoint).verify("1.0.0")


def test_a_public_repository_is_no_target_without_stated_grounds(hub):
    hub.hub.create(REPOSITORY, is_private=False)
    release, folder = released()
    assert "repository is public" in refused(hub, release, folder).message
    assert contents(hub) == {}


def test_with_grounds_it_becomes_public_only_when_main_holds_the_release(hub):
    seen = []
    state = hub.hub
    state.on_request = lambda line: seen.append(
        len(contents(hub)) if line.startswith("PUT") and "settings" in line else 0
    )
    pushed(hub, visibility=Visibility(is_public=True), may_be_open=True)
    assert not state.repos[REPOSITORY].is_private
    assert seen[-1] == len(contents(hub))


def test_verify_finds_a_file_that_changed_on_the_tag_or_on_main(hub):
    pushed(hub)
    repo = hub.hub.repos[REPOSITORY]
    assert publisher(hub.endpoint).verify("1.0.0") == []
    shard = next(path for path in repo.files() if path.startswith("petct/"))
    other = hub.hub.pointer("0" * 64, 5)
    repo.branches["main"] = repo.add(None, {**repo.files(), shard: other}, "harm")
    assert publisher(hub.endpoint).verify("1.0.0") == [f"main: {shard}"]
    repo.tags["v1.0.0"] = repo.branches["main"]
    assert publisher(hub.endpoint).verify("1.0.0") == [shard]


def test_no_message_names_a_path_of_this_machine(hub):
    release, folder = released()
    for path in ("PUT /_lfs", "POST /commit/release", "POST /tag/"):
        hub.hub.faults.clear()
        hub.hub.fail(*path.split(), 400, times=9)
        error = refused(hub, release, folder)
        assert not re.search(r"/(tmp|home|org)", error.message + error.hint)


def test_get_brings_a_release_bit_by_bit_and_goes_on_where_it_was(hub, tmp_path):
    _, release, folder = pushed(hub)
    shard = next(path for path in release.files if path.startswith("petct/"))
    hub.hub.fail("GET", f"/{shard}", 403, times=9)
    with pytest.raises(LoadError):
        fetch_release(REPOSITORY, tmp_path / "umd", endpoint=hub.endpoint)
    assert not (tmp_path / "umd").exists()
    hub.hub.faults.clear()
    before = hub.hub.count("GET /datasets/")
    fetch_release(REPOSITORY, tmp_path / "umd", version="1.0.0", endpoint=hub.endpoint)
    assert hub.hub.count("GET /datasets/") - before < len(release.files)
    held, wanted = (
        {path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "umd", folder)
    )
    assert held == wanted
    with pytest.raises(LoadError, match="exists"):
        fetch_release(REPOSITORY, tmp_path / "umd", endpoint=hub.endpoint)


def test_a_file_that_is_not_what_the_checksums_name_is_not_taken(hub, tmp_path):
    pushed(hub)
    repo = hub.hub.repos[REPOSITORY]
    files = {**repo.files("v1.0.0"), "CHANGELOG.md": hub.hub.keep(b"other")}
    repo.tags["v1.0.0"] = repo.add(None, files, "harm")
    with pytest.raises(SchemaError, match=r"CHANGELOG\.md"):
        fetch_release(REPOSITORY, tmp_path / "umd", endpoint=hub.endpoint)
    assert not (tmp_path / "umd").exists()
