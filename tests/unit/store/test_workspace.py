"""The workspace: who may read what, and who holds the lock."""

import stat
import subprocess
import sys

import pytest

from umd_curate.errors import WorkspaceError
from umd_curate.store.workspace import create_workspace, locked, open_workspace

HOLDS = """
import sys
from pathlib import Path
from umd_curate.store.workspace import locked, open_workspace
with locked(open_workspace(Path(sys.argv[1])), "run"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def workspace(tmp_path):
    return create_workspace(tmp_path / "study")


@pytest.fixture
def holder(workspace):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(workspace.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_everything_private_is_for_its_owner_alone(workspace):
    folders = [workspace.private, *(path for path in workspace.private.rglob("*") if path.is_dir())]
    assert len(folders) > 1
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_an_opened_private_folder_is_closed_again(workspace):
    workspace.private.chmod(0o755)
    open_workspace(workspace.root)
    assert stat.S_IMODE(workspace.private.stat().st_mode) == 0o700


def test_making_a_workspace_twice_changes_nothing(workspace):
    workspace.config_path.write_text('[release]\nversion = "3.0.0"\n', encoding="utf-8")
    again = create_workspace(workspace.root)
    assert again == workspace
    assert again.config().release.version == "3.0.0"


def test_a_folder_with_other_things_becomes_no_workspace(tmp_path):
    (tmp_path / "thesis.txt").write_text("chapter 1", encoding="utf-8")
    with pytest.raises(WorkspaceError, match="not empty"):
        create_workspace(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_without_settings_is_no_workspace(tmp_path):
    with pytest.raises(WorkspaceError, match="not a workspace"):
        open_workspace(tmp_path)


def test_private_may_lie_elsewhere_and_is_found_again(tmp_path):
    made = create_workspace(tmp_path / "study", tmp_path / "encrypted")
    found = open_workspace(tmp_path / "study")
    assert made.private == found.private == tmp_path / "encrypted"
    assert not (tmp_path / "study" / "private").exists()
    assert found.resolve("private/staged/x.nii") == tmp_path / "encrypted" / "staged" / "x.nii"
    assert found.resolve("data/x.nii.gz") == tmp_path / "study" / "data" / "x.nii.gz"


@pytest.mark.parametrize("place", ["data/private", "qa", "releases/0.1.0/private", "."])
def test_private_never_lies_below_the_wall(tmp_path, place):
    root = tmp_path / "study"
    with pytest.raises(WorkspaceError, match="below the PHI wall"):
        create_workspace(root, root / place)
    assert not root.exists()


def test_the_lock_names_its_holder(workspace, holder):
    with pytest.raises(WorkspaceError) as refused, locked(workspace, "ingest"):
        pass
    assert f"process {holder.pid} (`run`), since 2" in refused.value.message


def test_a_killed_holder_holds_nothing(workspace, holder):
    holder.kill()
    holder.wait()
    with locked(workspace, "ingest"):
        assert (workspace.private / "lock").is_file()


def test_the_lock_is_free_after_its_command(workspace):
    for _ in range(2):
        with locked(workspace, "ingest"):
            pass


def test_what_a_killed_command_left_half_written_goes_when_the_next_begins(workspace):
    left = [workspace.private / "staged" / ".x.nii.umd-tmp-1", workspace.root / "data" / ".y.nii.gz.umd-tmp-2"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    with locked(workspace, "ingest"):
        assert not any(path.exists() for path in left)
