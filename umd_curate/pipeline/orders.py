"""Work orders: ingest's plan with published names. An order's file in ``private/orders/`` is all that a task needs to know.

Subject ids and the numbers of sessions and runs are allotted from the vault here, by the coordinator: new ones in the order
of the study dates; those that are known stay. A unit's input is its order's digest, so a changed file, name or selection
makes a new task.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from umd_curate.model.findings import Finding, Severity
from umd_curate.model.ids import PatientKey, SessionId, SubjectId, session_id
from umd_curate.model.pet import PetContext, Supplement
from umd_curate.model.receipts import Artifact, Json
from umd_curate.model.steps import Place, Unit
from umd_curate.model.study import IngestPlan, Layout, OrderedPlace, Role, SessionPlan, SourceVolume, VolumeOrder
from umd_curate.store.files import write_text

INGEST = "ingest"
CONTOURS = "contours"
ORDER = "order"  # role of an order's file


class Register(Protocol):
    """Who keeps the published ids and numbers: the vault."""

    def subject_of(self, patient: PatientKey) -> SubjectId:
        """Published id of a patient."""
        ...

    def session_number(self, patient: PatientKey, kind: str, study_uid: str) -> int:
        """Number of a study among the sessions of one kind of a patient."""
        ...

    def run_number(self, patient: PatientKey, kind: str, study_uid: str, anchor: str) -> int:
        """Number of an acquisition among those of one kind in a study."""
        ...


def make_orders(plan: IngestPlan, register: Register) -> list[VolumeOrder]:
    """One order per volume of the plan, by unit name; a volume that two runs share has one in each."""
    orders = []
    for session in sorted(plan.sessions, key=_in_time):
        kind = session.kind.value
        number = register.session_number(session.patient, kind, session.study_uid)
        run = register.run_number(session.patient, kind, session.study_uid, session.anchor)
        subject = register.subject_of(session.patient)
        orders += [
            _order(session, volume, subject, session_id(kind, number, run)) for volume in _merged(session.volumes)
        ]
    return sorted(orders, key=lambda order: order.unit)


def _merged(volumes: Sequence[SourceVolume]) -> list[SourceVolume]:
    """Volumes with all contours of the session as one: they become one label map."""
    images = [volume for volume in volumes if volume.role is not Role.CONTOURS]
    contours = sorted((volume for volume in volumes if volume.role is Role.CONTOURS), key=lambda volume: volume.series)
    if not contours:
        return images
    files = tuple(instance for volume in contours for instance in volume.instances)
    return [*images, SourceVolume(contours[0].series, Role.CONTOURS, files, contours[0].label)]


def _in_time(session: SessionPlan) -> tuple[str, str, str, str, str]:
    return session.patient, session.study_date, session.study_uid, session.anchor, session.volumes[0].series


def _order(session: SessionPlan, volume: SourceVolume, subject: SubjectId, name: SessionId) -> VolumeOrder:
    digest = hashlib.sha256("".join(instance.header_sha256 for instance in volume.instances).encode())
    return VolumeOrder(
        unit=f"sub-{subject}_ses-{name}_{volume.role}",
        subject=subject,
        session=name,
        kind=session.kind,
        role=volume.role,
        label=volume.label,
        series=volume.series,
        patient=session.patient,
        files=tuple((instance.path, instance.size, instance.mtime_ns) for instance in volume.instances),
        header_sha256=digest.hexdigest(),
        places=_places(volume),
        layout=volume.layout,
        groups=volume.groups,
        protocol=volume.protocol,
        findings=tuple(finding for finding in session.findings if finding.place == volume.series),
    )


def _places(volume: SourceVolume) -> tuple[OrderedPlace, ...]:
    instances = volume.instances
    is_told = volume.layout is not Layout.MULTI_FRAME and all(
        (instance.number_of_frames or 1) == 1 and instance.position_mm for instance in instances
    )
    if not is_told:
        return ()
    return tuple(
        (
            instance.rows,
            instance.columns,
            instance.position_mm,
            instance.orientation,
            instance.pixel_spacing_mm,
            instance.slice_thickness_mm,
        )
        for instance in instances
    )


def write_orders(orders: Sequence[VolumeOrder], folder: Path) -> dict[str, Artifact]:
    """Write the orders that are new or changed; artifacts by unit name."""
    artifacts = {}
    for order in orders:
        text = json.dumps(asdict(order), sort_keys=True, indent=1)
        path = folder / f"{order.unit}.json"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_text(path, text, mode=0o600)
        digest = hashlib.sha256(text.encode()).hexdigest()
        artifacts[order.unit] = Artifact(ORDER, f"private/orders/{path.name}", digest, len(text.encode()))
    return artifacts


def remove_other_orders(folder: Path, wanted: Collection[str]) -> None:
    """Remove the orders of units that are no longer wanted."""
    for path in folder.glob("*.json"):
        if path.stem not in wanted:
            path.unlink()


def read_order(path: Path) -> VolumeOrder:
    """Read an order back."""
    entry = json.loads(path.read_text(encoding="utf-8"))
    entry["role"] = Role(entry["role"])
    entry["layout"] = Layout(entry["layout"])
    entry["groups"] = tuple(entry["groups"])
    entry["files"] = tuple((str(name), int(size), int(mtime)) for name, size, mtime in entry["files"])
    entry["findings"] = tuple(
        Finding(**{**finding, "severity": Severity(finding["severity"])}) for finding in entry["findings"]
    )
    entry["places"] = tuple(
        (rows, columns, tuple(position), tuple(orientation), tuple(spacing), thickness)
        for rows, columns, position, orientation, spacing, thickness in entry["places"]
    )
    if entry["pet"] is not None:
        row = entry["pet"].pop("supplement")
        entry["pet"] = PetContext(**entry["pet"], supplement=None if row is None else Supplement(**row))
    return VolumeOrder(**entry)


def bytes_read(unit: Unit, place: Place) -> int:
    """Bytes that a unit reads: those of its inputs, and of the source files that its order names."""
    return sum(
        sum(size for _, size, _ in read_order(place.resolve(entry.path)).files) if entry.what == ORDER else entry.size
        for entry in unit.inputs
    )


def units_of(
    orders: Sequence[VolumeOrder], artifacts: Mapping[str, Artifact], params: Mapping[str, Json]
) -> list[Unit]:
    """Units of the steps ``ingest`` (images) and ``contours``; `params` are what else decides their outputs."""
    return [
        Unit(
            step=CONTOURS if order.role is Role.CONTOURS else INGEST,
            name=order.unit,
            subject=order.subject,
            session=order.session,
            inputs=(artifacts[order.unit],),
            params=params,
        )
        for order in orders
    ]
