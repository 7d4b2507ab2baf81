"""Units of the work orders, and which units each series goes to; kept, so that an unchanged plan is not ordered again.

The file ``private/index/units.json`` is good as long as the stamp of its plan holds and every order is there.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from umd_curate.model.receipts import Artifact, Json
from umd_curate.model.steps import Unit
from umd_curate.model.study import IngestPlan, VolumeOrder
from umd_curate.store.files import write_json
from umd_curate.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Ordered:
    """Units of the pixel path by name, the units that each series (short id) goes to, and codes of series that get none."""

    units: Sequence[Unit]
    units_of: Mapping[str, Sequence[str]]
    refused: Mapping[str, str] = field(default_factory=dict)


def series_units(plan: IngestPlan, orders: Sequence[VolumeOrder]) -> dict[str, tuple[str, ...]]:
    """Names of the units of each volume of a plan, by short id; several where the runs of a session share it."""
    found: dict[str, set[str]] = {}
    for order in orders:
        for path, _, _ in order.files:
            found.setdefault(path, set()).add(order.unit)
    return {
        volume.series: tuple(sorted(found[volume.instances[0].path]))
        for session in plan.sessions
        for volume in session.volumes
        if volume.instances
    }


def keep_ordered(workspace: Workspace, stamp: str, ordered: Ordered) -> None:
    """Write what was ordered."""
    lines: list[Json] = [
        {"step": unit.step, "name": unit.name, "subject": unit.subject, "session": unit.session,
         "order": asdict(unit.inputs[0])}
        for unit in ordered.units
    ]  # fmt: skip
    series: dict[str, Json] = {name: list(units) for name, units in ordered.units_of.items()}
    value: dict[str, Json] = {"stamp": stamp, "units": lines, "units_of": series}
    write_json(_path(workspace), value, mode=0o600)


def read_ordered(workspace: Workspace, stamp: str, params: Mapping[str, Json]) -> Ordered | None:
    """What was ordered of the plan with this stamp; None where it was another plan, or an order or the vault is gone."""
    try:
        found = json.loads(_path(workspace).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if found.get("stamp") != stamp or not workspace.vault_path.exists():
        return None
    units = [
        Unit(line["step"], line["name"], line["subject"], line["session"], (Artifact(**line["order"]),), params)
        for line in found["units"]
    ]
    if not all(_is_there(workspace, unit.inputs[0]) for unit in units):
        return None
    return Ordered(units, {name: tuple(names) for name, names in found["units_of"].items()})


def _is_there(workspace: Workspace, order: Artifact) -> bool:
    path = workspace.resolve(order.path)
    return path.is_file() and path.stat().st_size == order.size


def _path(workspace: Workspace) -> Path:
    return workspace.index_path.with_name("units.json")
