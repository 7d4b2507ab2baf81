"""A scan beside `imgtools index` of med-imagetools: ``python -m bench.imgtools [FILES] [--peers VENV]``.

Both commands in one run on the same files (94 elements each, pixel data that take no room), a process each, one process wide:
from the folder to an index on the disk. Ours also groups, pairs, selects and decides on every file.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from bench.index import write
from bench.measure import cost_of


def main() -> None:
    """Print files per CPU second, peak memory, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="?", type=int, default=3200)
    parser.add_argument("--peers", type=Path, default=Path(__file__).with_name(".venv"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["UMD_KEY_FILE"] = str(folder / "keys" / "deid.key")
        raw, workspace = folder / "raw", str(folder / "workspace")
        raw.mkdir()
        write(raw, given.files)
        python = [sys.executable, "-m", "umd_curate"]
        cost_of([[*python, "init", "-w", workspace]], folder)
        theirs = [str(given.peers / "bin/imgtools"), "index", "--dicom-dir", str(raw)]
        costs = {
            "umd-curate scan": cost_of([[*python, "scan", str(raw), "-w", workspace, "--json"]], folder),
            "imgtools index": cost_of([[*theirs, "--output-dir", str(folder / "imgtools"), "--n-jobs", "1"]], folder),
        }
    first = costs["umd-curate scan"].cpu_s
    print(f"{given.files} files")
    for name, cost in costs.items():
        print(
            f"{name:20}{cost.cpu_s:8.2f} CPU s {given.files / cost.cpu_s:9,.0f} files per CPU second"
            f"{cost.peak_mib:8.0f} MiB {cost.cpu_s / first:7.1f} x ours"
        )


if __name__ == "__main__":
    main()
