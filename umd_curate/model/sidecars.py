"""Sidecar JSON beside each image of ``data/``: names of BIDS and BIDS-PET where they exist, plus the receipt.

Below the PHI wall: no date, no clock time, no source UID. Times are seconds relative to ``TimeZero``, the injection.
"""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal

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


class GeometryReceipt(Document):
    """The written file read back and compared with the DICOM geometry."""

    max_corner_error_mm: float = Field(description="Largest distance of corners and centre from the DICOM's [mm].")
    tolerance_mm: float
    n_slices: int
    max_slice_jitter_mm: float = Field(description="Largest distance of a slice from its place on the even grid [mm].")


class DefacingReceipt(Document):
    """What was done about the face."""

    state: Literal["defaced", "no-head", "retained"]
    method: str = ""
    voxels_changed: int = 0
    reason: str = ""


class SourceReceipt(Document):
    """Where the image comes from, without naming it."""

    series: str = Field(description="Keyed short id of the source series; `umd-curate reveal` shows it on site.")
    n_files: int
    sha256: str = Field(description="Of the source files' SHA-256 digests in slice order.")


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
    source: SourceReceipt | None = None
    converter: str = ""
    findings: tuple[FindingEntry, ...] = ()


class SuvReceipt(Document):
    """How the SUV was derived; enough to compute it again."""

    type: Literal["SUVbw"] = "SUVbw"
    rule: str = Field(description="Clause that was used, such as BQML/START/SeriesTime.")
    factor_min: float = Field(description="Least SUV per stored physical unit over the slices [g/mL per (Bq/mL)].")
    factor_max: float
    decay_reference_time: float = Field(description="Seconds after injection to which the pixels are corrected [s].")
    decay_factor: float = Field(description="Activity left at the reference time, as part of the injected.")
    inputs: dict[str, Json] = Field(description="Every input with its tag, value and unit; no date, no clock time.")


class PetSidecar(ImageSidecar):
    """PET: SUVbw, or Bq/mL with ``Suv: null`` where SUV is refused but the image is sound."""

    tracer_name: str | None = None
    tracer_radionuclide: str | None = None
    radionuclide_half_life: float | None = Field(None, description="[s]")
    injected_radioactivity: float | None = Field(None, description="At injection [MBq].")
    injected_radioactivity_units: Literal["MBq"] = "MBq"
    body_weight: float | None = Field(None, description="[kg]")
    body_height: float | None = Field(None, description="[m]")
    time_zero: Literal["injection"] = "injection"
    injection_start: float = 0.0
    scan_start: float | None = Field(None, description="Start of the scan after injection [s].")
    frame_duration: float | None = Field(None, description="Of one bed position [s].")
    image_decay_corrected: bool | None = None
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
    method: str = Field(description="site-contours, propagated, model.")
    reference: str = Field(description="Role of the image on which the labels were drawn: ct or mr.")
    transform: str = Field("", description="identity, or the transform's file.")
    interpolation: str = ""
    labels: dict[str, int] = Field(description="Organ name to id, organs present only.")
    approximate: tuple[str, ...] = Field((), description="Organs that move or fill between the scans.")
    voxel_sha256: str = ""
    inputs: dict[str, str] = Field(default_factory=dict, description="Role of each input and its SHA-256.")
    findings: tuple[FindingEntry, ...] = ()
