"""A small body of ellipsoids for the qa tests: CT, PET and organ labels on any grid, and a workspace that holds them."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from umd_curate.model.geometry import Grid, Volume, apply_affine
from umd_curate.model.receipts import Artifact, Receipt, State, What
from umd_curate.model.sidecars import (
    DefacingReceipt,
    GeometryReceipt,
    ImageSidecar,
    LabelSidecar,
    PetSidecar,
    SourceReceipt,
    SuvReceipt,
)
from umd_curate.model.steps import SessionFiles
from umd_curate.store.files import artifact, write_json
from umd_curate.store.nifti import write_volume
from umd_curate.store.resources import organ_table

# name, centres in RAS+ mm, semi-axes in mm, HU, SUV
ORGANS = [
    ("lung", [(80, 0, 120), (-80, 0, 120)], (60, 80, 120), -800, 0.4),
    ("heart", [(-25, 25, 90)], (50, 50, 50), 45, 2.5),
    ("liver", [(85, 15, -25)], (75, 75, 65), 60, 2.2),
    ("stomach", [(-50, 10, -30)], (45, 45, 45), 20, 1.2),
    ("spleen", [(-105, -45, -15)], (30, 40, 45), 50, 1.8),
    ("pancreas", [(-5, 20, -85)], (55, 15, 14), 40, 1.4),
    ("kidney_left", [(-65, -55, -110)], (28, 28, 52), 35, 3.0),
    ("kidney_right", [(65, -55, -110)], (28, 28, 52), 35, 3.0),
    ("colon", [(0, 30, -190)], (120, 25, 22), 10, 1.0),
    ("urinary_bladder", [(0, 20, -330)], (40, 35, 35), 5, 20.0),
    ("aorta", [(-12, -45, 40)], (12, 12, 170), 40, 1.6),
    ("esophagus", [(4, -30, 105)], (9, 9, 125), 35, 1.5),
    ("brain", [(0, 10, 430)], (62, 78, 62), 35, 7.0),
]


def grid(spacing_mm: float, bottom_mm: float = -420.0, top_mm: float = 540.0) -> Grid:
    """A grid in DICOM's usual order: columns to the patient's left, rows to the back, slices upwards."""
    n_xy, n_z = round(480 / spacing_mm), round((top_mm - bottom_mm) / spacing_mm)
    affine = np.diag([-spacing_mm, -spacing_mm, spacing_mm, 1.0])
    affine[:3, 3] = (240 - spacing_mm / 2, 240 - spacing_mm / 2, bottom_mm + spacing_mm / 2)
    return Grid((n_z, n_xy, n_xy), affine)


def render(on: Grid, *, seed: int = 1) -> tuple[Volume, Volume, Volume]:
    """CT [HU], PET [SUV] and organ labels on a grid."""
    kji = np.indices(on.shape_kji).reshape(3, -1)
    x, y, z = apply_affine(on.affine, kji[::-1].T).T.reshape(3, *on.shape_kji)
    noise = np.random.default_rng(seed).normal(size=on.shape_kji)
    torso = ((x / 175) ** 2 + (y / 115) ** 2 < 1) & (z < 255)
    neck = (x**2 + (y - 5) ** 2 < 62**2) & (z >= 255) & (z < 370)
    head = (x / 78) ** 2 + ((y - 10) / 98) ** 2 + ((z - 415) / 110) ** 2 < 1
    ct = np.where(torso | neck | head, 10.0, -1000.0)
    ct[torso & ((x / 165) ** 2 + (y / 104) ** 2 > 1)] = -100.0
    skull = head & ((x / 70) ** 2 + ((y - 10) / 90) ** 2 + ((z - 415) / 102) ** 2 > 1)
    spine = (x**2 + (y + 85) ** 2 < 20**2) & (torso | neck)
    ct[skull | spine] = 600.0
    pet = np.where(ct > -900, 0.5, 0.0)
    labels = np.zeros(on.shape_kji, np.uint8)
    ids = {organ.name: organ.id for organ in organ_table()}
    for name, centres, (a, b, c), hu, suv in ORGANS:
        for u, v, w in centres:
            inside = ((x - u) / a) ** 2 + ((y - v) / b) ** 2 + ((z - w) / c) ** 2 < 1
            ct[inside], pet[inside], labels[inside] = hu, suv, ids[name]
    ct += noise * 12
    pet = np.clip(pet * (1 + 0.08 * noise), 0, None)
    return (
        Volume(np.rint(ct).astype(np.int16), on.affine),
        Volume(pet.astype(np.float32), on.affine),
        Volume(labels, on.affine),
    )


@dataclass
class FakeView:
    """A ledger's view made of plain lists."""

    files: list[SessionFiles] = field(default_factory=list)
    by_step: dict[str, list[Receipt]] = field(default_factory=dict)

    def sessions(self) -> list[SessionFiles]:
        return self.files

    def receipts(self, step: str) -> list[Receipt]:
        return self.by_step.get(step, [])


@dataclass
class Folder:
    """A workspace as a plain folder."""

    root: Path

    @property
    def private(self) -> Path:
        return self.root / "private"

    def resolve(self, relative: str) -> Path:
        return self.root / relative


def pet_sidecar(**changes: object) -> PetSidecar:
    suv = SuvReceipt(
        rule="BQML/START/SeriesTime",
        factor_min=2.6981e-4,
        factor_max=2.6981e-4,
        decay_reference_time=3612.5,
        decay_factor=0.683774,
        inputs={
            "units": {"tag": "(0054,1001)", "value": "BQML", "unit": ""},
            "decay_correction": {"tag": "(0054,1102)", "value": "START", "unit": ""},
            "injected_activity": {"tag": "(0018,1074)", "value": 379000000.0, "unit": "Bq"},
            "weight": {"tag": "(0010,1030)", "value": 70.0, "unit": "kg"},
            "half_life": {"tag": "(0018,1075)", "value": 6586.2, "unit": "s"},
            "uptake_time": {"tag": "(0018,1078), (0008,0031)", "value": 3612.5, "unit": "s"},
        },
    )
    values: dict[str, object] = {
        "modality": "PT",
        "manufacturer": "Synthetic",
        "manufacturers_model_name": "Ellipsoid 1",
        "units": "SUVbw",
        "sex": "F",
        "age_years": 54,
        "tracer_name": "FDG",
        "scan_start": 3612.5,
        "frame_duration": 120.0,
        "corrections": ("NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"),
        "recon_method_name": "OSEM 3i21s",
        "geometry": geometry(),
        "defacing": DefacingReceipt(state="defaced", method="geometric mask", voxels_changed=1234),
        "source": SourceReceipt(series="s-3M1XW0PB", n_files=120, sha256="a" * 64),
        "suv": suv,
    }
    return PetSidecar.model_validate(values | changes)


def ct_sidecar() -> ImageSidecar:
    return ImageSidecar(
        modality="CT",
        manufacturer="Synthetic",
        manufacturers_model_name="Ellipsoid 1",
        units="HU",
        kvp=120.0,
        contrast=False,
        convolution_kernel="B30f",
        geometry=geometry(),
        defacing=DefacingReceipt(state="defaced", method="geometric mask", voxels_changed=4321),
        source=SourceReceipt(series="s-9K2QMZ7A", n_files=240, sha256="b" * 64),
    )


def geometry() -> GeometryReceipt:
    return GeometryReceipt(max_corner_error_mm=3.1e-5, tolerance_mm=1e-4, n_slices=120, max_slice_jitter_mm=0.0)


def write_session(
    place: Folder,
    volumes: dict[str, Volume],
    *,
    subject: str = "7K3QF2",
    session: str = "petct1",
    pet: PetSidecar | None = None,
    drawn_by: str = "site-contours",
) -> SessionFiles:
    """Write images and sidecars by role, as the steps before qa leave them."""
    found: dict[str, Artifact] = {}
    stem = f"data/sub-{subject}/ses-{session}/sub-{subject}_ses-{session}"
    sidecars = {
        What.PET: pet or pet_sidecar(),
        What.CT: ct_sidecar(),
        What.ORGANS: LabelSidecar(
            engine="import",
            engine_version="1",
            method=drawn_by,
            reference="ct",
            labels={},
            approximate=("colon",),
        ),
    }
    for role, volume in volumes.items():
        path = f"{stem}_{role}.nii.gz"
        write_volume(place.resolve(path), volume)
        found[role] = artifact(role, path, place.resolve(path))
        if role in sidecars:
            path = f"{stem}_{role}.json"
            write_json(place.resolve(path), sidecars[role].model_dump(mode="json", by_alias=True))
            found[f"{role}.json"] = artifact(f"{role}.json", path, place.resolve(path))
    facts = {"register": {"transform": "identity", "overlap_part": 0.93, "overlap_ml": 81234.5}}
    return SessionFiles(subject, session, "petct", found, facts)


def with_outputs(session: SessionFiles, receipt: Receipt) -> SessionFiles:
    """The session after a step."""
    assert receipt.state is State.DONE
    artifacts = {**session.artifacts, **{entry.what: entry for entry in receipt.outputs}}
    return SessionFiles(session.subject, session.session, session.kind, artifacts, session.facts)
