"""Defects that can be planted by name: one table, one row each. Adding a defect is adding a row.

A row says in which series it goes, and changes the series before it is encoded, the files after it, or both. What the
product should then do with the files stands beside them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from umd_curate.model.study import Disposition
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import Expected, RawFile, Series, Slice

if TYPE_CHECKING:
    from umd_curate.synth.header import Header


def _bad(reason: str) -> Expected:
    return Expected(Disposition.QUARANTINED, reason)


_INCOMPLETE = _bad("a slice of the series is missing or unusable")
_NO_SUV = Expected(Disposition.USED, "the image is sound, but it has no SUV")

EditSeries = Callable[[Series], Series]
EditFiles = Callable[[list[RawFile]], list[RawFile]]


@dataclass(frozen=True, slots=True)
class Defect:
    """One kind of defect.

    Parameters
    ----------
    sentence
        What is planted.
    series
        Names of the series it may go into, in order of preference.
    edit
        Changes the series before encoding.
    files
        Changes the encoded files.
    drops
        Names of series that the study then lacks.
    elsewhere
        What should become of other series of the study, by name.
    """

    sentence: str
    series: tuple[str, ...]
    edit: EditSeries = field(default=lambda series: series)
    files: EditFiles = field(default=lambda files: files)
    drops: tuple[str, ...] = ()
    elsewhere: Mapping[str, Expected] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planting:
    """A defect and where it goes."""

    name: str
    study: str  # label of the study
    series: str


def plant(names: Sequence[str], studies: Sequence[tuple[Study, Sequence[str]]]) -> tuple[Planting, ...]:
    """Choose the first suitable series for each defect; two defects share a study only where they must.

    Parameters
    ----------
    names
        Defects by name.
    studies
        Every study with the names of its series.

    Raises
    ------
    KeyError
        There is no defect of that name.
    LookupError
        No series of the cohort is suitable.
    """
    found: list[Planting] = []
    for name in names:
        wanted = DEFECT_TABLE[name].series
        places = [(study.label, series) for series in wanted for study, present in studies if series in present]
        gone = {(p.study, series) for p in found for series in DEFECT_TABLE[p.name].drops}
        places = [place for place in places if place not in gone]
        if not places:
            message = f"no series of this cohort can hold the defect {name}"
            raise LookupError(message)
        free = [place for place in places if place[0] not in {p.study for p in found}]
        apart = [place for place in places if place not in {(p.study, p.series) for p in found}]
        study, series = (free or apart or places)[0]
        found.append(Planting(name, study, series))
    return tuple(found)


def edited(series: Series, study: Study, plantings: Sequence[Planting]) -> Series | None:
    """The series with its defects; None where the study lacks it."""
    expected = expectation(series.name, series.expected, study, plantings)
    if expected is None:
        return None
    if expected is not series.expected:
        series = replace(series, expected=expected)
    for planting in plantings:
        if (planting.study, planting.series) == (study.label, series.name):
            series = DEFECT_TABLE[planting.name].edit(series)
    return series


def expectation(name: str, sound: Expected, study: Study, plantings: Sequence[Planting]) -> Expected | None:
    """What should become of a series beside the defects of its study; None where the study lacks it."""
    for planting in plantings:
        defect = DEFECT_TABLE[planting.name]
        if planting.study == study.label:
            if name in defect.drops:
                return None
            sound = defect.elsewhere.get(name, sound)
    return sound


def damaged(files: list[RawFile], name: str, study: Study, plantings: Sequence[Planting]) -> list[RawFile]:
    """The files of a series with their defects."""
    for planting in plantings:
        if (planting.study, planting.series) == (study.label, name):
            files = DEFECT_TABLE[planting.name].files(files)
    return files


def _set(reason: Expected, **elements: object) -> EditSeries:
    return lambda series: replace(series.editing(**elements), expected=reason)


def _tracer(reason: Expected, **elements: object) -> EditSeries:
    """Change elements of the radiopharmaceutical's item; None takes one away."""

    def edit(series: Series) -> Series:
        items = series.header["RadiopharmaceuticalInformationSequence"]
        assert isinstance(items, list)  # noqa: S101  (headers are ours)
        assert isinstance(items[0], dict)  # noqa: S101
        item: Header = {key: value for key, value in items[0].items() if key not in elements}
        item |= {key: value for key, value in elements.items() if value is not None}  # type: ignore[misc]
        return replace(series.editing(RadiopharmaceuticalInformationSequence=[item]), expected=reason)

    return edit


def _drop_middle(series: Series) -> Series:
    middle = len(series.slices) // 2
    return replace(series, slices=(*series.slices[:middle], *series.slices[middle + 1 :]), expected=_INCOMPLETE)


def _with_localizer(series: Series) -> Series:
    """A coronal scout under the UID of the CT series."""
    first = series.slices[0]
    own: Header = dict(first.header) | {
        "SOPInstanceUID": str(first.header["SOPInstanceUID"]) + "7",
        "InstanceNumber": 0,
        "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        "ImageOrientationPatient": ["1", "0", "0", "0", "0", "-1"],
    }
    scout = Slice(own, first.pixels)
    return replace(series, slices=(scout, *series.slices), odd={0: Expected(Disposition.EXCLUDED, "localizer")})


def _truncated(files: list[RawFile]) -> list[RawFile]:
    """The middle file ends halfway through its pixels; without it the series has a gap."""
    middle = len(files) // 2
    broken = replace(
        files[middle], data=files[middle].data[: len(files[middle].data) * 6 // 10], expected=_bad("truncated")
    )
    return (
        [replace(file, expected=_INCOMPLETE) for file in files[:middle]]
        + [broken]
        + [replace(file, expected=_INCOMPLETE) for file in files[middle + 1 :]]
    )


def _corrupt(files: list[RawFile]) -> list[RawFile]:
    """The first file's header is overwritten behind the file meta."""
    data = files[0].data
    start = 132 + 320
    broken = data[:start] + b"\xff\xfe\x5a" * 200 + data[start + 600 :]
    return [replace(files[0], data=broken, expected=_bad("unreadable header")), *files[1:]]


def _text(files: list[RawFile]) -> list[RawFile]:
    note = RawFile(0, "", b"This is no image.\n" * 40, Expected(Disposition.EXCLUDED, "not DICOM"), ".dcm")
    return [*files, note]


def _copied(files: list[RawFile]) -> list[RawFile]:
    copy = replace(
        files[len(files) // 2], number=len(files) + 1, expected=Expected(Disposition.DUPLICATE, "identical copy")
    )
    return [*files, copy]


def _copied_differently(files: list[RawFile]) -> list[RawFile]:
    """A second file of one SOP instance, with other pixels."""
    middle = len(files) // 2
    original = files[middle]
    size = min(512, len(original.data) // 4)
    start = len(original.data) // 2
    other = original.data[:start] + bytes(size) + original.data[start + size :]
    reason = _bad("one SOP instance with two contents")
    found = [replace(file, expected=_INCOMPLETE) for file in files]
    found[middle] = replace(original, expected=reason)
    return [*found, replace(original, number=len(files) + 1, data=other, expected=reason)]


_CTS, _PETS = ("ct",), ("pet",)
# Without its low-dose CT the session falls back on the contrast CT, and nobody drew on that one.
_SECOND_CHOICE = {
    "ct-contrast": Expected(Disposition.USED),
    "contours-ct": Expected(Disposition.EXCLUDED, "drawn on an image that is not used"),
}
_TWO_PATIENTS = _bad("two patients in one study")

DEFECT_TABLE: Mapping[str, Defect] = {
    "truncated-pixels": Defect(
        "One CT slice ends halfway through its pixels.", _CTS, files=_truncated, elsewhere=_SECOND_CHOICE
    ),
    "corrupt-header": Defect(
        "One file of the contrast CT has a destroyed header.", ("ct-contrast", "mr-opp"), files=_corrupt
    ),
    "not-dicom": Defect("A text file has a name that ends in .dcm.", ("ct", "mr-in"), files=_text),
    "missing-slice-ct": Defect(
        "The CT lacks a slice in its middle.", _CTS, edit=_drop_middle, elsewhere=_SECOND_CHOICE
    ),
    "missing-weight": Defect("The PET lacks PatientWeight (0010,1030).", _PETS, edit=_set(_NO_SUV, PatientWeight=None)),
    "missing-dose": Defect(
        "The PET lacks RadionuclideTotalDose (0018,1074).", _PETS, edit=_tracer(_NO_SUV, RadionuclideTotalDose=None)
    ),
    "duplicate-slice": Defect("One CT slice is there twice, byte for byte.", ("ct", "mr-in"), files=_copied),
    "duplicate-slice-different": Defect(
        "One CT slice is there twice under one SOP instance UID, with different pixels.",
        _CTS,
        files=_copied_differently,
        elsewhere=_SECOND_CHOICE,
    ),
    "localizer-inside-ct": Defect("A localizer carries the series UID of the CT.", _CTS, edit=_with_localizer),
    "wrong-patient": Defect(
        "One study holds series of two PatientIDs (0010,0020).",
        _PETS,
        edit=_set(_TWO_PATIENTS, PatientID="ZZ9999999"),
        elsewhere=dict.fromkeys(("ct", "contours-ct", "mr-in", "contours-mr"), _TWO_PATIENTS),
    ),
    "no-ct": Defect(
        "A PET/CT study comes without its CT.", _PETS, drops=("ct", "ct-contrast", "localizer", "contours-ct")
    ),
    "zero-half-life": Defect(
        "The PET says that its RadionuclideHalfLife (0018,1075) is 0.",
        _PETS,
        edit=_tracer(_NO_SUV, RadionuclideHalfLife="0"),
    ),
}

DEFECTS: Mapping[str, str] = {name: defect.sentence for name, defect in DEFECT_TABLE.items()}
