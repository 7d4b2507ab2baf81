"""What a PET's work order says beyond its files: whether the series time is late, and what the site's records add.

Both need the whole series or a table, which a task that reads slice by slice does not have. Decided here is only whose
they are; what they mean stands in the convert room.
"""

from collections.abc import Sequence
from dataclasses import replace

from umd_curate.model.dicom_time import is_series_time_late, times_of
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.pet import PetContext
from umd_curate.model.study import IngestPlan, Role, VolumeOrder
from umd_curate.pipeline.orders import read_order
from umd_curate.pipeline.supplement import SupplementTable
from umd_curate.store.workspace import Workspace


def context_of(instances: Sequence[InstanceHeader], table: SupplementTable | None) -> PetContext:
    """Context of one PET series from its index rows."""
    is_late = is_series_time_late(map(times_of, instances))
    supplement = table.of(instances[0].series_uid, instances[0].study_uid) if table is not None else None
    return PetContext(late_series_time=is_late, supplement=supplement)


def with_contexts(orders: Sequence[VolumeOrder], plan: IngestPlan, table: SupplementTable | None) -> list[VolumeOrder]:
    """Orders whose PETs have their context."""
    contexts = {
        volume.instances[0].path: context_of(volume.instances, table)
        for session in plan.sessions
        for volume in session.volumes
        if volume.role is Role.PET
    }
    return [replace(order, pet=contexts[order.files[0][0]]) if order.role is Role.PET else order for order in orders]


def pet_uids(plan: IngestPlan) -> list[tuple[str | None, str | None]]:
    """Series and study UID of each PET of the plan."""
    return [
        (volume.instances[0].series_uid, volume.instances[0].study_uid)
        for session in plan.sessions
        for volume in session.volumes
        if volume.role is Role.PET
    ]


def pet_order(workspace: Workspace, name: str) -> VolumeOrder | None:
    """Work order of a PET by the short id of its series, by its unit or by its session; None where there is none."""
    for path in sorted((workspace.private / "orders").glob("*.json")):
        order = read_order(path)
        if order.role is Role.PET and name in {order.series, order.unit, order.unit.removesuffix(f"_{Role.PET}")}:
            return order
    return None
