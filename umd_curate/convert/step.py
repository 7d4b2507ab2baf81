"""The story of a conversion: one pass over the slices of a volume, a staged NIfTI with its sidecar, a receipt.

The pixel path hands over datasets that are de-identified and in the order's order. `parts_io.py` takes them apart into stacks,
`values_io.py` says what their numbers mean, `write_io.py` puts them into one image; here it is read back before anyone may
use it, and described.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pydicom

from umd_curate import __version__
from umd_curate.convert.averaging import frames_sidecar, mean_sidecar
from umd_curate.convert.geometry import StackGeometry
from umd_curate.convert.header_io import pet_headers
from umd_curate.convert.parts_io import parts_of
from umd_curate.convert.pet_series import seen_whole
from umd_curate.convert.private_io import PrivateFacts
from umd_curate.convert.upright_io import set_upright
from umd_curate.convert.values_io import values_of
from umd_curate.convert.verify import verify_grid
from umd_curate.convert.write_io import Written, write_parts
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.pet import PetContext
from umd_curate.model.receipts import Artifact, Json, What
from umd_curate.model.resampled import background
from umd_curate.model.sidecars import GeometryReceipt, ImageSidecar, SourceReceipt
from umd_curate.model.stacks import STRICT, StackRules
from umd_curate.model.study import Layout, Role, VolumeOrder
from umd_curate.store.dicom import quiet
from umd_curate.store.files import artifact, write_json
from umd_curate.store.nifti import Written as File
from umd_curate.store.nifti import read_grid

CONVERTER: Final = f"umd-curate {__version__}"
FRAMES: Final = {  # role of the 4D image, and its name
    Layout.DYNAMIC: (What.STAGED_DYNAMIC_PET, What.DYNAMIC_PET),
    Layout.GATED: (What.STAGED_GATED_PET, What.GATED_PET),
}
STAGED: Final = {Role.PET: What.STAGED_PET, Role.CT: What.STAGED_CT, Role.MR: What.STAGED_MR}


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of one volume: files (image first, then sidecar), findings, measurements, versions."""

    artifacts: tuple[Artifact, ...]
    findings: tuple[Finding, ...]
    measured: Mapping[str, Json] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


@quiet()
def convert_series(
    datasets: Iterable[pydicom.Dataset],
    order: VolumeOrder,
    folder: Path,
    relative: str,
    geometry: StackGeometry | None,
    *,
    source: Callable[[], SourceReceipt] | None = None,
    private: Callable[[], PrivateFacts] | None = None,
    frames: Literal["static", "4d"] = "static",
    suv_types: Sequence[str] = (),
    rules: StackRules = STRICT,
) -> Converted:
    """Write a PET, CT or MR volume as ``<stem>_<role>.nii.gz`` with its sidecar.

    Parameters
    ----------
    datasets
        De-identified, in the order's order; read one at a time, multi-frame objects all at once.
    order
        Names the session, the role and the series' short id; its layout and groups say how the files lie.
    folder, relative
        Where the files go: absolute, and relative to the workspace for the receipt.
    geometry
        `stack_geometry` of the index's headers of a single stack; None where the index does not tell it.
    source
        Asked once, after the last dataset, for what the sidecar says of the source files.
    private
        Asked after each dataset of an MR for what its maker's private elements said before de-identification.
    frames
        Whether the frames of a dynamic or gated PET are kept as a 4D image beside their mean.
    suv_types
        Types of SUV whose ratio to SUVbw is wanted in a PET's sidecar.
    rules
        What may be done with frames that are not even; for a single stack `geometry` has settled it.

    Raises
    ------
    Refused
        The volume cannot be converted rightly; nothing is left in `folder`.
    """
    context = order.pet or PetContext()
    if order.role is Role.PET and order.layout is Layout.MULTI_FRAME:  # the index does not read the times of frames
        datasets = list(datasets)
        context = seen_whole(context, (header for dataset in datasets for header in pet_headers(dataset)))
    values = values_of(order.role, order.series, context, suv_types)
    parts = parts_of(datasets, order, geometry, private or PrivateFacts, rules)
    path = folder / f"{_name(order)}.nii.gz"
    extra = FRAMES.get(parts.layout) if frames == "4d" and order.role is Role.PET else None
    frames_path = folder / f"{_name(order, extra[1])}.nii.gz" if extra else None
    written = write_parts(parts, order, values, path, frames_path)
    try:
        placed = _verified(written, path, frames_path, order.series)
        sheared, image = None, written.writer.written
        if written.geometry.is_sheared:
            sheared = folder / f"{_name(order, f'desc-sheared_{order.role}')}.nii.gz"
            image = set_upright(path, sheared, background(order.role), order.series)
    except Refused:
        for left in (path, frames_path):
            if left is not None:
                left.unlink(missing_ok=True)
        raise
    findings = [*written.geometry.findings, *parts.findings, *written.findings, *values.findings()]
    findings += _pixel_findings(written, order.series)
    facts = {
        **written.fields,
        "voxel_sha256": image.voxel_sha256,
        "geometry": placed,
        "multi_frame": parts.choice,
        "source": source() if source else None,
        "converter": CONVERTER,
    }
    sidecar = mean_sidecar(values.sidecar(written.first.attributes, order.label, facts, findings))
    artifacts = _keep(STAGED[order.role], sidecar, path, relative, image)
    if extra and frames_path is not None and written.frames is not None:
        of_frames = frames_sidecar(sidecar, written.frames.voxel_sha256)
        artifacts += _keep(extra[0], of_frames, frames_path, relative, written.frames)
    if sheared is not None:
        artifacts += (artifact(f"{STAGED[order.role]}.sheared", f"{relative}/{sheared.name}", sheared),)
    return Converted(
        artifacts=artifacts,
        findings=tuple(findings),
        measured={
            "n_slices": placed.n_slices,
            "dtype": written.writer.dtype,
            "value_min": written.writer.value_min,
            "value_max": written.writer.value_max,
            "max_corner_error_mm": placed.max_corner_error_mm,
            "max_slice_jitter_mm": placed.max_slice_jitter_mm,
            "is_as_acquired": parts.layout is Layout.STACK
            and not (written.geometry.levels or written.geometry.is_sheared),
            "layout": parts.layout.value,
            "n_parts": parts.count,
            **values.measured(),
        },
        versions=versions(),
    )


def versions() -> dict[str, str]:
    """What ran, for receipts."""
    return {"umd-curate": __version__, "pydicom": pydicom.__version__, "numpy": np.__version__}


def _name(order: VolumeOrder, role: str = "") -> str:
    return f"sub-{order.subject}_ses-{order.session}_{role or order.role}"


def _verified(written: Written, path: Path, frames_path: Path | None, place: str) -> GeometryReceipt:
    """Receipt of the written files, read back."""
    placed = verify_grid(read_grid(path), written.geometry, written.jitter_mm, place)
    if frames_path is not None:
        if written.geometry.is_sheared:
            raise Refused(codes.SHEARED.at(place, "frames of a sheared stack are kept as their mean only"))
        verify_grid(read_grid(frames_path), written.geometry, written.jitter_mm, place)
    return placed


def _keep(what: What, sidecar: ImageSidecar, path: Path, relative: str, image: File) -> tuple[Artifact, ...]:
    """Write the sidecar beside its image; both as artifacts."""
    text = path.with_name(path.name.replace(".nii.gz", ".json"))
    write_json(text, sidecar.model_dump(mode="json", by_alias=True))
    return (
        Artifact(what, f"{relative}/{path.name}", image.sha256, image.size),
        artifact(f"{what}.json", f"{relative}/{text.name}", text),
    )


def _pixel_findings(written: Written, place: str) -> list[Finding]:
    found = []
    if written.writer.value_min == written.writer.value_max:
        found.append(codes.CONSTANT.at(place, "all voxels equal"))
    if written.fields["lossy_image_compression"]:
        found.append(codes.LOSSY.at(place, "(0028,2110) LossyImageCompression or (0002,0010) TransferSyntaxUID"))
    return found
