"""Memory and time of an index of many files: ``python -m bench.index [FILES] [FOLDER]``.

Writes distinct DICOM files whose pixel data takes no room on disk (a sparse end), 200 per series, 4 series per study; then
runs `umd-curate scan` on them three times in a process each: without an index, unchanged, and with one file changed. Files and
workspace are removed afterwards. CPU seconds and peak memory are the process's own, as the system counts them.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from bench.headers import PIXELS, SLICES, header

_SERIES = 4  # per study
_KIB = 1024


def write(folder: Path, files: int) -> None:
    """Write files that differ in their instance, series, study and patient, by patching the bytes of one series."""
    templates = [_bytes_of(number) for number in range(SLICES)]
    for number in range(files):
        series, slice_number = divmod(number, SLICES)
        data = templates[slice_number]
        for old, new in _identity(slice_number, number):
            data = data.replace(old, new)
        path = folder / f"p{series // _SERIES:05d}" / f"s{series:06d}" / f"i{slice_number:04d}.dcm"
        if slice_number == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as handle:
            handle.write(data)
            handle.write(PIXELS)
            handle.truncate(handle.tell() + int.from_bytes(PIXELS[-4:], "little"))


def _identity(old: int, new: int) -> list[tuple[bytes, bytes]]:
    def marks(number: int) -> list[bytes]:
        series = number // SLICES
        return [
            f"1.2.826.0.1.1.{number:09d}".encode(),
            f"1.2.826.0.1.2.{series:09d}".encode(),
            f"1.2.826.0.1.3.{series // _SERIES:09d}".encode(),
            f"P{series // _SERIES:08d}".encode(),
        ]

    return list(zip(marks(old), marks(new), strict=True))


def _bytes_of(number: int) -> bytes:
    data = header(number)
    series = number // SLICES
    data.SOPInstanceUID = f"1.2.826.0.1.1.{number:09d}"
    data.SeriesInstanceUID = f"1.2.826.0.1.2.{series:09d}"
    data.StudyInstanceUID = data.FrameOfReferenceUID = f"1.2.826.0.1.3.{series // _SERIES:09d}"
    data.PatientID = f"P{series // _SERIES:08d}"
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = pydicom.filebase.DicomBytesIO()
    pydicom.dcmwrite(buffer, data, enforce_file_format=True)
    return bytes(buffer.getvalue())


# The peak is asked of the process itself: what wait4() says of a child begins with the memory of its parent.
_RUN = """
import atexit, runpy, sys
def say():
    peak = [line for line in open("/proc/self/status") if line.startswith("VmHWM")][0]
    open(sys.argv[-1], "w").write(peak.split()[1])
place = sys.argv.pop()
atexit.register(lambda: (sys.argv.append(place), say()))
runpy.run_module("umd_curate", run_name="__main__", alter_sys=True)
"""


def measured(name: str, arguments: list[str], environment: dict[str, str], folder: Path) -> None:
    """Run the command line once and print what it took."""
    started = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", _RUN, *arguments, str(folder / "peak")]
    run = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
    assert run.returncode in {0, 3}
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = int((folder / "peak").read_text()) / _KIB
    print(f"{name:20s} CPU {cpu:7.1f} s  wall {time.perf_counter() - started:7.1f} s  peak {peak:5.0f} MiB", flush=True)


def main() -> None:
    """Print CPU seconds, wall seconds and peak memory of the three scans."""
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    folder = Path(tempfile.mkdtemp(dir=sys.argv[2] if len(sys.argv) > 2 else None))
    environment = {**os.environ, "UMD_KEY_FILE": str(folder / "keys" / "deid.key")}
    try:
        raw, workspace = folder / "raw", str(folder / "workspace")
        raw.mkdir()
        write(raw, files)
        print(f"{files} files")
        measured("init", ["init", "-w", workspace], environment, folder)
        scan = ["scan", str(raw), "-w", workspace, "--json"]
        measured("first scan", scan, environment, folder)
        measured("second scan", scan, environment, folder)
        os.utime(next(raw.rglob("*.dcm")))
        measured("one file changed", scan, environment, folder)
        size = sum(path.stat().st_size for path in (Path(workspace) / "private" / "index").iterdir())
        print(f"index and plan: {size / files:.0f} bytes per file")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
