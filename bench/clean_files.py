"""De-identify and verify, file by file: ``python -m bench.clean_files [WORK] [--size demo|clinical]``.

A synthetic cohort (CT, MR, PET of five scanners) is cleaned in memory, written as DICOM, opened again and searched for its own
patient's identifiers, as an export of DICOM does it. Files per second of CPU and of wall, in one process and in two; peak
memory over 10,000 files; one file with 4,400 private elements.
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

PRIVATE_ELEMENTS = 4400
MANY = 10_000


def _images(folder: Path) -> list[list[Path]]:
    """CT, MR and PET images of a cohort, by series."""
    import pydicom

    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            header = pydicom.dcmread(path, specific_tags=["Modality", "SeriesInstanceUID", "Rows"])
        except (pydicom.errors.InvalidDicomError, OSError):
            continue
        if header.get("Modality") in {"CT", "MR", "PT"} and header.get("Rows"):
            found[str(header.get("SeriesInstanceUID"))].append(path)
    return list(found.values())


def child(listing: Path, part: int, parts: int, least: int) -> None:
    """Do a share of the series, again and again until `least` files are done; prints what it cost."""
    import resource

    series = [[Path(name) for name in names] for names in json.loads(listing.read_text())][part::parts]
    spent, files, hits = {"clean": 0.0, "write": 0.0, "verify": 0.0}, 0, 0
    started, cpu = time.perf_counter(), time.process_time()
    while not files or files < least:
        for paths in series:
            with tempfile.TemporaryDirectory() as folder:
                hits += _one_series(paths, Path(folder), spent)
            files += len(paths)
            if files >= least > 0:
                break
    cost = {"wall_s": time.perf_counter() - started, "cpu_s": time.process_time() - cpu}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"files": files, "hits": hits, "peak_mib": peak, **cost, **spent}))


def _one_series(paths: Sequence[Path], folder: Path, spent: dict[str, float]) -> int:
    """Clean and write the files of a series, then open each again and search it; how many hits."""
    from umd_curate.deid.audit_io import scan_file
    from umd_curate.deid.clean_io import HeaderCleaner
    from umd_curate.deid.encode_io import SeriesWriter
    from umd_curate.deid.identifiers import IdentifierSet
    from umd_curate.model.ids import PatientKey, SubjectId
    from umd_curate.store.dicom import dataset_of
    from umd_curate.store.keys import DeidKey

    writer = SeriesWriter()
    cleaner, known, begin = None, IdentifierSet(), time.process_time()
    for number, path in enumerate(paths):
        source = dataset_of(path.read_bytes())
        if cleaner is None:
            cleaner = HeaderCleaner(DeidKey(bytes(range(32))), PatientKey(str(source.PatientID)), SubjectId("7K3QF2"))
        cleaned = cleaner.clean(source)
        known |= cleaned.identifiers
        spent["clean"] += (middle := time.process_time()) - begin
        writer.write(cleaned.dataset, folder / f"{number}.dcm")
        spent["write"] += (begin := time.process_time()) - middle
    hits = sum(len(scan_file(path, known)) for path in folder.iterdir())
    spent["verify"] += time.process_time() - begin
    return hits


def _runs(listing: Path, parts: int, least: int = 0) -> list[dict[str, float]]:
    commands = [
        [sys.executable, "-m", "bench.clean_files", "child", str(listing), str(n), str(parts), str(least)]
        for n in range(parts)
    ]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    return [json.loads(process.communicate()[0]) for process in running]


def _private_s() -> float:
    """CPU seconds to clean one image with thousands of private elements."""
    import numpy as np
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    from umd_curate.deid.clean_io import clean_dataset
    from umd_curate.model.ids import PatientKey, SubjectId
    from umd_curate.store.dicom import dataset_of
    from umd_curate.store.keys import DeidKey

    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.826.0.1.99.1"
    image.PatientID, image.PatientName, image.Modality = "4711233", "Kowalska^Anna", "CT"
    image.Rows = image.Columns = 64
    image.SamplesPerPixel, image.BitsAllocated, image.PixelData = 1, 16, np.zeros((64, 64), np.uint16).tobytes()
    for number in range(PRIVATE_ELEMENTS):
        group = 0x0009 + 2 * (number // 220)
        image.add_new((group, 0x0010), "LO", "SOME MAKER")
        image.add_new((group, 0x1000 + number % 220), "LO", f"value {number} of Kowalska")
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = io.BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    begin = time.process_time()
    clean_dataset(dataset_of(buffer.getvalue()), DeidKey(bytes(range(32))), PatientKey("p"), SubjectId("7K3QF2"))
    return time.process_time() - begin


def main() -> None:
    """Measure and print."""
    from umd_curate.synth.options import Size, SynthOptions
    from umd_curate.synth.step import write_cohort

    parser = argparse.ArgumentParser()
    parser.add_argument("work", nargs="?", type=Path, default=Path(tempfile.gettempdir()) / "umd-bench-deid")
    parser.add_argument("--size", choices=["tiny", "demo", "clinical"], default="demo")
    parser.add_argument("--subjects", type=int, default=1)
    given = parser.parse_args()
    cohort = given.work / f"{given.size}-{given.subjects}"
    if not cohort.exists():
        write_cohort(cohort, SynthOptions(size=Size(given.size), subjects=given.subjects))
    listing = given.work / "files.json"
    images = _images(cohort / "raw")
    listing.write_text(json.dumps([[str(path) for path in series] for series in images]))
    megabytes = sum(path.stat().st_size for series in images for path in series) / 1e6
    (one,) = _runs(listing, 1)
    print(f"{one['files']:.0f} images of {len(images)} series, {megabytes:.0f} MB: {one['hits']:.0f} hits")
    print(
        f"one process: {one['files'] / one['cpu_s']:.0f} files per CPU s, {one['files'] / one['wall_s']:.0f} per wall s"
    )
    print(
        "CPU ms per file:", {name: round(1000 * one[name] / one["files"], 1) for name in ("clean", "write", "verify")}
    )
    two = _runs(listing, 2)
    print(f"two processes: {sum(run['files'] for run in two) / max(run['wall_s'] for run in two):.0f} files per wall s")
    (many,) = _runs(listing, 1, MANY)
    print(f"{many['files']:.0f} files in one process: peak {many['peak_mib']:.0f} MiB")
    print(f"one file with {PRIVATE_ELEMENTS} private elements: {_private_s():.2f} CPU s")


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(Path(sys.argv[2]), *map(int, sys.argv[3:6]))
    else:
        main()
