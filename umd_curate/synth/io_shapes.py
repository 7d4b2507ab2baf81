"""How the raw folder is arranged: one flat folder, a tree, a file-set with DICOMDIR, or an archive per patient.

Every shape takes files one after the other and says under which name each lies: ``archive.zip!/member`` in an archive.
"""

import io
import re
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from isal import igzip

from umd_curate.synth.draws import digest, uid
from umd_curate.synth.header import Header
from umd_curate.synth.io_dicomdir import Record, dicomdir
from umd_curate.synth.options import Layout
from umd_curate.synth.people import fold
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import RawFile, Series

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the least time that a zip can tell
_FAST = 1  # compression level of archives
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NAME_LETTERS = 12  # of a meaningless name: 36^12, no two files of a cohort share one
_IMAGE, _REPORT = "IMAGE", "SR DOCUMENT"


class Shape(Protocol):
    """Where files go."""

    def put(self, study: Study, series: Series, file: RawFile) -> str:
        """Write a file of a series; return its name relative to the raw folder, with /."""
        ...

    def close(self) -> list[str]:
        """Finish; return names of files that belong to no series."""
        ...


def shape_of(layout: Layout, root: Path, seed: int) -> Shape:
    """The shape of a layout; `seed` is the cohort's."""
    if layout is Layout.DICOMDIR:
        return FileSet(root, seed)
    if layout in {Layout.ZIP, Layout.TAR}:
        return Archives(root, layout)
    return Folders(root, is_tree=layout is Layout.TREE)


@dataclass(slots=True)
class Folders:
    """Plain files: a tree that tells, or one folder with meaningless names."""

    root: Path
    is_tree: bool
    made: set[Path] = field(default_factory=set)

    def put(self, study: Study, series: Series, file: RawFile) -> str:
        """Write a file of a series."""
        name = tree_name(study, series, file) if self.is_tree else flat_name(study, series, file)
        path = self.root / name
        if path.parent not in self.made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.made.add(path.parent)
        path.write_bytes(file.data)
        return name

    def close(self) -> list[str]:
        """Nothing is left to do."""
        return []


@dataclass(slots=True)
class Archives:
    """A tree per patient, each in an archive without times."""

    root: Path
    layout: Layout
    name: str = ""
    zip: zipfile.ZipFile | None = None
    tar: tarfile.TarFile | None = None
    raw: IO[bytes] | None = None
    squeezed: IO[bytes] | None = None

    def put(self, study: Study, series: Series, file: RawFile) -> str:
        """Add a file to its patient's archive."""
        ending = "zip" if self.layout is Layout.ZIP else "tar.gz"
        name = f"EXPORT{study.person.index:04d}.{ending}"
        if name != self.name:
            self._shut()
            self._open(name)
        member = tree_name(study, series, file)
        if self.zip is not None:
            entry = zipfile.ZipInfo(member, _EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            self.zip.writestr(entry, file.data, zipfile.ZIP_DEFLATED, _FAST)
        elif self.tar is not None:
            info = tarfile.TarInfo(member)
            info.size = len(file.data)
            self.tar.addfile(info, io.BytesIO(file.data))
        return f"{name}!/{member}"

    def close(self) -> list[str]:
        """Finish the last archive."""
        self._shut()
        return []

    def _open(self, name: str) -> None:
        self.name = name
        if self.layout is Layout.ZIP:
            self.zip = zipfile.ZipFile(self.root / name, "w")
            return
        self.raw = (self.root / name).open("wb")
        self.squeezed = igzip.GzipFile(filename="", mode="wb", fileobj=self.raw, compresslevel=_FAST, mtime=0)
        self.tar = tarfile.open(fileobj=self.squeezed, mode="w|")  # noqa: SIM115  (closed by _shut)

    def _shut(self) -> None:
        for one in (self.zip, self.tar, self.squeezed, self.raw):
            if one is not None:
                one.close()
        self.zip = self.tar = self.squeezed = self.raw = None


@dataclass(slots=True)
class FileSet:
    """Short names in a hierarchy, and a DICOMDIR that lists them."""

    root: Path
    seed: int
    patients: list[Record] = field(default_factory=list)
    numbers: dict[tuple[str, ...], int] = field(default_factory=dict)
    records: dict[tuple[str, ...], Record] = field(default_factory=dict)
    made: set[Path] = field(default_factory=set)

    def put(self, study: Study, series: Series, file: RawFile) -> str:
        """Write a file and note it."""
        patient = f"PA{study.person.index:06d}"
        exam = (patient, self._number("ST", (patient, study.label)))
        where = (*exam, self._number("SE", (*exam, series.name)))
        parts = ("DICOM", *where, self._number("IM", (*where, f"{file.number}{file.suffix}")))
        path = self.root.joinpath(*parts)
        if path.parent not in self.made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.made.add(path.parent)
        path.write_bytes(file.data)
        if file.sop_uid:
            self._series_record(series, where).below.append(_image_record(series, file, parts))
        return "/".join(parts)

    def close(self) -> list[str]:
        """Write the DICOMDIR."""
        data = dicomdir(self.patients, uid(self.seed, "file-set"), "EXPORT", "file-set")
        (self.root / "DICOMDIR").write_bytes(data)
        return ["DICOMDIR"]

    def _number(self, kind: str, where: tuple[str, ...]) -> str:
        """Name of a folder or file: consecutive within its parent."""
        parent = (kind, *where[:-1])
        key = (kind, *where)
        if key not in self.numbers:
            self.numbers[parent] = self.numbers.get(parent, 0) + 1
            self.numbers[key] = self.numbers[parent]
        return f"{kind}{self.numbers[key]:06d}"

    def _series_record(self, series: Series, where: tuple[str, ...]) -> Record:
        header = series.header
        levels: tuple[tuple[str, Header], ...] = (
            ("PATIENT", _keys(header, ("PatientName", "PatientID"))),
            ("STUDY", _keys(header, ("StudyDate", "StudyTime", "StudyDescription", "StudyInstanceUID", "StudyID", "AccessionNumber"))),
            ("SERIES", _keys(header, ("Modality", "SeriesInstanceUID", "SeriesNumber"))),
        )  # fmt: skip
        above = self.patients
        record = Record("", {})
        for depth, (kind, keys) in enumerate(levels):
            place = where[: depth + 1]
            if place not in self.records:
                self.records[place] = Record(kind, keys)
                above.append(self.records[place])
            record = self.records[place]
            above = record.below
        return record


def _image_record(series: Series, file: RawFile, parts: tuple[str, ...]) -> Record:
    kind = _REPORT if series.header["Modality"] == "SR" else _IMAGE
    keys: Header = {
        "ReferencedFileID": list(parts),
        "ReferencedSOPClassUIDInFile": series.header["SOPClassUID"],
        "ReferencedSOPInstanceUIDInFile": file.sop_uid,
        "ReferencedTransferSyntaxUIDInFile": str(series.transfer_syntax),
        "InstanceNumber": file.number,
    }
    if kind is _REPORT:
        keys |= _keys(series.header, ("CompletionFlag", "VerificationFlag", "ContentDate", "ContentTime"))
        keys |= {"ConceptNameCodeSequence": series.header["ConceptNameCodeSequence"]}
    return Record(kind, keys)


def _keys(header: Header, names: tuple[str, ...]) -> Header:
    charset: Header = {"SpecificCharacterSet": "ISO_IR 192"}
    return charset | {name: header.get(name, "") for name in names}


def tree_name(study: Study, series: Series, file: RawFile) -> str:
    """Patient, study, series folder and file, with what vendors write into such names."""
    person = study.person
    patient = f"{person.folded.upper()}_{person.patient_id}"
    mark = digest(study.seed, "folder", person.index, study.kind).hex()[:6].upper()
    number = int(str(series.header["SeriesNumber"]))
    description = re.sub(r"[^A-Za-z0-9]+", "_", fold(str(series.header["SeriesDescription"]))).strip("_").upper()
    return f"{patient}/PET_{study.date}_{mark}/{number:03d}_{description}/IM{file.number:04d}{file.suffix or '.dcm'}"


def flat_name(study: Study, series: Series, file: RawFile) -> str:
    """A name without meaning, the same in every cohort that holds the file."""
    value = int.from_bytes(digest(study.seed, "file", study.label, series.name, file.number, file.suffix), "big")
    letters = []
    for _ in range(_NAME_LETTERS):
        value, letter = divmod(value, len(_LETTERS))
        letters.append(_LETTERS[letter])
    return f"IM{''.join(letters)}{file.suffix}"
