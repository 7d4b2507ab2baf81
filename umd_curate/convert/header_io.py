"""Typed values out of a pydicom dataset: single-frame, or one frame of a multi-frame object.

Decides where an element is looked for (frame, shared groups, top level) and which private block is a maker's; an element
that is missing, empty or unreadable is None. What values mean is left to the pure files.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from umd_curate.convert.enhanced_pet import CORRECTIONS, EnhancedFrame, RealWorldScale, as_single_frame
from umd_curate.convert.geometry import SlicePlace
from umd_curate.model.pet import PetHeader
from umd_curate.store.dicom import READ_FAULTS, tag_of, value_of

# Functional group macros (PS3.3 C.7.6.16.2) that hold what we need; legacy-converted objects keep the rest apart.
MACROS: Final = (
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "PixelMeasuresSequence",
    "PixelValueTransformationSequence",
    "SegmentIdentificationSequence",
    "FrameContentSequence",
    "MRTimingAndRelatedParametersSequence",
    "MREchoSequence",
    "MRDiffusionSequence",
    "MRImageFrameTypeSequence",
    "CTImageFrameTypeSequence",
    "PETFrameTypeSequence",
    "CardiacSynchronizationSequence",
    "RespiratorySynchronizationSequence",
    "CTXRayDetailsSequence",
    "CTReconstructionSequence",
    "UnassignedPerFrameConvertedAttributesSequence",
    "UnassignedSharedConvertedAttributesSequence",
)
ENHANCED_PET: Final = "1.2.840.10008.5.1.4.1.1.130"
GE_PET: Final = "GEMS_PETD_01"
SIEMENS_PET: Final = "SIEMENS MED PT"
PHILIPS_PET: Final = "Philips PET Private Group"
_UNKNOWN: Final = object()  # an element that was not looked for yet


class Attributes:
    """Reads elements of a dataset by keyword; for a frame, of its functional groups first, then of the shared ones."""

    def __init__(self, dataset: Dataset, frame: int | None = None) -> None:
        self.dataset = dataset
        self.frame = frame
        self._known: dict[str, Any] = {}
        self._groups = [] if frame is None else _groups(dataset, frame)
        self._layers = [*_macro_items(self._groups), dataset]

    @property
    def top(self) -> "Attributes":
        """Those of the whole object, where this is a frame of it."""
        return self if self.frame is None else Attributes(self.dataset)

    def value(self, keyword: str) -> Any:  # noqa: ANN401  (a DICOM value is of any type)
        """Value of the first non-empty element of that keyword; None where there is none or it cannot be read."""
        found = self._known.get(keyword, _UNKNOWN)
        if found is not _UNKNOWN:
            return found
        found = None
        for layer in self._layers:
            found = _value(layer, keyword)
            if found is not None:
                break
        self._known[keyword] = found
        return found

    def text(self, keyword: str) -> str | None:
        """Value as text without padding; several values are joined by a blank."""
        return _text(self.value(keyword))

    def nearest(self, *keywords: str) -> str:
        """Of elements that mean the same, the keyword of the one nearest to the frame; of equally near ones the first."""
        groups = (*self._groups, self.dataset)
        layers = [[group, *_macro_items([group])] for group in groups]
        found = (
            keyword
            for layer in layers
            for keyword in keywords
            if any(_value(dataset, keyword) is not None for dataset in layer)
        )
        return next(found, keywords[0])

    def code(self, keyword: str) -> str | None:
        """Value as text in upper case, for CS elements."""
        text = self.text(keyword)
        return text.upper() if text else None

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Values as texts."""
        value = self.value(keyword)
        if value is None:
            return ()
        values = value if not isinstance(value, str | bytes) and isinstance(value, Sequence) else [value]
        return tuple(text for text in (_text(entry) for entry in values) if text)

    def number(self, keyword: str) -> float | None:
        """Value as a finite number."""
        return _number(self.value(keyword))

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Values as finite numbers; empty where one of them is none."""
        value = self.value(keyword)
        if value is None or isinstance(value, str | bytes):
            return ()
        values = list(value) if isinstance(value, Sequence) else [value]
        numbers = [_number(entry) for entry in values]
        return tuple(number for number in numbers if number is not None) if None not in numbers else ()

    def integer(self, keyword: str) -> int | None:
        """Value as an integer."""
        number = self.number(keyword)
        return int(number) if number is not None and number.is_integer() else None

    def items(self, keyword: str) -> list["Attributes"]:
        """Items of a sequence."""
        value = self.value(keyword)
        return [Attributes(item) for item in value if isinstance(item, Dataset)] if isinstance(value, Sequence) else []

    def macro(self, keyword: str) -> list["Attributes"]:
        """Items of a functional group macro that may have several: of the frame, else shared, else of the dataset itself."""
        for group in (*self._groups, self.dataset):
            items = _value(group, keyword)
            if isinstance(items, Sequence):
                return [Attributes(item) for item in items if isinstance(item, Dataset)]
        return []

    def private(self, group: int, creator: str, element: int) -> str | None:
        """Private element as text: in the block that the creator has reserved (PS3.5 7.8.1).

        Where a previous export has dropped all creators of the group, the block is taken to be the first. A converted
        object (PS3.3 C.7.6.16.2.25) keeps private elements among the unassigned ones.
        """
        found = (_text(private_value(layer, group, creator, element)) for layer in self._layers)
        return next((text for text in found if text), None)


def pet_header(dataset: Dataset, frame: int | None = None) -> PetHeader:
    """SUV inputs of a PET slice, or of one frame (counted from 0) of a multi-frame PET.

    Never raises: what is missing or unreadable is None.
    """
    return pet_header_of(Attributes(dataset, frame))


def pet_header_of(attributes: Attributes) -> PetHeader:
    """SUV inputs from attributes at hand; of an enhanced PET as the elements of a single-frame one (`enhanced_pet.py`)."""
    header = _plain_header(attributes)
    return header if attributes.frame is None else as_single_frame(header, _enhanced_frame(attributes))


def pet_headers(dataset: Dataset) -> list[PetHeader]:
    """SUV inputs of every frame of a PET; one for a single-frame object."""
    n_frames = Attributes(dataset).integer("NumberOfFrames") or 1
    frames = [None] if n_frames == 1 and not is_multi_frame(dataset) else range(n_frames)
    return [pet_header(dataset, frame) for frame in frames]


def is_multi_frame(dataset: Dataset) -> bool:
    """Say whether the object has functional groups per frame, even if there is one frame only."""
    return _value(dataset, "PerFrameFunctionalGroupsSequence") is not None


def _enhanced_frame(attributes: Attributes) -> EnhancedFrame:
    scales = []
    for mapping in attributes.macro("RealWorldValueMappingSequence"):
        unit = next(iter(mapping.items("MeasurementUnitsCodeSequence")), None)
        scales.append(
            RealWorldScale(
                (unit.text("CodeValue") if unit else None) or "",
                mapping.number("RealWorldValueSlope"),
                mapping.number("RealWorldValueIntercept"),
                _first_number(mapping, "RealWorldValueFirstValueMapped", "DoubleFloatRealWorldValueFirstValueMapped"),
                _first_number(mapping, "RealWorldValueLastValueMapped", "DoubleFloatRealWorldValueLastValueMapped"),
            )
        )
    flags = {keyword: attributes.code(keyword) for keyword, _ in CORRECTIONS}
    time = attributes.nearest("AcquisitionTime", "FrameAcquisitionDateTime", "AcquisitionDateTime")
    duration = attributes.nearest("ActualFrameDuration", "FrameAcquisitionDuration")
    return EnhancedFrame(
        scales=scales,
        corrections={keyword: flag for keyword, flag in flags.items() if flag},
        acquired=None if time == "AcquisitionTime" else attributes.text(time),
        duration_ms=None if duration == "ActualFrameDuration" else attributes.number(duration),
    )


def _first_number(attributes: Attributes, *keywords: str) -> float | None:
    return next((number for keyword in keywords if (number := attributes.number(keyword)) is not None), None)


def _plain_header(attributes: Attributes) -> PetHeader:
    drugs = attributes.items("RadiopharmaceuticalInformationSequence")
    drug = drugs[0] if drugs else Attributes(Dataset())
    nuclide = next(iter(drug.items("RadionuclideCodeSequence")), Attributes(Dataset()))
    return PetHeader(
        units=attributes.code("Units"),
        suv_type=attributes.code("SUVType"),
        rescale_slope=attributes.number("RescaleSlope"),
        rescale_intercept=attributes.number("RescaleIntercept"),
        corrected_image=tuple(text.upper() for text in attributes.texts("CorrectedImage")),
        decay_correction=attributes.code("DecayCorrection"),
        weight=attributes.number("PatientWeight"),
        size=attributes.number("PatientSize"),
        sex=attributes.code("PatientSex"),
        radiopharmaceuticals=len(drugs),
        total_dose=drug.number("RadionuclideTotalDose"),
        dose_is_mbq=attributes.text("SOPClassUID") == ENHANCED_PET,
        half_life_s=drug.number("RadionuclideHalfLife"),
        radionuclide_code=nuclide.text("CodeValue"),
        radionuclide_name=nuclide.text("CodeMeaning"),
        injection_time=drug.text("RadiopharmaceuticalStartTime"),
        injection_datetime=drug.text("RadiopharmaceuticalStartDateTime"),
        series_date=attributes.text("SeriesDate"),
        series_time=attributes.text("SeriesTime"),
        acquisition_date=attributes.text("AcquisitionDate"),
        acquisition_time=attributes.text("AcquisitionTime"),
        acquisition_datetime=attributes.text("AcquisitionDateTime"),
        utc_offset=attributes.text("TimezoneOffsetFromUTC"),
        frame_reference_time_ms=attributes.number("FrameReferenceTime"),
        frame_duration_ms=attributes.number("ActualFrameDuration"),
        decay_correction_datetime=attributes.text("DecayCorrectionDateTime"),
        ge_scan_datetime=attributes.private(0x0009, GE_PET, 0x0D),
        ge_injection_datetime=attributes.private(0x0009, GE_PET, 0x3B),
        siemens_decay_datetime=attributes.private(0x0071, SIEMENS_PET, 0x22),
        philips_suv_factor=_number(attributes.private(0x7053, PHILIPS_PET, 0x00)),
        philips_activity_factor=_number(attributes.private(0x7053, PHILIPS_PET, 0x09)),
    )


def slice_place(attributes: Attributes) -> SlicePlace:
    """Place of a slice or frame."""
    return SlicePlace(
        rows=attributes.integer("Rows"),
        columns=attributes.integer("Columns"),
        position_mm=attributes.numbers("ImagePositionPatient"),
        orientation=attributes.numbers("ImageOrientationPatient"),
        pixel_spacing_mm=attributes.numbers("PixelSpacing"),
        thickness_mm=attributes.number("SliceThickness"),
    )


def private_value(dataset: Dataset, group: int, creator: str, element: int) -> Any:  # noqa: ANN401  (pydicom's own types)
    """Value of a private element of one dataset; None where it or its creator is missing (see `Attributes.private`)."""
    creators = [tag for tag in dataset.keys() if tag.group == group and 0x10 <= tag.element <= 0xFF]  # noqa: SIM118
    owned = [tag.element for tag in creators if _text(_value(dataset, tag)) == creator]
    found = (
        _value(dataset, tag_of((group << 16) + (block << 8) + element)) for block in (owned if creators else [0x10])
    )
    return next((value for value in found if value is not None), None)


def _groups(dataset: Dataset, frame: int) -> list[Dataset]:
    """Functional groups of a frame, then the shared ones."""
    per_frame = _value(dataset, "PerFrameFunctionalGroupsSequence") or []
    shared = _value(dataset, "SharedFunctionalGroupsSequence") or []
    return [*([per_frame[frame]] if frame < len(per_frame) else []), *shared[:1]]


def _macro_items(groups: Sequence[Dataset]) -> Iterator[Dataset]:
    """Items of the wanted macros, in the order of the groups."""
    for group in groups:
        for macro in MACROS:
            items = _value(group, macro)
            if items:
                yield items[0]


def _value(dataset: Dataset, key: str | BaseTag) -> Any:  # noqa: ANN401  (pydicom's own types)
    try:
        value = value_of(dataset, tag_of(key))
    except READ_FAULTS:
        return None
    if value is None or (hasattr(value, "__len__") and len(value) == 0):
        return None
    return value


def _text(value: Any) -> str | None:  # noqa: ANN401  (a DICOM value is of any type)
    if value is None:
        return None
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    elif not isinstance(value, str) and isinstance(value, Sequence):
        value = " ".join(str(entry).strip() for entry in value)
    return str(value).strip("\0 \t\r\n") or None


def _number(value: Any) -> float | None:  # noqa: ANN401  (a DICOM value is of any type)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
