"""Header rows of whole series without files."""

from dataclasses import replace
from typing import Any

from umd_curate.model.headers import FileKind, InstanceHeader
from umd_curate.model.ids import ShortId

SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "SEG": "1.2.840.10008.5.1.4.1.1.66.4",
}
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def short_id(kind: str, value: str) -> ShortId:
    return ShortId(f"{kind}-{value}")


def series(
    modality: str,
    name: str = "series",
    *,
    n: int = 20,
    z0: float = 0.0,
    step: float = 5.0,
    patient: str = "P",
    study: str = "study",
    frame: str | None = "frame",
    **fields: Any,
) -> list[InstanceHeader]:
    """Axial images of one series, 300 mm wide, by ascending z."""
    pet = {"corrected_image": ("NORM", "ATTN", "DECY"), "units": "BQML", "series_type": ("WHOLE BODY", "IMAGE")}
    common = {
        "size": 1000,
        "mtime_ns": 1,
        "kind": FileKind.DICOM,
        "sop_class_uid": SOP_CLASSES[modality],
        "study_uid": study,
        "series_uid": name,
        "frame_of_reference_uid": frame,
        "patient_id": patient,
        "modality": modality,
        "image_type": ("ORIGINAL", "PRIMARY", "AXIAL"),
        "study_date": "20200101",
        "rows": 100,
        "columns": 100,
        "pixel_spacing_mm": (3.0, 3.0),
        "orientation": AXIAL,
        "slice_thickness_mm": step,
        "series_number": 1,
    }
    values = {**common, **(pet if modality == "PT" else {}), **fields}
    return [
        InstanceHeader(
            path=f"/raw/{patient}/{study}/{name}/{k:04d}",
            header_sha256=f"{patient}{study}{name}{k}",
            sop_instance_uid=f"{patient}.{study}.{name}.{k:04d}",
            position_mm=(-150.0, -150.0, z0 + k * step),
            instance_number=k + 1,
            **values,
        )
        for k in range(n)
    ]


def contours(name: str, of: str, **fields: Any) -> InstanceHeader:
    """One DICOM SEG."""
    return replace(
        series("SEG", name, n=1, **fields)[0], number_of_frames=30, referenced_series_uids=(of,), position_mm=()
    )
