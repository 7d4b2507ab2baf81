"""What a command costs before its work: ``python -m bench.start WORKSPACE``, a workspace where nothing is left to do.

CPU seconds of a process (user and system), the least of several turns, beside those of an interpreter that loads pydicom
or nibabel and ends. Packages are compiled, as pip leaves them.
"""

import argparse
import compileall
import sys
from pathlib import Path

import umd_curate
from bench.measure import cost_of

TURNS = 7
PEERS = {
    "python": ["-c", ""],
    "import pydicom": ["-c", "import pydicom"],
    "import nibabel": ["-c", "import nibabel"],
}
COMMANDS = (["--help"], ["status"], ["run", "--help"], ["qa"], ["label"], ["release", "build"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workspace", type=Path)
    workspace = parser.parse_args().workspace
    compileall.compile_dir(Path(umd_curate.__file__).parent, quiet=1)
    runs = {name: [sys.executable, *words] for name, words in PEERS.items()}
    for words in COMMANDS:
        where = [] if "--help" in words else ["--workspace", str(workspace)]
        runs[" ".join(["umd-curate", *words])] = [sys.executable, "-m", "umd_curate", *words, *where]
    costs: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(TURNS):
        for name, command in runs.items():
            costs[name].append(cost_of([command], workspace / "none").cpu_s)
    for name, measured in costs.items():
        print(f"{name:28}{min(measured):6.2f}")


if __name__ == "__main__":
    main()
