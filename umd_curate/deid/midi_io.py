"""Reads MIDI-B's answer key (SQLite) and de-identified DICOM, and scores one against the other."""

import csv
import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from umd_curate.deid.midi import Answer, Outcome, Score, answers_of, judge, plain, score_of
from umd_curate.errors import UsageError
from umd_curate.store.dicom import READ_FAULTS, quiet, read_dataset

_NOT_READ = {"Pixel Data", "Overlay Data", "File Meta Information Version"}
_COLUMNS = {"SOPInstanceUID", "AnswerData"}
# A key may say for each row whether its actions are those of an instance, or of each file of a series or study; that column and
# its values, what names the level, and the element of a file that says where it belongs.
_SCOPE = "scope"
_LEVELS = {
    "Instance": "SOPInstanceUID",
    "Series": "SeriesInstanceUID",
    "Study": "StudyInstanceUID",
    "Patient": "StudyInstanceUID",
}

Level = tuple[str, str]  # keyword and UID


@dataclass(frozen=True, slots=True)
class Required:
    """What a key requires of the files of one instance, series or study of the source."""

    keyword: str
    uid: str
    patient: str
    answers: list[Answer]


def read_answers(key: Path) -> list[Required]:
    """Required actions, in the order of the key.

    Raises
    ------
    UsageError
        The file is not such a key.
    """
    found = []
    try:
        connection = sqlite3.connect(f"file:{key}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            for row in connection.execute("SELECT * FROM answer_data"):
                columns = set(row.keys())
                if not columns >= _COLUMNS:
                    message = "The answer key has no column SOPInstanceUID or AnswerData."
                    raise UsageError(message)
                patient = str(row["PatientID"]) if "PatientID" in columns else ""
                keyword = _LEVELS[plain(row[_SCOPE]) if _SCOPE in columns else "Instance"]
                found.append(Required(keyword, plain(row[keyword]), plain(patient), answers_of(row["AnswerData"])))
        finally:
            connection.close()
    except (sqlite3.Error, ValueError, LookupError, AttributeError) as fault:
        message = "The answer key is not a SQLite file with a table answer_data of MIDI-B's layout."
        raise UsageError(message) from fault
    return found


def read_mapping(path: Path) -> dict[str, str]:
    """Columns ``id_old`` and ``id_new`` of a CSV.

    Raises
    ------
    UsageError
        It has no such columns.
    """
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    if rows and not {"id_old", "id_new"} <= set(rows[0]):
        message = "A mapping needs the columns id_old and id_new."
        raise UsageError(message)
    return {row["id_old"]: row["id_new"] for row in rows}


def score_folder(
    key: Path, folder: Path, new_uid: Callable[[str], str], patients: Mapping[str, str] | None = None
) -> tuple[Score, int]:
    """Score a folder of de-identified DICOM.

    Parameters
    ----------
    key
        SQLite file with the table ``answer_data``.
    folder
        Searched to every depth.
    new_uid
        Replacement of a source UID.
    patients
        Replacements of PatientIDs; where not given, each patient's own first file says it.

    Returns
    -------
    The score, and how many source instances have no file.
    """
    files = _files(folder)
    known = dict(patients or {})
    outcomes: list[Outcome] = []
    missing = 0
    for required in read_answers(key):
        paths = files[required.keyword, new_uid(required.uid)]
        if not paths:
            missing += required.keyword == _LEVELS["Instance"]
            outcomes += [judge(answer, None, {}, "") for answer in required.answers]
        for path in paths:
            values, digest = _read(path)
            known.setdefault(required.patient, values.get("<(0010,0020)>", ""))
            new_of = {
                one.value: new_uid(one.value) for one in required.answers if one.action == "uid_consistent"
            } | known
            outcomes += [judge(answer, values, new_of, digest) for answer in required.answers]
    return score_of(outcomes), missing


def _files(folder: Path) -> dict[Level, list[Path]]:
    """Files by what they are and where they belong."""
    found: dict[Level, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            try:
                dataset = read_dataset(
                    path, stop_before_pixels=True, specific_tags=[0x00080018, 0x0020000D, 0x0020000E]
                )
            except READ_FAULTS:
                continue
            for keyword in sorted(set(_LEVELS.values())):
                found[keyword, str(dataset.get(keyword, ""))].append(path)
    return found


def _read(path: Path) -> tuple[dict[str, str], str]:
    with quiet():
        dataset = read_dataset(path)
        pixels = dataset.get_item(0x7FE00010)
        digest = hashlib.md5(pixels.value, usedforsecurity=False).hexdigest() if pixels is not None else ""
        return dict(_places(dataset, "")), digest


def _places(dataset: Dataset, before: str) -> Iterator[tuple[str, str]]:
    """Every element as the key names it: ``<(gggg,eeee)>``, items of sequences in between, private ones by creator."""
    for element in dataset:
        tag = element.tag
        name = f"({tag.group:04x},{tag.element:04x})"
        if tag.is_private and element.private_creator:
            name = f'({tag.group:04x},"{element.private_creator.upper()}",{tag.element & 0xFF:02x})'
        place = f"{before}<{name}>"
        yield (
            place,
            "REMOVED" if element.name in _NOT_READ else str("" if element.value is None else element.value).strip(),
        )
        if element.VR == "SQ":
            for n, item in enumerate(element.value or ()):
                yield from _places(item, f"{place}[<{n:04d}>]")
