"""How much faster ingest is with several workers: ``python -m bench.workers``.

Makes a synthetic cohort, or takes a raw folder, and ingests it in turns with one process and with several, each time into a new
workspace that knows the same patients. Prints wall and CPU seconds, the load of the machine before each turn, the ratio of the
best turns, and whether all turns gave the same bytes and the same ledger. Measure on a machine that does nothing else.
"""

import argparse
import contextlib
import ctypes
import hashlib
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PUBLIC = ("data", "qa", "releases")
_PR_SET_CHILD_SUBREAPER = 36  # prctl(2): processes that their parent left behind are this one's to wait for and count


def turn(raw: Path, workspace: Path, workers: int, vault: Path | None, command: str) -> dict[str, object]:
    """Run one command in a new workspace; its cost, and a digest of what it made."""
    if vault is not None:
        (workspace / "private").mkdir(parents=True)
        shutil.copy(vault, workspace / "private" / "vault.sqlite")
        (workspace / "umd.toml").write_text("", encoding="utf-8")
    load = os.getloadavg()[0]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "umd_curate", command, str(raw), "-w", str(workspace), "--workers", str(workers)],
        check=True,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "UMD_KEY_FILE": str(workspace.parent / "deid.key")},
    )
    wall = time.perf_counter() - started
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"workers": workers, "wall_s": wall, "cpu_s": cpu, "load": load, "made": made_by(workspace)}


def made_by(workspace: Path) -> str:
    """Digest of all public files and of the ledger's keys, states and receipts."""
    digest = hashlib.sha256()
    for path in sorted(path for name in PUBLIC for path in (workspace / name).rglob("*") if path.is_file()):
        digest.update(path.relative_to(workspace).as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    with sqlite3.connect(workspace / "private" / "ledger.sqlite") as ledger:
        for row in ledger.execute("SELECT key, step, unit, state, receipt FROM tasks ORDER BY key"):
            digest.update(json.dumps(row).encode())
    ledger.close()
    return digest.hexdigest()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", type=Path, help="raw folder; a synthetic cohort where none is named")
    parser.add_argument("--subjects", type=int, default=6)
    parser.add_argument("--size", default="demo", choices=["tiny", "demo", "clinical"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--command", default="ingest", choices=["ingest", "run"])
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder where none is named")
    given = parser.parse_args()
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        raw = given.raw or folder / "cohort" / "raw"
        if given.raw is None:
            order = ["synth", str(raw.parent), "--subjects", str(given.subjects), "--size", given.size]
            subprocess.run([sys.executable, "-m", "umd_curate", *order], check=True, stderr=subprocess.DEVNULL)
        files = [path for path in raw.rglob("*") if path.is_file()]
        print(f"{len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.0f} MB, {os.cpu_count()} cores")
        turn(raw, folder / "first", 1, None, command="ingest")  # fills the disk's cache, allots the subjects' names
        vault = folder / "first" / "private" / "vault.sqlite"
        results = []
        for number in range(given.turns):
            for workers in (1, given.workers):
                workspace = folder / f"turn-{number}-{workers}"
                result = turn(raw, workspace, workers, vault, given.command)
                print("workers {workers}: {wall_s:6.1f} s, CPU {cpu_s:6.1f} s, load before {load:.1f}".format(**result))
                results.append(result)
                shutil.rmtree(workspace)
    best = {
        count: min(float(str(one["wall_s"])) for one in results if one["workers"] == count)
        for count in (1, given.workers)
    }
    print(f"{given.workers} workers: {best[1] / best[given.workers]:.2f} times as fast as one")
    print(f"same bytes and ledger in all turns: {len({one['made'] for one in results}) == 1}")


if __name__ == "__main__":
    main()
