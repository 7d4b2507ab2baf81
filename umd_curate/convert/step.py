"""The story of a conversion: one pass over the slices of a volume, a staged NIfTI with its sidecar, a receipt.

The pixel path hands over datasets that are de-identified and in slice order. Values are decided in `values_io.py`, places in
`geometry.py`; here they meet, and the written file is read back before anyone may use it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pydicom

from umd_curate import __version__
from umd_curate.convert.geometry import StackGeometry, check_slice, verify_grid
from umd_curate.convert.io import Plane, PlaneWriter, planes_of
from umd_curate.convert.values_io import Values, values_of
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.receipts import Artifact, Json, What
from umd_curate.model.sidecars import SourceReceipt
from umd_curate.model.study import Role, VolumeOrder
from umd_curate.store.files import artifact, write_json
from umd_curate.store.nifti import read_grid

CONVERTER: Final = f"umd-curate {__version__}"
STAGED: Final = {Role.PET: What.STAGED_PET, Role.CT: What.STAGED_CT, Role.MR: What.STAGED_MR}


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of one volume: files (image first, then sidecar), findings, measurements, versions."""

    artifacts: tuple[Artifact, ...]
    findings: tuple[Finding, ...]
    measured: Mapping[str, Json] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


def convert_series(
    datasets: Iterable[pydicom.Dataset],
    order: VolumeOrder,
    folder: Path,
    relative: str,
    geometry: StackGeometry | None,
    *,
    source: Callable[[], SourceReceipt] | None = None,
) -> Converted:
    """Write a PET, CT or MR volume as ``<stem>_<role>.nii`` with its sidecar, slice by slice.

    Parameters
    ----------
    datasets
        De-identified, in slice order; read one at a time. A multi-frame object comes alone.
    order
        Names the session, the role and the series' short id.
    folder, relative
        Where the files go: absolute, and relative to the workspace for the receipt.
    geometry
        `stack_geometry` of the index's headers in the same order; None for a multi-frame object.
    source
        Asked once, after the last dataset, for what the sidecar says of the source files.

    Raises
    ------
    Refused
        The volume cannot be converted rightly; nothing is left in `folder`.
    """
    geometry, planes = planes_of(datasets, geometry, order.series)
    values = values_of(order.role, order.series)
    name = f"sub-{order.subject}_ses-{order.session}_{order.role}"
    path = folder / f"{name}.nii"
    with PlaneWriter(path, geometry.grid(), try_int16=values.try_int16) as writer:
        first, jitter_mm = _stream(planes, geometry, values, writer, order.series)
    try:
        placed = verify_grid(read_grid(path), geometry, jitter_mm, order.series)
    except Refused:
        path.unlink()
        raise
    findings = [*geometry.findings, *values.findings(), *_constant(writer, order.series)]
    written = {
        "voxel_sha256": writer.voxel_sha256,
        "geometry": placed,
        "source": source() if source else None,
        "converter": CONVERTER,
    }
    sidecar = values.sidecar(first.attributes, order.label, written, findings)
    write_json(folder / f"{name}.json", sidecar.model_dump(mode="json", by_alias=True))
    what = STAGED[order.role]
    return Converted(
        artifacts=(
            Artifact(what, f"{relative}/{name}.nii", writer.sha256, writer.size),
            artifact(f"{what}.json", f"{relative}/{name}.json", folder / f"{name}.json"),
        ),
        findings=tuple(findings),
        measured={
            "n_slices": placed.n_slices,
            "dtype": writer.dtype,
            "value_min": writer.value_min,
            "value_max": writer.value_max,
            "max_corner_error_mm": placed.max_corner_error_mm,
            "max_slice_jitter_mm": placed.max_slice_jitter_mm,
            **values.measured(),
        },
        versions=versions(),
    )


def versions() -> dict[str, str]:
    """What ran, for receipts."""
    return {"umd-curate": __version__, "pydicom": pydicom.__version__, "numpy": np.__version__}


def _stream(
    planes: Iterable[Plane], geometry: StackGeometry, values: Values, writer: PlaneWriter, place: str
) -> tuple[Plane, float]:
    """Write every plane; return the first and the largest distance [mm] of a slice from the even grid."""
    first: Plane | None = None
    jitter_mm = 0.0
    for k, plane in enumerate(planes):
        if k >= geometry.n_slices:
            raise Refused(codes.SLICE_COUNT.at(place, "slices", measured=k + 1, limit=geometry.n_slices))
        jitter_mm = max(jitter_mm, check_slice(geometry, k, plane.slice_place, place))
        rescale = values.rescale(plane.attributes)
        writer.write(values.image_ji(plane.stored_ji(), plane.attributes, rescale), rescale)
        first = first or plane
    if first is None or writer.n_written != geometry.n_slices:
        raise Refused(codes.SLICE_COUNT.at(place, "slices", measured=writer.n_written, limit=geometry.n_slices))
    return first, jitter_mm


def _constant(writer: PlaneWriter, place: str) -> list[Finding]:
    return [codes.CONSTANT.at(place, "all voxels equal")] if writer.value_min == writer.value_max else []
