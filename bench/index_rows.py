"""Memory and time of the plan of a long index: ``python -m bench.index_rows [ROWS ...]``.

Scans one synthetic study, writes its rows again and again under other patients, studies, series and instances, without any
file, and plans that index in a process of its own; then looks up a row of it by its path, as a second scan does.
"""

import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.headers import SLICES
from bench.index import write
from umd_curate.ingest.index_io import READER, Previous, refresh
from umd_curate.ingest.plan_io import Place
from umd_curate.model.config import UmdConfig
from umd_curate.model.headers import InstanceHeader
from umd_curate.pipeline.understood import Understood
from umd_curate.store.keys import KEY_BYTES, DeidKey
from umd_curate.store.parquet import batch_of, read_batches, rows_of, table_writer

_SERIES = 4
_STUDY = SLICES * _SERIES
_SUFFIXED = ("path", "sop_instance_uid", "series_uid", "study_uid", "frame_of_reference_uid", "patient_id")
_KIB = 1024


def lengthen(index: Path, target: Path, rows: int) -> None:
    """Write an index of so many rows, each copy of the study with names of its own."""
    study = [row for batch in read_batches(index) for row in rows_of(batch, InstanceHeader)]
    with table_writer(target, InstanceHeader, mode=0o600, metadata=READER) as writer:
        for number in range(rows // len(study)):
            writer.add(batch_of([_renamed(row, number) for row in study], InstanceHeader))


def _renamed(row: InstanceHeader, number: int) -> InstanceHeader:
    return replace(row, **{name: f"{getattr(row, name)}.{number}" for name in _SUFFIXED})


def plan(index: Path) -> None:
    """Plan an index and find rows of it again; print what it took."""
    key = DeidKey(bytes(KEY_BYTES))
    started = _spent()
    understood = Understood(Place(index, index.parent), "bench", UmdConfig(), key, 0, 0)
    sessions = sum(len(part.sessions) for part in understood.parts())
    print(f"  {sessions} sessions planned: CPU {_spent() - started:6.1f} s, peak {_peak():5.0f} MiB", flush=True)
    known, started = Previous([index]), _spent()
    found = known.find(str(known.key(known.count - 1)[0]))
    assert found == known.count - 1
    print(f"  a row found by its path: CPU {_spent() - started:6.1f} s, peak {_peak():5.0f} MiB", flush=True)


def _spent() -> float:
    return time.process_time()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB


def main() -> None:
    """Make the indexes and plan each in a process of its own."""
    if sys.argv[1:2] == ["plan"]:
        plan(Path(sys.argv[2]))
        return
    for rows in map(int, sys.argv[1:] or ("100000", "1000000", "5000000")):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "raw").mkdir()
            write(folder / "raw", _STUDY)
            found = refresh(folder / "one" / "instances.parquet", [folder / "raw"], map, lambda *_: None)
            (folder / "long").mkdir()
            lengthen(found.index, folder / "long" / "instances.parquet", rows)
            print(f"{rows} rows", flush=True)
            command = [sys.executable, "-m", "bench.index_rows", "plan", str(folder / "long" / "instances.parquet")]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
