"""Defects of a study: whose it is, what it lacks, which identifiers and series it carries."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from umd_curate.model.study import Disposition
from umd_curate.synth.draws import uid
from umd_curate.synth.header import Header
from umd_curate.synth.planting import SECOND_CHOICE, Defect, EditSeries, Verdict, bad
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import USED, Expected, Series, Slice

_TWO_PATIENTS = bad("two patients in one study")
_COLLISION = bad("one SOP instance with two contents")
_MU_MAP = Expected(Disposition.EXCLUDED, "attenuation map")
_WHOLE_STUDY = dict.fromkeys(("ct", "contours-ct", "mr-in", "contours-mr"), _TWO_PATIENTS)
_OTHER_WEIGHT_KG = 23.0  # between the weights that two series of one study give
_UNCOVERED = 0.45  # part of the body, from the head down, that the CT leaves out
_MOST_STATIONS = 5
_CHANNELS = ("mr-in", "mr-opp", "mr-fat", "mr-water")
_SPARES = ("ct-contrast", "mr-opp")


def set_to(expected: Expected | None = None, **elements: object) -> EditSeries:
    """Set elements of a series; None takes one away."""

    def edit(series: Series, _study: Study) -> Sequence[Series]:
        return (replace(series.editing(**elements), expected=expected or series.expected),)

    return edit


def _colliding(series: Series, study: Study) -> Sequence[Series]:
    """Give a series and its images the UIDs of the first patient's."""
    taken = {
        study.uid("instance", series.name, k): _first(study, "instance", series.name, k)
        for k in range(len(series.slices))
    }
    slices = tuple(
        replace(one, header=one.header | {"SOPInstanceUID": taken[str(one.header["SOPInstanceUID"])]})
        for one in series.slices
    )
    header: Header = series.header | {"SeriesInstanceUID": _first(study, "series", series.name)}
    return (replace(series, header=header, slices=slices, expected=_COLLISION),)


def _first(study: Study, *what: object) -> str:
    """A UID of the first patient's study of the same kind."""
    return uid(study.seed, 1, study.kind, *what)


def _of_other_sex(series: Series, study: Study) -> Sequence[Series]:
    other = "F" if study.person.sex == "M" else "M"
    return (replace(series.editing(PatientSex=other), expected=_TWO_PATIENTS),)


def _of_other_weight(series: Series, study: Study) -> Sequence[Series]:
    return (series.editing(PatientWeight=round(study.build.weight_kg + _OTHER_WEIGHT_KG, 1)),)


def _with_mu_map(series: Series, study: Study) -> Sequence[Series]:
    """A mu-map that is stored as CT, beside the CT."""
    header: Header = series.header | {
        "SeriesInstanceUID": study.uid("series", "ct-mu-map"),
        "SeriesNumber": 31,
        "SeriesDescription": "AC_CT umap",
        "ImageType": ["DERIVED", "PRIMARY", "AXIAL"],
    }
    slices = tuple(_renamed(one, study.uid("instance", "ct-mu-map", n)) for n, one in enumerate(series.slices))
    return series, replace(series, name="ct-mu-map", header=header, slices=slices, expected=_MU_MAP)


def _renamed(one: Slice, sop_uid: str) -> Slice:
    return replace(one, header=one.header | {"SOPInstanceUID": sop_uid})


def _uncovering(series: Series, study: Study) -> Sequence[Series]:
    """Leave out the head and the chest: the first slices of a series that is stored from the head down, else the last."""
    count = round(len(series.slices) * (1 - _UNCOVERED))
    slices = series.slices[-count:] if study.scanner.descending else series.slices[:count]
    return (replace(series, slices=slices).editing(ImagesInAcquisition=count),)


def _of_other_hospital(study: Study) -> Study:
    """The same patient under the number of another house."""
    other = f"0{study.person.patient_id[3:]}-{study.person.index % 10}"
    return replace(study, person=replace(study.person, patient_id=other))


STUDY_DEFECTS: Mapping[str, Defect] = {
    "wrong-patient": Defect(
        "One study holds series of two PatientIDs (0010,0020).",
        Verdict.REFUSED,
        ("pet",),
        edit=set_to(_TWO_PATIENTS, PatientID="ZZ9999999"),
        elsewhere=_WHOLE_STUDY,
    ),
    "contradicting-sex": Defect(
        "The CT says another PatientSex (0010,0040) than the other series of its study.",
        Verdict.REFUSED,
        ("ct", "mr-in"),
        edit=_of_other_sex,
        elsewhere={**_WHOLE_STUDY, "pet": _TWO_PATIENTS},
    ),
    "contradicting-birth-date": Defect(
        "The CT says another PatientBirthDate (0010,0030) than the other series of its study.",
        Verdict.REFUSED,
        ("ct", "mr-in"),
        edit=set_to(_TWO_PATIENTS, PatientBirthDate="19010203"),
        elsewhere={**_WHOLE_STUDY, "pet": _TWO_PATIENTS},
    ),
    "contradicting-weight": Defect(
        "The CT says a PatientWeight (0010,1030) that is 23 kg above that of the PET.",
        Verdict.ACCEPTED,
        ("ct", "mr-in"),
        edit=_of_other_weight,
    ),
    "two-id-formats": Defect(
        "The PET/MRI of a patient has the PatientID of another hospital; only a mapping file tells that it is one patient.",
        Verdict.ACCEPTED,
        ("mr-in",),
        alters=_of_other_hospital,
    ),
    "no-ct": Defect(
        "A PET/CT study comes without its CT.",
        Verdict.ACCEPTED,
        ("pet",),
        drops=("ct", "ct-contrast", "localizer", "contours-ct"),
    ),
    "uid-collision": Defect(
        "The CTs of two patients have the same series and SOP instance UIDs.",
        Verdict.REFUSED,
        ("ct",),
        edit=_colliding,
        elsewhere=SECOND_CHOICE,
        abroad={("1/petct", "ct"): _COLLISION} | {("1/petct", name): then for name, then in SECOND_CHOICE.items()},
        from_subject=2,
    ),
    "missing-uids": Defect(
        "A spare series lacks Study (0020,000D) and Series Instance UID (0020,000E), and is told by what else it says.",
        Verdict.EXCLUDED,
        _SPARES,
        edit=set_to(StudyInstanceUID=None, SeriesInstanceUID=None),
    ),
    "empty-uids": Defect(
        "A spare series has empty Study (0020,000D) and Series Instance UIDs (0020,000E), and is told by what else it says.",
        Verdict.EXCLUDED,
        _SPARES,
        edit=set_to(StudyInstanceUID="", SeriesInstanceUID=""),
    ),
    "mu-map": Defect("A mu-map stored as CT lies beside the CT.", Verdict.EXCLUDED, ("ct",), edit=_with_mu_map),
    "fov-mismatch": Defect(
        "The CT begins below the chest: it covers little more than half of the PET.",
        Verdict.ACCEPTED,
        ("ct",),
        edit=_uncovering,
        drops=("ct-contrast", "contours-ct"),
    ),
    "composed-besides": Defect(
        "The scanner's composed MR comes beside the stations, as it does in every sound study.",
        Verdict.ACCEPTED,
        ("mr-in",),
    ),
    "stations-only": Defect(
        "The MR lies in stations and no composed series came along.",
        Verdict.ACCEPTED,
        ("mr-station-1",),
        drops=(*_CHANNELS, "contours-mr"),
        elsewhere={f"mr-station-{number}": USED for number in range(1, _MOST_STATIONS + 1)},
    ),
    "four-stations": Defect(
        "The MR has four stations.",
        Verdict.ACCEPTED,
        ("mr-station-1",),
        alters=lambda study: replace(study, stations=4),
    ),
    "five-stations": Defect(
        "The MR has five stations.",
        Verdict.ACCEPTED,
        ("mr-station-1",),
        alters=lambda study: replace(study, stations=_MOST_STATIONS),
    ),
}
