"""The tutorial is run as it stands: every ``bash`` and ``python`` block, in order, in an empty folder, at the tiny size.

Blocks marked ``sh`` are shown and not run: they set up the checkout, or need a terminal.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "demo.md"
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DEMO = re.compile(r"^(umd-curate demo \w+)", re.MULTILINE)


def blocks():
    """Language and text of each block that is run."""
    return [
        (language, DEMO.sub(r"\1 --size tiny", text))
        for language, text in BLOCK.findall(TUTORIAL.read_text(encoding="utf-8"))
    ]


def test_the_tutorial_has_blocks_to_run():
    found = blocks()
    assert {language for language, _ in found} == {"bash", "python"}
    assert sum("--size tiny" in text for _, text in found) == 3


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_block_of_the_tutorial_runs(tmp_path):
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
    }
    for language, text in blocks():
        command = ["bash", "-euo", "pipefail", "-c"] if language == "bash" else [sys.executable, "-c"]
        run = subprocess.run(
            [*command, text], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, f"{text}\n{run.stdout}\n{run.stderr}"
        assert "Traceback" not in run.stderr
