"""Makers of small finished sessions in ``data/``, with the receipts that a release reads, for the tests of the release."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from umd_curate.model.checks import CheckEntry, Outcome, SessionChecks
from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Finding
from umd_curate.model.geometry import Volume
from umd_curate.model.receipts import Artifact, Receipt, State
from umd_curate.model.sidecars import DefacingReceipt, Document, ImageSidecar, LabelSidecar, PetSidecar, SuvReceipt
from umd_curate.model.steps import SessionFiles
from umd_curate.store.files import artifact, write_json
from umd_curate.store.nifti import write_volume

PET_SHAPE_KJI = (4, 5, 6)
CT_SHAPE_KJI = (8, 10, 12)
PET_AFFINE = np.array([[-4.0, 0, 0, 10], [0, -4, 0, 20], [0, 0, 3, -30], [0, 0, 0, 1]])
CT_AFFINE = np.array([[-2.0, 0, 0, 10], [0, -2, 0, 20], [0, 0, 1.5, -30], [0, 0, 0, 1]])
LIVER, BRAIN = 1, 4  # ids of manifests/umd.toml


@dataclass
class Folder:
    """A workspace that is nothing but a folder."""

    root: Path

    @property
    def private(self) -> Path:
        return self.root / "private"

    def resolve(self, relative: str) -> Path:
        return self.root / relative


@dataclass
class Ledger:
    """A read-only view of sessions and receipts that are given to it."""

    given: Sequence[SessionFiles]
    done: Sequence[Receipt] = ()

    def sessions(self) -> Sequence[SessionFiles]:
        return sorted(self.given, key=lambda session: (session.subject, session.session))

    def receipts(self, step: str) -> Sequence[Receipt]:
        return [receipt for receipt in self.done if receipt.step == step]


@dataclass
class Study:
    """What a session is made of; change a field to make it odd."""

    subject: str = "7K3QF2"
    session: str = "petct1"
    kind: str = "petct"
    seed: int = 0
    has_suv: bool = True
    has_labels: bool = True
    has_overlap: bool = True
    defacing: DefacingReceipt | None = field(default_factory=lambda: DefacingReceipt(state="no-head"))
    tracer: str = "FDG"
    pet_shape_kji: tuple[int, int, int] = PET_SHAPE_KJI
    ct_shape_kji: tuple[int, int, int] = CT_SHAPE_KJI
    liver_voxels: int = 3

    def write(self, root: Path) -> SessionFiles:
        rng = np.random.default_rng(list(f"{self.seed}/{self.subject}/{self.session}".encode()))
        other = {"petct": "ct", "petmri": "mr", "ct": "ct", "mr": "mr"}.get(self.kind)
        found: dict[str, Artifact] = {}
        if self.kind.startswith("pet"):
            pet = rng.uniform(0, 9, self.pet_shape_kji).astype(np.float32)
            self._put(found, root, "pet", Volume(pet, PET_AFFINE), self._pet_sidecar())
        if other:
            image = rng.integers(-1000, 1000, self.ct_shape_kji, np.int16)
            self._put(found, root, other, Volume(image, CT_AFFINE), self._image_sidecar(other))
        if self.has_overlap and self.kind in {"petct", "petmri"}:
            on_pet = rng.integers(-1000, 1000, PET_SHAPE_KJI, np.int16)
            self._put(found, root, f"space-pet_{other}", Volume(on_pet, PET_AFFINE), self._image_sidecar(str(other)))
        if self.has_labels and self.kind in {"petct", "petmri"}:
            for role, shape, affine in (
                ("desc-organs_dseg", self.ct_shape_kji, CT_AFFINE),
                ("space-pet_desc-organs_dseg", PET_SHAPE_KJI, PET_AFFINE),
            ):
                labels = np.zeros(shape, np.uint8)
                labels[0, 0, :2], labels[1, 1, : self.liver_voxels] = BRAIN, LIVER
                self._put(found, root, role, Volume(labels, affine), self._label_sidecar(str(other)))
        self._put_checks(found, root)
        return SessionFiles(self.subject, self.session, self.kind, found)

    def described(self, root: Path, session: SessionFiles) -> SessionFiles:
        """The session with the checksums that its files have now."""
        found = {role: artifact(role, entry.path, root / entry.path) for role, entry in session.artifacts.items()}
        return replace(session, artifacts=found)

    def _put_checks(self, found: dict[str, Artifact], root: Path) -> None:
        entries = (
            CheckEntry(rule="P1", code="QA-201", outcome=Outcome.PASS, measured=0.4, unit="g/mL", low=0.1, high=4.0),
            CheckEntry(rule="L1", code="QA-113", outcome=Outcome.NOT_APPLICABLE, organ="liver", detail="no labels"),
        )
        checks = SessionChecks(
            subject=self.subject,
            session=self.session,
            kind=self.kind,
            rules_version="1",
            outcome=Outcome.PASS,
            images=(),
            organs=(),
            checks=entries,
            figures=(),
        )
        path = f"qa/sub-{self.subject}/ses-{self.session}/sub-{self.subject}_ses-{self.session}_checks.json"
        write_json(root / path, checks.model_dump(mode="json", by_alias=True))
        found["checks"] = artifact("checks", path, root / path)

    def _put(self, found: dict[str, Artifact], root: Path, role: str, volume: Volume, sidecar: Document) -> None:
        stem = f"data/sub-{self.subject}/ses-{self.session}/sub-{self.subject}_ses-{self.session}_{role}"
        digest = write_volume(root / f"{stem}.nii.gz", volume)
        value = sidecar.model_copy(update={"voxel_sha256": digest}).model_dump(mode="json", by_alias=True)
        write_json(root / f"{stem}.json", value)
        found[role] = artifact(role, f"{stem}.nii.gz", root / f"{stem}.nii.gz")
        found[f"{role}.json"] = artifact(f"{role}.json", f"{stem}.json", root / f"{stem}.json")

    def _pet_sidecar(self) -> PetSidecar:
        suv = SuvReceipt(
            rule="BQML/START/SeriesTime",
            factor_min=2e-4,
            factor_max=2e-4,
            decay_reference_time=3600.0,
            decay_factor=0.68,
            inputs={},
        )
        return PetSidecar(
            modality="PT",
            manufacturer="SIEMENS",
            manufacturers_model_name="Biograph mCT",
            sex="F",
            age_years=61,
            units="SUVbw" if self.has_suv else "Bq/mL",
            tracer_name=self.tracer,
            defacing=self.defacing,
            suv=suv if self.has_suv else None,
        )

    def _image_sidecar(self, role: str) -> ImageSidecar:
        return ImageSidecar(
            modality="CT" if role == "ct" else "MR", units="HU" if role == "ct" else "arbitrary", defacing=self.defacing
        )

    def _label_sidecar(self, other: str) -> LabelSidecar:
        return LabelSidecar(
            engine="import",
            engine_version="1",
            method="site-contours",
            reference=other,
            labels={"liver": LIVER, "brain": BRAIN},
            approximate=("urinary_bladder",),
        )


def receipt_of(step: str, session: SessionFiles, *findings: Finding, state: State = State.DONE) -> Receipt:
    """Receipt of one session in one step."""
    return Receipt(
        step=step,
        unit=f"{step}-{session.subject}-{session.session}",
        key="0" * 64,
        state=state,
        subject=session.subject,
        session=session.session,
        outputs=tuple(session.artifacts.values()),
        findings=findings,
        versions={"umd-curate": "0.1.0"},
    )


def settings(**release: object) -> UmdConfig:
    """Settings with the given ones of the release."""
    return UmdConfig.model_validate({"release": release})


def subject_ids(n: int) -> list[str]:
    """That many published subject ids."""
    return [f"{1000 + 37 * index:06d}" for index in range(n)]
