"""Sidecar JSON beside each image of ``data/``: names of BIDS and BIDS-PET where they exist, plus the receipt.

Below the PHI wall: no date, no clock time, no source UID. Times are seconds relative to ``TimeZero``, the injection.
"""

from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal

from umd_curate.model.findings import Finding
from umd_curate.model.receipts import Json


class Document(BaseModel):
    """A JSON file of the product; keys in PascalCase, unknown keys are errors."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_pascal, populate_by_name=True
    )


class FindingEntry(Document):
    """A finding as it is published."""

    code: str
    severity: str
    detail: str = ""
    measured: float | None = None
    limit: float | None = None

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """The finding without its place, which the file's name tells."""
        return cls(
            code=finding.code,
            severity=finding.severity,
            detail=finding.detail,
            measured=finding.measured,
            limit=finding.limit,
        )


class GeometryReceipt(Document):
    """The written file read back and compared with the DICOM geometry."""

    max_corner_error_mm: float = Field(description="Largest distance of corners and centre from the DICOM's [mm].")
    tolerance_mm: float
    n_slices: int
    max_slice_jitter_mm: float = Field(description="Largest distance of a slice from its place on the even grid [mm].")
    tilt_deg: float = Field(
        0.0, description="Gantry tilt [degrees]; where it is not 0 each slice was shifted back within its plane."
    )
    interpolated_slices: tuple[int, ...] = Field(
        (), description="Slices k, counted from 0, that no source image shows: linear between their neighbours."
    )
    copies_dropped: int = Field(0, description="Source images left out: place and pixels equal another's.")
    published_corner_error_mm: float | None = Field(
        None, description="The same for the file in data/ against the staged one [mm]; null: not published yet."
    )
    published_voxels_changed: int | None = Field(
        None,
        description="Voxels of the file in data/, read back, that differ from the staged one; all lie in the face.",
    )


class DefacingReceipt(Document):
    """What was done about the face."""

    state: Literal["defaced", "no-head", "retained"]
    method: str = ""
    voxels_changed: int = 0
    reason: str = ""


class BurnedInReceipt(Document):
    """What a person decided about text in the pixels."""

    verdict: Literal["clean", "redact"] = Field(description="clean: no identifying text; redact: a region was cleared.")
    voxels_cleared: int = Field(0, description="Voxels of the region that was cleared.")
    reason: str


class SourceReceipt(Document):
    """Where the image comes from, without naming it."""

    series: str = Field(description="Keyed short id of the source series; `umd-curate reveal` shows it on site.")
    n_files: int
    sha256: str = Field(description="Of the source files' SHA-256 digests in slice order.")


class FrameChoice(Document):
    """Which frames of a multi-frame object the image shows."""

    n_frames: int = Field(description="Frames of the source objects.")
    n_used: int
    told_apart_by: tuple[str, ...] = Field((), description="Tags of what differs between the volumes of one place.")
    rule: str = Field("", description="What chose the volume; empty: there is one.")


class FrameEntry(Document):
    """One time frame, gate or phase of a source that has several."""

    start: float | None = Field(None, description="Start after `time_zero` of the table [s]; null: not in the header.")
    duration: float | None = Field(None, description="[s]; null: not in the header.")
    weight: float = Field(description="Part of the mean that this frame makes up, on its first slice.")


class FramesReceipt(Document):
    """How a static image was made of time frames, gates or phases."""

    kind: Literal["dynamic", "gated"]
    rule: str = Field(description="How the frames were averaged.")
    time_zero: Literal["injection", "first frame"]
    frames: tuple[FrameEntry, ...]


class StationEntry(Document):
    """One station of a composed image, in order along the axis on which the stations follow each other."""

    first: int = Field(description="Index of the composed image, along its axis `along`, at which the station begins.")
    count: int = Field(description="Number of slices or rows along that axis.")
    gain: float = Field(description="Factor by which the station's values were multiplied.")
    overlap: int = Field(0, description="Slices or rows that it shares with the station before it.")
    shift_steps: float = Field(0.0, description="Shift against the common grid, as part of a step.")
    resampled: bool = False
    seam_step: float | None = Field(None, description="Largest step at the seam before it, as part of the local mean.")


class StationsReceipt(Document):
    """How an image was composed of stations."""

    along: Literal["k", "j", "i"] = Field(description="Axis on which they follow each other; k: slices, j: rows.")
    gains: Literal["median ratio in the overlap, geometric mean 1", "none: the values are absolute"]
    blend: Literal["raised cosine over the overlap"] = "raised cosine over the overlap"
    stations: tuple[StationEntry, ...]


class PhilipsScale(Document):
    """Scaling of a Philips MR: precise = displayed / (rescale slope x scale slope)."""

    scale_slope: float = Field(description="(2005,100E)")
    scale_intercept: float | None = Field(None, description="(2005,100D)")
    precise_factor: float = Field(description="Precise value of one displayed unit.")


class ImageSidecar(Document):
    """What every image has."""

    schema_version: Literal["1.0"] = "1.0"
    modality: Literal["CT", "MR", "PT"]
    manufacturer: str | None = None
    manufacturers_model_name: str | None = None
    software_versions: str | None = None
    image_type: tuple[str, ...] = ()
    sex: str | None = Field(None, description="(0010,0040): F, M or O.")
    age_years: int | None = Field(None, description="Whole years at the scan; 90 stands for 90 and more.")
    units: str = Field(description="HU, arbitrary, SUVbw (g/mL) or Bq/mL.")
    value_rule: str = Field(
        "", description="How stored numbers became values: rescaled, displayed (Philips), stored, SUVbw, activity."
    )
    lossy_image_compression: bool = Field(
        default=False, description="(0028,2110) or the transfer syntax says that the pixels were compressed with loss."
    )
    philips_scale: PhilipsScale | None = None
    multi_frame: FrameChoice | None = None
    averaged: FramesReceipt | None = Field(None, description="Static image of a dynamic or gated source.")
    composed: StationsReceipt | None = Field(None, description="Image of several stations.")
    slice_thickness: float | None = Field(None, description="[mm]")
    convolution_kernel: str | None = None
    contrast: bool | None = None
    kvp: float | None = Field(None, alias="KVP", description="Tube voltage [kV].")
    magnetic_field_strength: float | None = Field(None, description="[T]")
    repetition_time: float | None = Field(None, description="[s]")
    echo_time: float | None = Field(None, description="[s]")
    dixon_channel: str | None = None
    voxel_sha256: str = Field("", description="Of dtype, shape, affine and the C-order voxel bytes.")
    geometry: GeometryReceipt | None = None
    defacing: DefacingReceipt | None = None
    burned_in: BurnedInReceipt | None = Field(
        None, description="Decision about text in the pixels; null: none was needed."
    )
    source: SourceReceipt | None = None
    converter: str = ""
    findings: tuple[FindingEntry, ...] = ()


class SuvStep(Document):
    """An intermediate value of the SUV's derivation."""

    name: str
    value: float
    unit: str = Field("", description="Of the value; empty for a plain number.")
    rule: str = Field("", description="Formula or clause that gave it.")
    tags: tuple[str, ...] = Field((), description="DICOM tags that went in.")


class SuvTypeEntry(Document):
    """A further type of SUV: the image is SUVbw times the ratio."""

    ratio: float = Field(description="To SUVbw, one number per scan.")
    unit: str = Field(description="Of the image: g/mL or cm2/mL.")
    normaliser: float = Field(description="Mass or surface that stands in for the body weight.")
    normaliser_unit: Literal["kg", "cm2"]
    formula: str = Field(description="Formula of the normaliser; W in kg, H in cm, men first.")


class SuvReceipt(Document):
    """How the SUV was derived; enough to compute it again."""

    type: Literal["SUVbw"] = "SUVbw"
    rule: str = Field(description="Clause that was used, such as BQML/START/SeriesTime.")
    factor_min: float = Field(description="Least SUV per stored physical unit over the slices [g/mL per (Bq/mL)].")
    factor_max: float
    slice_factors: tuple[float, ...] | None = Field(
        None, description="Factor of each slice in ascending k, where they differ; null: all are FactorMin."
    )
    decay_reference_time: float | None = Field(
        None, description="Seconds after injection to which the pixels are corrected [s]; null: stored as SUV."
    )
    decay_factor: float | None = Field(
        None, description="Activity left at the reference time, as part of the injected; null: stored as SUV."
    )
    inputs: dict[str, Json] = Field(
        description="Every input with its tag, value and unit, and its source where that is not the header; no date, no clock time."
    )
    steps: tuple[SuvStep, ...] = Field(
        (), description="Intermediate values in their order, of the slice with the least k."
    )
    types: dict[str, SuvTypeEntry] = Field(
        default_factory=dict, description="Further types that convert.suv_types asks for, such as SUL-janma."
    )


class PetSidecar(ImageSidecar):
    """PET: SUVbw, or Bq/mL with ``Suv: null`` where SUV is refused but the image is sound."""

    tracer_name: str | None = None
    tracer_radionuclide: str | None = None
    radionuclide_half_life: float | None = Field(None, description="[s]")
    injected_radioactivity: float | None = Field(None, description="At injection [MBq].")
    injected_radioactivity_units: Literal["MBq"] = "MBq"
    body_weight: float | None = Field(None, description="[kg]")
    body_height: float | None = Field(None, description="[m]")
    time_zero: Literal["injection", "first frame"] = "injection"
    injection_start: float = 0.0
    scan_start: float | None = Field(None, description="Start of the scan after injection [s].")
    frame_duration: float | tuple[float, ...] | None = Field(
        None, description="Of one bed position [s]; of a 4D image: of each frame."
    )
    frame_times_start: tuple[float, ...] | None = Field(
        None, description="Of a 4D image: start of each frame after `TimeZero` [s]."
    )
    image_decay_corrected: bool | None = None
    image_decay_correction_time: float | None = Field(
        None,
        description="Time to which the pixels are corrected, after injection [s]; null: stored as SUV, or unknown.",
    )
    decay_correction: str | None = None
    attenuation_correction: bool | None = None
    corrections: tuple[str, ...] = ()
    recon_method_name: str | None = None
    suv: SuvReceipt | None = None


class LabelSidecar(Document):
    """Provenance of a label map."""

    schema_version: Literal["1.0"] = "1.0"
    engine: str
    engine_version: str
    method: str = Field(description="site-contours, propagated, model, consensus.")
    reference: str = Field(
        description="Image on which the labels were drawn: ct or mr, with its session where that is another one: petct1/ct."
    )
    transform: str = Field(
        "", description="identity, or the transforms' files, composed as ITK does: the last one acts first."
    )
    interpolation: str = ""
    labels: dict[str, int] = Field(description="Organ name to id, organs present only.")
    approximate: tuple[str, ...] = Field(
        (), description="Organs that move or fill between the scans; between sessions all of them."
    )
    voxel_sha256: str = ""
    inputs: dict[str, str] = Field(default_factory=dict, description="Role of each input and its SHA-256.")
    versions: dict[str, str] = Field(default_factory=dict, description="Of the programs that drew, by name.")
    weights: dict[str, str] = Field(default_factory=dict, description="SHA-256 of each file of weights, by name.")
    options: dict[str, str] = Field(default_factory=dict, description="What the engine was asked for.")
    agreement: dict[str, float] = Field(
        default_factory=dict, description="Least Dice of any two engines by organ, where several drew."
    )
    tidied: dict[str, dict[str, int]] = Field(
        default_factory=dict,
        description="Voxels that tidying changed, by rule and organ; the engine's own output lies beside.",
    )
    findings: tuple[FindingEntry, ...] = ()


class ResampledSidecar(Document):
    """An image on the grid of another one of the same scan."""

    schema_version: Literal["1.0"] = "1.0"
    reference: Literal["pet", "ct", "mr"] = Field("pet", description="Role of the image whose grid this one has.")
    moving: Literal["ct", "mr", "pet"] = Field(description="Role of the image that was resampled.")
    moving_session: str = Field("", description="Session of the moving image, where it is another one.")
    transform: str = Field("identity", description="identity, or the file of the transform.")
    interpolation: str = Field(description="How a voxel's value comes from the moving image.")
    units: str = Field(description="HU, arbitrary, SUVbw (g/mL) or Bq/mL.")
    fill: float = Field(description="Value outside the field of view of the moving image, in its units.")
    overlap_part: float = Field(description="Part of the reference grid inside the moving image, 0 to 1.")
    overlap_ml: float = Field(description="The same as a volume [mL].")
    mean_moving: float = Field(description="Mean of the moving image inside the reference grid, in its units.")
    mean_resampled: float = Field(description="Mean of this image over the covered voxels, in its units.")
    total_change: float | None = Field(
        None, description="PET: change of the sum of value times voxel volume in the common field of view, as a part."
    )
    voxel_sha256: str = Field(description="Of dtype, shape, affine and the C-order voxel bytes.")
    inputs: dict[str, str] = Field(description="Role of each input and its SHA-256.")
    findings: tuple[FindingEntry, ...] = ()
