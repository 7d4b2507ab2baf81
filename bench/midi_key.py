"""A mean corpus with a key in MIDI-B's layout, and our score: ``python -m bench.midi_key [WORK] [--seed N] [--patients N]``.

The corpus is that of the tests (``tests/mean``). The key requires, of every PET, CT and MR: each element in which a secret was
planted, at every level, to lose it (``text_removed``); its dates to be shifted, its UIDs changed and consistent, its patient
consistent; what an SUV and the geometry need, and the maker's scale data, to stay; and its pixels to stay. Then the corpus goes
through ``ingest --dicom-out`` and ``bench midi-b``, as a user would.
"""

import argparse
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from tests.mean.corpus import corpus_b
from tests.mean.people import Person

STAYS = (
    "Rows", "Columns", "PixelSpacing", "SliceThickness", "ImagePositionPatient", "ImageOrientationPatient", "PatientPosition", "RescaleSlope",
    "RescaleIntercept", "Units", "DecayCorrection", "FrameReferenceTime", "ActualFrameDuration", "PatientWeight", "PatientSize", "PatientSex",
    "Manufacturer", "Modality", "SeriesTime", "AcquisitionTime", "RadionuclideTotalDose", "RadionuclideHalfLife", "RadiopharmaceuticalStartTime",
)  # fmt: skip
THERE = ("SOPClassUID", "ImageType", "BitsStored", "PixelData")
AGENT = "<(0054,0016)>"
UIDS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "RadiopharmaceuticalStartDateTime")
SCALES = {
    ("GEMS_PETD_01", 0x38),
    ("GEMS_PETD_01", 0x3C),
    ("PHILIPS PET PRIVATE GROUP", 0x00),
    ("PHILIPS PET PRIVATE GROUP", 0x09),
}

Action = tuple[str, str, str, str]  # action, place, value, text


def actions_of(dataset: Dataset, person: Person) -> Iterator[Action]:
    """What is required of one image."""
    names = {one for kind in ("name", "id", "place", "contact", "device") for one in person.secrets.get(kind, ())}
    yield from _of_level(dataset, "", sorted(names))
    yield "pixels_retained", "", "", hashlib.md5(dataset.PixelData, usedforsecurity=False).hexdigest()
    yield "patid_consistent", "<(0010,0020)>", str(dataset.PatientID), ""
    yield "text_notnull", "<(0010,0020)>", str(dataset.PatientID), ""


def _of_level(dataset: Dataset, before: str, secrets: list[str]) -> Iterator[Action]:
    for element in dataset:
        place = f"{before}<{_name(element)}>"
        text = str(element.value).strip()
        if element.VR == "SQ":
            for n, item in enumerate(element.value or ()):
                yield from _of_level(item, f"{place}[<{n:04d}>]", secrets)
            continue
        kept = _kept(element, before) if text else ()
        yield from ((action, place, text[:8] if action == "date_shifted" else text[:64], text) for action in kept)
        if not kept and (isinstance(element.value, str) or element.VR == "PN"):
            told = (secret for secret in secrets if secret.lower() in text.lower())
            yield from (("text_removed", place, text[:64], secret) for secret in told)


def _kept(element: pydicom.DataElement, before: str) -> tuple[str, ...]:
    """Actions on an element of which something must stay."""
    keyword, creator = element.keyword, (element.private_creator or "").upper()
    is_of_image = not before or before.startswith(AGENT)  # an icon's rows go
    if element.VR == "DT" and creator in {"GEMS_PETD_01", "SIEMENS MED PT"}:
        return "date_shifted", "text_notnull"
    if (creator, element.tag.element & 0xFF) in SCALES:
        return ("text_retained",)
    if keyword in DATES and is_of_image:
        return "date_shifted", "text_notnull"
    if keyword in UIDS and not before:
        return "uid_changed", "uid_consistent", "text_notnull"
    if keyword in STAYS and is_of_image:
        return ("text_retained",)
    return ("tag_retained",) if keyword in THERE and not before else ()


def _name(element: pydicom.DataElement) -> str:
    tag = element.tag
    if tag.is_private and element.private_creator:
        return f'({tag.group:04x},"{element.private_creator.upper()}",{tag.element & 0xFF:02x})'
    return f"({tag.group:04x},{tag.element:04x})"


def write_key(path: Path, images: list[tuple[Path, Person]]) -> int:
    """Write the key of images; return how many actions it requires."""
    count = 0
    with closing(sqlite3.connect(path)) as key:
        key.execute(
            "CREATE TABLE answer_data (PatientID TEXT, StudyInstanceUID TEXT, SeriesInstanceUID TEXT, SOPInstanceUID TEXT, AnswerData TEXT)"
        )
        for image, person in images:
            dataset = pydicom.dcmread(image)
            rows = {
                str(n): {"action": f"<{action}>", "tag_ds": place, "value": f"<{value}>", "action_text": f"<{text}>"}
                for n, (action, place, value, text) in enumerate(actions_of(dataset, person))
            }
            count += len(rows)
            uids = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
            key.execute("INSERT INTO answer_data VALUES (?, ?, ?, ?, ?)", (dataset.PatientID, *uids, json.dumps(rows)))
        key.commit()
    return count


def main() -> None:
    """Make the corpus and the key, de-identify, and score."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", nargs="?", type=Path, default=Path(tempfile.gettempdir()) / "umd-bench-midi")
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--patients", type=int, default=3)
    given = parser.parse_args()
    work = given.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    warnings.simplefilter("ignore")  # pydicom's, of planted elements that no dictionary knows
    planted = corpus_b(work / "raw", given.seed, patients=given.patients, studies=1, slices=4)
    images = planted.images()
    count = write_key(work / "key.db", [(image, planted.owners[image]) for image in images])
    print(f"{len(planted.kinds)} files, {len(images)} images, {count} actions, seed {given.seed}", flush=True)
    workspace, out = ["-w", str(work / "study")], work / "clean"
    tool = [sys.executable, "-m", "umd_curate"]
    environment = {**os.environ, "UMD_KEY_FILE": str(work / "key" / "deid.key")}
    # Reports and captures are excluded: the run ends with a code of its own.
    subprocess.run(
        [*tool, "ingest", str(work / "raw"), *workspace, "--dicom-out", str(out), "--referee", "none"],
        env=environment,
        check=False,
        stdout=subprocess.DEVNULL,
    )
    subprocess.run(
        [*tool, "bench", "midi-b", "--answers", str(work / "key.db"), "--input", str(out), *workspace],
        env=environment,
        check=True,
    )


if __name__ == "__main__":
    main()
