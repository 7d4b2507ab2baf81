"""Who computes SUV rightly, who is silently wrong, who refuses: ``python -m bench.suv [--objects DRO] [--peer PYTHON]``.

The reference objects (oncoray/suv_computation, CC BY 4.0) and the phantom of `tests/pet_cases.py`, by this package and by
mirp, which PYTHON must have. A phantom is right within 1e-4 of its truth; CPU seconds are of one process per tool.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

from pydicom.uid import generate_uid

from tests.pet_cases import COMPUTABLE, KEPT_IN_BQML, SET_ASIDE, made_of
from umd_curate.convert.reference import PUBLISHED
from umd_curate.convert.reference_io import check_objects, read_expected

TOLERANCE = 1e-4
Values = list[float] | None


def main() -> None:
    """Print one table of cases and one of sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=Path)
    parser.add_argument("--peer", help="python of an environment with mirp")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        refused = {**{name: case[0] for name, case in {**KEPT_IN_BQML, **SET_ASIDE}.items()}}
        sets = {"phantom": _written(COMPUTABLE, root / "phantom"), "must refuse": _written(refused, root / "refuse")}
        if options.objects:
            sets["objects"] = options.objects
        for name, folder in sets.items():
            rows = {"umd-curate": _ours(folder)}
            if options.peer:
                rows["mirp"] = _peer(options.peer, folder)
            for tool, (found, cpu_s) in rows.items():
                _report(name, tool, found, cpu_s)


def _written(cases: dict, root: Path) -> Path:
    for number, (name, case) in enumerate(sorted(cases.items())):
        folder = root / f"{number:02d} {name.replace('/', ' ')}" / "PT"
        folder.mkdir(parents=True)
        study, series = (generate_uid(entropy_srcs=[kind, name]) for kind in ("study", "series"))
        for k, dataset in enumerate(made_of(case)):
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
            dataset.SOPInstanceUID = generate_uid(entropy_srcs=[name, str(k)])
            dataset.FrameOfReferenceUID, dataset.PatientID, dataset.InstanceNumber = study, "P", str(k + 1)
            dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.save_as(folder / f"{k}.dcm", enforce_file_format=True)
    return root


def _ours(folder: Path) -> tuple[dict[str, Values], float]:
    started = time.process_time()
    listed = folder / "DRO_list.csv"
    known = read_expected(listed) if listed.is_file() else {}
    found = {
        verdict.name.removesuffix("/PT"): list(verdict.measured.values) if verdict.measured else None
        for verdict in check_objects(folder, known or None)
    }
    return found, time.process_time() - started


def _peer(python: str, folder: Path) -> tuple[dict[str, Values], float]:
    folders = [str(path) for path in sorted(folder.glob("*/PT"))]
    script = Path(__file__).with_name("suv_peer.py")
    run = subprocess.run([python, str(script), *folders], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    found = {Path(line["folder"]).parent.name: line.get("values") for line in lines}
    return found, sum(line["cpu_s"] for line in lines)


def _report(name: str, tool: str, found: dict[str, Values], cpu_s: float) -> None:
    verdicts = {case: _verdict(name, values) for case, values in found.items()}
    sums = {kind: sum(one == kind for one in verdicts.values()) for kind in ("right", "wrong", "refused")}
    print(f"{name:12} {tool:11} {sums}  of {len(found)}, {cpu_s / max(len(found), 1):.3f} CPU s per series")
    for case, verdict in verdicts.items():
        if verdict != ("refused" if name == "must refuse" else "right"):
            shown = " ".join(f"{value:.5f}" for value in found[case] or [])
            print(f"    {verdict}: {case} {shown}")


def _verdict(name: str, values: Values) -> str:
    if values is None:
        return "refused"
    if name == "must refuse":
        return "wrong"
    if name == "objects":
        return "right" if [round(value, 2) for value in values] == list(PUBLISHED) else "wrong"
    return (
        "right"
        if all(abs(value / wanted - 1) < TOLERANCE for value, wanted in zip(values, PUBLISHED, strict=True))
        else "wrong"
    )


if __name__ == "__main__":
    main()
