"""De-identified DICOM beside the NIfTI images (``--dicom-out``): what is written, and the order for one series.

Every sound CT, MR and PET image is written, whether or not a session holds its series; what ingest excludes as never wanted
(captures, reports, localizers) or quarantines is not, nor any series of a study of which it is in doubt whose it is. An order lies in ``private/dicom/``, so that no path enters a task.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from umd_curate.deid.vault import Vault
from umd_curate.errors import WorkspaceError
from umd_curate.ingest.classify import role_of
from umd_curate.ingest.patients import contradictions, mixed_studies, patient_keys, shared_series
from umd_curate.ingest.persons_io import read_persons
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.config import UmdConfig
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.receipts import Artifact
from umd_curate.model.steps import Step, Unit
from umd_curate.model.study import Disposition, Role
from umd_curate.pipeline.issuers import Doubts
from umd_curate.pipeline.lazy import perform_of
from umd_curate.pipeline.orders import read_order
from umd_curate.pipeline.understood import Understood
from umd_curate.store.files import write_text
from umd_curate.store.keys import DeidKey
from umd_curate.store.workspace import Workspace

NAME = "dicom-out"
ORDER = "dicom-order"
# Sound images that no session holds: another series was preferred, or there are too few for a volume.
_WRITTEN_TOO = frozenset(
    code.code
    for code in (
        codes.FEW_IMAGES, codes.PET_NOT_SELECTED, codes.PET_NAC, codes.CT_NOT_SELECTED, codes.MR_NOT_SELECTED,
        codes.MR_STATION, codes.DIXON_NOT_SELECTED, codes.DECIDED_AGAINST,
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SeriesOrder:
    """One series to write: its files in order with size and time of change, and the images whose face cuts concern it."""

    series: str
    role: str
    subject: str
    patient: str
    folder: str  # below the output folder
    files: tuple[tuple[str, int, int], ...]
    anchors: tuple[tuple[str, str], ...]  # unit and role of session images in its frame of reference
    is_anchor: bool  # whether one of them was made of these files


def series_orders(understood: Understood, workspace: Workspace, config: UmdConfig, key: DeidKey) -> list[SeriesOrder]:
    """One order per series that is written. All rows of images are in memory at once, some 500 bytes each."""
    rows: dict[tuple[str, str], list[InstanceHeader]] = defaultdict(list)
    images: list[InstanceHeader] = []
    for row, file in zip(understood.rows(), understood.decisions(), strict=True):
        if role_of(row) not in {Role.CT, Role.MR, Role.PET} or not (row.study_uid and row.series_uid):
            continue
        images.append(row)
        if file.disposition is Disposition.USED or file.code in _WRITTEN_TOO:
            rows[row.study_uid, row.series_uid].append(row)
    persons = read_persons(config.ingest.patients)
    owners = patient_keys(images, persons)
    # Whatever was preferred or left out: of such a study or series nothing is known to be of its patient.
    studies = {*mixed_studies(images, owners), *contradictions(images, lambda row: row.study_uid)}
    shared = shared_series(images, owners)
    anchors = _anchors(workspace)
    made = []
    with Vault(workspace.vault_path, key) as vault:
        unsure = Doubts(vault, persons).among({owner for owner in owners.values() if owner is not None})
        for (study, series), members in sorted(rows.items()):
            owner = owners[members[0].path]
            if owner is None or owner in unsure or study in studies or series in shared:
                continue
            ordered = sorted(members, key=lambda row: (row.instance_number or 0, row.path))
            frame = next((row.frame_of_reference_uid for row in ordered if row.frame_of_reference_uid), None)
            paths = {row.path for row in ordered}
            near = [
                (unit, role, files)
                for unit, role, files, patient in anchors
                if patient == owner and (files & paths or (frame and frame in _frames(files, rows)))
            ]
            # What an image of the session was made of is cut as that image was; all else by every image in its frame.
            own = [one for one in near if one[2] & paths]
            name = key.short_id("s", f"{study}/{series}")
            role = role_of(ordered[0]) or Role.CT
            subject = vault.subject_of(owner)
            made.append(
                SeriesOrder(
                    series=name,
                    role=role.value,
                    subject=subject,
                    patient=owner,
                    folder=f"sub-{subject}/{key.short_id('t', study)}/{role.value}-{name.partition('-')[2]}",
                    files=tuple((row.path, row.size, row.mtime_ns) for row in ordered),
                    anchors=tuple((unit, role) for unit, role, _ in own or near),
                    is_anchor=bool(own),
                )
            )
    return made


def _anchors(workspace: Workspace) -> list[tuple[str, str, frozenset[str], str]]:
    """Unit, role, files and patient of every image that a session holds."""
    orders = (read_order(path) for path in sorted((workspace.private / "orders").glob("*.json")))
    return [
        (order.unit, order.role.value, frozenset(name for name, _, _ in order.files), order.patient)
        for order in orders
        if order.role is not Role.CONTOURS
    ]


def _frames(files: frozenset[str], rows: dict[tuple[str, str], list[InstanceHeader]]) -> set[str]:
    """Frames of reference of an image's files."""
    return {
        row.frame_of_reference_uid
        for members in rows.values()
        if members[0].path in files or members[-1].path in files
        for row in members
        if row.path in files and row.frame_of_reference_uid
    }


def dicom_out_step(understood: Understood, workspace: Workspace, config: UmdConfig, key: DeidKey, target: Path) -> Step:
    """Step ``dicom-out``: each series cleaned, searched and written below `target`.

    Raises
    ------
    WorkspaceError
        `target` lies in the workspace or in private/, or is the raw folder.
    """
    target = target.resolve()
    if any(target.is_relative_to(folder) for folder in (workspace.root, workspace.private)):
        message = "The folder for DICOM lies inside the workspace."
        raise WorkspaceError(message, hint="Name a folder outside it with --dicom-out.")
    return step_of(_units(series_orders(understood, workspace, config, key), workspace, key, target))


def step_of(units: Sequence[Unit]) -> Step:
    """Step ``dicom-out`` of these units."""
    perform = perform_of("umd_curate.pipeline.dicom_series", "write_series")
    return Step(NAME, 1, ("deid",), lambda view, config: units, perform)  # noqa: ARG005


def _units(orders: Sequence[SeriesOrder], workspace: Workspace, key: DeidKey, target: Path) -> list[Unit]:
    units = []
    for order in orders:
        text = json.dumps({**asdict(order), "target": str(target)}, sort_keys=True)
        path = workspace.private / "dicom" / f"{order.series}.json"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_text(path, text, mode=0o600)
        digest = hashlib.sha256(text.encode()).hexdigest()
        entry = Artifact(ORDER, f"private/dicom/{path.name}", digest, len(text.encode()))
        units.append(Unit(NAME, order.series, order.subject, inputs=(entry,), params={"key": key.fingerprint}))
    return units


def read_series_order(path: Path) -> tuple[SeriesOrder, Path]:
    """An order, and the folder to write below."""
    entry = json.loads(path.read_text(encoding="utf-8"))
    target = Path(entry.pop("target"))
    entry["files"] = tuple((str(name), int(size), int(mtime)) for name, size, mtime in entry["files"])
    entry["anchors"] = tuple((str(unit), str(role)) for unit, role in entry["anchors"])
    return SeriesOrder(**entry), target
