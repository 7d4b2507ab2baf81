"""De-identification against its peers on one mean corpus, in one run: ``python -m bench.deid_peers [WORK] [--peers VENV] [--seed N] [--patients N] [--alike]``.

The corpus is that of the tests (``tests/mean``): PET of three makers in three encodings, CT, MR, captures, reports and
documents, with identifiers planted wherever an element can hold one; with ``--alike`` the slices of a series share them, as a
scanner writes them. Our run includes reading each file back and
searching it. Counted by a search that shares no code with the product.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pydicom

from bench.measure import Cost, cost_of
from tests.mean.corpus import Planted, corpus_b, with_private_elements
from tests.mean.search import stem, survivors

INTERVAL_S = 3899.75  # injection 09:10:00.5 to series 10:15:00.25
SCALES = {
    "GEMS_PETD_01": {0x0D, 0x38, 0x39, 0x3B, 0x3C, 0x3D},
    "PHILIPS PET PRIVATE GROUP": {0, 9},
    "SIEMENS MED PT": {0x22},
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", nargs="?", type=Path, default=Path(tempfile.gettempdir()) / "umd-bench-deid")
    parser.add_argument("--peers", type=Path, default=Path(__file__).with_name(".venv"))
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--patients", type=int, default=8)
    parser.add_argument("--alike", action="store_true", help="the slices of a series share what is planted in them")
    given = parser.parse_args()
    work = given.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    planted = corpus_b(work / "raw", given.seed, patients=given.patients, are_alike=given.alike)
    images = len(planted.images())
    secrets = {stem(secret) for secret in planted.secrets()}
    print(f"{len(planted.kinds)} files, {images} images, {len(secrets)} secrets, seed {given.seed}")
    print(
        f"{'':30}{'CPU s':>8}{'files/s':>9}{'MiB':>7}{'out':>6}{'images':>8}{'risky':>7}{'secrets':>9}{'SUV':>6}{'scales':>8}{'113100':>8}"
    )
    for name, command, out in _tools(work, given.peers.resolve()):
        try:
            # A peer that sets files aside ends with a code of its own; what it cost and wrote counts all the same.
            cost = cost_of([["sh", "-c", '"$0" "$@" || true', *command]], out)
        except (RuntimeError, OSError) as fault:
            print(
                f"{name:30} failed: {str(fault).strip().splitlines()[-1][:80] if str(fault).strip() else type(fault).__name__}"
            )
            if not out.is_dir():
                continue
            cost = Cost(float("nan"), float("nan"), float("nan"), 0)
        _show(name, cost, out, planted, len(planted.kinds))
    _at_once(work, len(planted.kinds))
    _many_private()


def _at_once(work: Path, files: int) -> None:
    """Print files per second of one of our processes, and of two that each do the whole corpus at the same time."""
    for count in (1, 2):
        outs = [str(work / f"at-once-{count}-{number}") for number in range(count)]
        started = time.perf_counter()
        running = [subprocess.Popen([sys.executable, "-m", "bench.deid_ours", str(work / "raw"), out]) for out in outs]
        if any(process.wait() for process in running):
            message = "a run failed"
            raise RuntimeError(message)
        print(f"{count} at once: {count * files / (time.perf_counter() - started):.1f} files/s")


def _tools(work: Path, peers: Path) -> Iterator[tuple[str, list[str], Path]]:
    raw = str(work / "raw")
    yield "umd-curate, verified", [sys.executable, "-m", "bench.deid_ours", raw, str(work / "ours")], work / "ours"
    out = work / "dentdeid"
    options = ["-p", "research", "--ocr", "off", "--option", "retain_patient_characteristics", "--lenient"]
    options += ["--key-file", str(work / "dentdeid.key")]
    yield "dentdeid, research", [str(peers / "bin/dentdeid"), "run", raw, "-o", str(out), *options], out / "clean"
    out = work / "dicognito"
    yield "dicognito", [str(peers / "bin/python"), "-m", "dicognito", "-o", str(out), raw], out
    for name, more in (("Kitware dicom-anonymizer", []), ("the same, --keepPrivateTags", ["--keepPrivateTags"])):
        out = work / f"kitware{len(more)}"
        yield name, [str(peers / "bin/python"), "-m", "bench.deid_kitware", raw, str(out), *more], out


def _show(name: str, cost: Cost, out: Path, planted: Planted, files: int) -> None:
    owners = [{stem(secret) for secret in person.all()} for person in planted.persons]
    found: set[bytes] = set()
    counts: Counter[str] = Counter()
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        data = path.read_bytes()
        for secrets in owners:
            found |= survivors(data, secrets)
        if data[128:132] == b"DICM":
            counts["files"] += 1
            counts.update(_judged(pydicom.dcmread(path), planted))
    speed = files / cost.cpu_s
    print(
        f"{name:30}{cost.cpu_s:8.1f}{speed:9.1f}{cost.peak_mib:7.0f}{counts['files']:6}{counts['images']:8}{counts['risky']:7}"
        f"{len(found):9}{counts['suv']:6}{counts['scales']:8}{counts['113100']:8}"
    )


def _judged(dataset: pydicom.FileDataset, planted: Planted) -> Iterator[str]:
    is_image = str(dataset.get("SOPClassUID", "")).rpartition(".")[2] in {"128", "2", "4"}
    yield "images" if is_image else "risky"
    if any(item.get("CodeValue") == "113100" for item in dataset.get("DeidentificationMethodCodeSequence") or ()):
        yield "113100"
    if dataset.get("Modality") == "PT" and is_image:
        if _is_suv_ready(dataset, {(person.weight, person.size) for person in planted.persons}):
            yield "suv"
        if _has_scales(dataset):
            yield "scales"


def _is_suv_ready(dataset: pydicom.FileDataset, bodies: set[tuple[str, str]]) -> bool:
    try:
        agent = dataset.RadiopharmaceuticalInformationSequence[0]
        seconds = _seconds(dataset.SeriesTime) - _seconds(agent.RadiopharmaceuticalStartTime)
        day = str(agent.RadiopharmaceuticalStartDateTime)
        return (
            (str(dataset.PatientWeight), str(dataset.PatientSize)) in bodies
            and str(agent.RadionuclideTotalDose) == "368080000.5"
            and str(agent.RadionuclideHalfLife) == "6586.2"
            and dataset.Units == "BQML"
            and abs(seconds - INTERVAL_S) < 0.01
            and day[:8] == dataset.SeriesDate
            and abs(_seconds(dataset.SeriesTime) - _seconds(day[8:].partition("+")[0]) - INTERVAL_S) < 0.01
        )
    except (AttributeError, ValueError, IndexError, KeyError, TypeError):
        return False


def _seconds(time_: object) -> float:
    text = str(time_)
    return int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:])


def _has_scales(dataset: pydicom.FileDataset) -> bool:
    """Say whether the maker's scale and time elements are there, with their days moved with the series' date."""
    for creator, wanted in SCALES.items():
        group = {"GEMS_PETD_01": 0x0009, "SIEMENS MED PT": 0x0071}.get(creator, 0x7053)
        kept = {
            element.tag.element & 0xFF: element
            for element in dataset.group_dataset(group)
            if (element.private_creator or "").upper() == creator and not element.tag.is_private_creator
        }
        if wanted <= set(kept):
            return all(str(one.value)[:8] == dataset.SeriesDate for one in kept.values() if one.VR == "DT")
    return False


def _many_private() -> None:
    from umd_curate.deid.clean_io import HeaderCleaner
    from umd_curate.model.ids import PatientKey, SubjectId
    from umd_curate.store.keys import DeidKey

    source = with_private_elements(4400)
    cleaner = HeaderCleaner(DeidKey(bytes(32)), PatientKey("x"), SubjectId("7K3QF2"))
    started = time.process_time()
    cleaner.clean(source)
    print(f"a header with 4,400 private elements: {time.process_time() - started:.3f} CPU s")


if __name__ == "__main__":
    main()
