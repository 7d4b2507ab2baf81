"""An engine's environment: made with its pins, made again when they change or when it was broken off, never half used."""

import subprocess
import zipfile

import pytest

from umd_curate.errors import EngineError
from umd_curate.label.install_io import MARK, make_environment


@pytest.fixture
def wheel(tmp_path):
    """A package that pip can install without an index."""
    path = tmp_path / "tiny_engine-1.0-py3-none-any.whl"
    info = "tiny_engine-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny_engine.py", "ANSWER = 13\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-engine\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return str(path)


@pytest.mark.slow
def test_an_environment_is_made_once_and_anew_when_its_pins_change(tmp_path, wheel):
    folder, said = tmp_path / "env", []
    assert make_environment(folder, [[wheel]], b"tiny-engine==1.0\n", None, said.append)
    assert said == [wheel]
    call = [folder / "bin" / "python", "-I", "-c", "import tiny_engine; print(tiny_engine.ANSWER)"]
    assert subprocess.run(call, capture_output=True, text=True, check=True).stdout == "13\n"
    assert not make_environment(folder, [[wheel]], b"tiny-engine==1.0\n", None, said.append)
    (folder / MARK).unlink()  # as after a broken installation
    assert make_environment(folder, [[wheel]], b"tiny-engine==1.0\n", None, said.append)


@pytest.mark.slow
def test_a_pin_that_cannot_be_met_is_told_in_one_line(tmp_path, wheel):
    with pytest.raises(EngineError, match="cannot be installed") as caught:
        make_environment(tmp_path / "env", [[wheel]], b"tiny-engine==2.0\n", None, lambda _step: None)
    assert caught.value.exit_code == 7
    assert not (tmp_path / "env" / MARK).exists()
