"""Defects of the PET: what its SUV lacks, what only looks like a wanted PET, and the rare ways in which one is written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from umd_curate.synth import header_images as headers
from umd_curate.synth.defects_study import set_to
from umd_curate.synth.header import Header
from umd_curate.synth.planting import NO_SUV, Alter, Defect, EditSeries, Verdict, bad
from umd_curate.synth.scanners import Vendor
from umd_curate.synth.schedule import Study, rewritten
from umd_curate.synth.series import USED, Expected, Series, Slice
from umd_curate.synth.writing import NEEDS_PHILIPS, WRITINGS, Changes, Decay

_PETS = ("pet",)
_LATER_S = 5400.0  # between the phases of a study
_SPECT = bad("SPECT stored as PET")
_TC99M_HALF_LIFE_S = "21624.12"  # 6.0067 h
_RENUMBERED = 40


def _tracer(reason: Expected, **elements: object) -> EditSeries:
    """Change elements of the radiopharmaceutical's item; None takes one away."""

    def edit(series: Series, _study: Study) -> Sequence[Series]:
        item: Header = {key: value for key, value in _item(series).items() if key not in elements}
        item |= {key: value for key, value in elements.items() if value is not None}  # type: ignore[misc]
        return (replace(series.editing(RadiopharmaceuticalInformationSequence=[item]), expected=reason),)

    return edit


def _item(series: Series) -> Header:
    items = series.header["RadiopharmaceuticalInformationSequence"]
    assert isinstance(items, list)  # noqa: S101  (headers are ours)
    assert isinstance(items[0], dict)  # noqa: S101
    return dict(items[0])


def _with_late_phase(series: Series, study: Study) -> Sequence[Series]:
    """The same uptake an hour and a half later: activity has decayed, and its SUV is the same."""
    name = f"{series.name}-late"
    injection = study.injection
    delay_s = injection.reference_delay_s + (_LATER_S if study.writing.decay is Decay.START else 0.0)
    late = replace(study, scan_s=study.scan_s + _LATER_S, injection=replace(injection, reference_delay_s=delay_s))
    placed = study.grid_of("pet")
    count = len(placed.positions_lps)
    own = headers.pet(
        late, placed, series=name, number=_RENUMBERED, description="PET WB AC late", corrected=True,
        method=study.scanner.methods[0],
    )  # fmt: skip
    place_of = {study.uid("instance", series.name, k): k for k in range(count)}
    slices = []
    for one in series.slices:
        k = place_of[str(one.header["SOPInstanceUID"])]
        bed = headers.bed_of_slice(study, placed, k)
        slope = f"{float(str(one.header['RescaleSlope'])) * late.per_suv(bed) / study.per_suv(bed):.9g}"
        header: Header = one.header | headers.pet_slice(late, placed, k, slope)
        slices.append(Slice(header | {"SOPInstanceUID": study.uid("instance", name, k)}, one.load))
    return series, replace(series, name=name, header=own, slices=tuple(slices), expected=USED)


def _with_spect(series: Series, study: Study) -> Sequence[Series]:
    """A SPECT of the same place that calls itself PET."""
    name = "spect"
    item = _item(series) | {
        "Radiopharmaceutical": "99mTc-HDP",
        "RadionuclideHalfLife": _TC99M_HALF_LIFE_S,
        "RadionuclidePositronFraction": "0",
        "RadionuclideCodeSequence": [
            {"CodeValue": "C-163A8", "CodingSchemeDesignator": "SRT", "CodeMeaning": "^99m^Technetium"}
        ],
    }
    item.pop("RadiopharmaceuticalCodeSequence", None)
    header: Header = series.header | {
        "SeriesInstanceUID": study.uid("series", name),
        "SeriesNumber": _RENUMBERED + 1,
        "SeriesDescription": "SPECT WB",
        "CollimatorType": "PARA",
        "CorrectedImage": ["UNIF", "COR"],
        "Units": "CNTS",
        "DecayCorrection": "NONE",
        "ReconstructionMethod": "Flash3D",
        "RadiopharmaceuticalInformationSequence": [item],
    }
    slices = tuple(
        replace(one, header=one.header | {"SOPInstanceUID": study.uid("instance", name, n)})
        for n, one in enumerate(series.slices)
    )
    return series, replace(series, name=name, header=header, slices=slices, expected=_SPECT)


def _written(name: str, changes: Changes) -> Alter:
    def alter(study: Study) -> Study:
        if name in NEEDS_PHILIPS:
            study = replace(study, vendor=Vendor.PHILIPS_COUNTS_CT)
        return rewritten(study, changes)

    return alter


PET_DEFECTS: Mapping[str, Defect] = {
    "missing-weight": Defect(
        "The PET lacks PatientWeight (0010,1030).", Verdict.REFUSED, _PETS, edit=set_to(NO_SUV, PatientWeight=None)
    ),
    "missing-dose": Defect(
        "The PET lacks RadionuclideTotalDose (0018,1074).",
        Verdict.REFUSED,
        _PETS,
        edit=_tracer(NO_SUV, RadionuclideTotalDose=None),
    ),
    "zero-half-life": Defect(
        "The PET says that its RadionuclideHalfLife (0018,1075) is 0.",
        Verdict.REFUSED,
        _PETS,
        edit=_tracer(NO_SUV, RadionuclideHalfLife="0"),
    ),
    "nac-only": Defect(
        "The study has no PET that is corrected for attenuation.",
        Verdict.REFUSED,
        ("pet-nac",),
        drops=("pet", "pet-second"),
        elsewhere={"pet-nac": NO_SUV},
    ),
    "late-phase": Defect(
        "A second PET of the study was taken an hour and a half later.", Verdict.ACCEPTED, _PETS, edit=_with_late_phase
    ),
    "spect-as-pt": Defect(
        "A SPECT lies beside the PET and calls itself PET.", Verdict.REFUSED, _PETS, edit=_with_spect
    ),
    **{
        name: Defect(sentence, Verdict.ACCEPTED, _PETS, alters=_written(name, changes))
        for name, (sentence, changes) in WRITINGS.items()
    },
}
