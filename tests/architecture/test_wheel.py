"""The wheel holds what the checkout holds: packaged data are found from both, and the installed command works."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LOOKS = """
import sys
from pathlib import Path
import umd_curate
from umd_curate.store import resources, schemas
package = Path(umd_curate.__file__).resolve().parent
folders = [resources.resource_folder(name) for name in ("manifests", "schemas")]
print(package.parent)
print(*folders, sep="\\n")
assert len(resources.organ_table()) == 13
assert resources.resource_bytes("manifests/umd.toml")
assert schemas.check(folders[1]) == []
"""


def looked(cwd, *path):
    """Where a fresh process finds package, manifests and schemas."""
    code = f"import sys; sys.path[:0] = {[str(entry) for entry in path]!r}\n{LOOKS}"
    run = subprocess.run([sys.executable, "-P", "-c", code], cwd=cwd, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return [Path(line) for line in run.stdout.splitlines()]


def test_a_checkout_finds_its_packaged_data_beside_the_package(tmp_path):
    assert looked(tmp_path, ROOT) == [ROOT, ROOT / "manifests", ROOT / "schemas"]


@pytest.mark.slow
def test_a_wheel_carries_its_packaged_data_and_its_command(tmp_path):
    built, installed = tmp_path / "dist", tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", built],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = built.glob("umd_curate-*.whl")
    install = ["-m", "pip", "install", "--no-deps", "--no-index", "--disable-pip-version-check", "--target", installed]
    subprocess.run([sys.executable, *install, wheel], check=True, capture_output=True)
    inside = installed / "umd_curate" / "_resources"
    assert looked(tmp_path, installed) == [installed, inside / "manifests", inside / "schemas"]
    assert (installed / "umd_curate" / "py.typed").is_file()
    assert {path.name for path in (ROOT / "schemas").iterdir()} == {
        path.name for path in (inside / "schemas").iterdir()
    }
    code = f"import sys; sys.path.insert(0, {str(installed)!r}); from umd_curate.cli.main import main; main()"
    for arguments in (["--help"], ["config", "show", "--resolved"], ["qa", "--help"]):
        subprocess.run([sys.executable, "-P", "-c", code, *arguments], cwd=tmp_path, check=True, capture_output=True)
