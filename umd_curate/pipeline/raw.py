"""From a raw folder that is understood to work orders: what is to be made of it, and by which units."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from umd_curate.deid.rules import rules_of
from umd_curate.deid.vault import Vault
from umd_curate.errors import ConfigError
from umd_curate.ingest.patients import Persons
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.config import UmdConfig
from umd_curate.model.config_deid import DeidConfig
from umd_curate.model.receipts import Json, What
from umd_curate.model.steps import Step, Unit, View
from umd_curate.model.study import IngestPlan
from umd_curate.pipeline.issuers import Doubts
from umd_curate.pipeline.lazy import perform_of
from umd_curate.pipeline.ordered import Ordered, keep_ordered, read_ordered, series_units
from umd_curate.pipeline.orders import CONTOURS, INGEST, make_orders, remove_other_orders, units_of, write_orders
from umd_curate.pipeline.pet_context import with_contexts
from umd_curate.pipeline.supplement import SupplementTable
from umd_curate.pipeline.understood import Understood
from umd_curate.store.keys import DeidKey
from umd_curate.store.workspace import Workspace


def order_volumes(
    understood: Understood,
    workspace: Workspace,
    key: DeidKey,
    table: SupplementTable | None = None,
    settings: DeidConfig | None = None,
    persons: Persons | None = None,
) -> Ordered:
    """Allot subject ids, write the work orders with what `table` adds to their PETs, and list the units that do them.

    Nothing of it is done where plan and table are the old ones. Where `settings` want pre-assigned ids, none is allotted;
    nor to a patient whom the crosswalk may know with or without an issuer, unless `persons` says who that is.

    Raises
    ------
    ConfigError
        Ids must be pre-assigned, and a patient has none.
    """
    folder = workspace.private / "orders"
    stamp = f"{understood.stamp}:{table.sha256 if table else ''}"
    rules: dict[str, Json] = dict(rules_of(settings or DeidConfig()).sha256)  # another key or list makes other files
    params: dict[str, Json] = {"key": key.fingerprint, "rules": rules}
    known = read_ordered(workspace, stamp, params)
    if known is not None:
        return known
    units: list[Unit] = []
    units_of_series: dict[str, tuple[str, ...]] = {}
    refused: dict[str, str] = {}
    with Vault(workspace.vault_path, key) as vault:
        if settings is not None and settings.subjects == "preassigned":
            _refuse_unassigned(understood, vault)
        doubts = Doubts(vault, persons or Persons())
        for whole in understood.parts():
            part, left_out = _without_doubt(whole, doubts)
            refused |= left_out
            orders = with_contexts(make_orders(part, vault), part, table)
            units += units_of(orders, write_orders(orders, folder), params)
            units_of_series |= series_units(part, orders)
    remove_other_orders(folder, {unit.name for unit in units})
    ordered = Ordered(sorted(units, key=lambda unit: unit.name), units_of_series, refused)
    if not refused:  # what is refused may be ordered as soon as the crosswalk says more
        keep_ordered(workspace, stamp, ordered)
    return ordered


def _without_doubt(part: IngestPlan, doubts: Doubts) -> tuple[IngestPlan, dict[str, str]]:
    """Sessions of patients whom the crosswalk knows or has never met; finding code of each series of the others."""
    unsure = doubts.among({session.patient for session in part.sessions})
    if not unsure:
        return part, {}
    code = codes.ISSUER_IN_DOUBT.code
    doubtful = [session for session in part.sessions if session.patient in unsure]
    refused = {str(volume.series): code for session in doubtful for volume in session.volumes}
    return replace(part, sessions=tuple(s for s in part.sessions if s.patient not in unsure)), refused


def _refuse_unassigned(understood: Understood, vault: Vault) -> None:
    patients = {session.patient for part in understood.parts(with_files=False) for session in part.sessions}
    missing = sum(vault.known_subject(patient) is None for patient in patients)
    if missing:
        message = f"{missing} of {len(patients)} patients have no pre-assigned id, and deid.subjects wants one."
        raise ConfigError(message, hint="Add them with `umd-curate crosswalk import CSV`; mind the issuers.")


def pixel_path_step(units: Sequence[Unit]) -> Step:
    """Step ``ingest``: every image volume of the orders, cleaned and staged."""
    return Step(
        INGEST,
        4,
        ("convert",),
        lambda view, config: [unit for unit in units if unit.step == INGEST],  # noqa: ARG005
        perform_of("umd_curate.pipeline.pixel_path", "stage_volume"),
    )


def contours_step(units: Sequence[Unit]) -> Step:
    """Step ``contours``: the site's DICOM SEG on the grid of the staged image on which they were drawn."""
    return Step(
        CONTOURS,
        2,
        ("dataset",),
        functools.partial(_plan_contours, units),
        perform_of("umd_curate.pipeline.pixel_path", "stage_contours"),
    )


def _plan_contours(units: Sequence[Unit], view: View, config: UmdConfig) -> list[Unit]:  # noqa: ARG001
    return list(_with_images([unit for unit in units if unit.step == CONTOURS], view))


def _with_images(units: Sequence[Unit], view: View) -> Iterator[Unit]:
    staged = {(session.subject, session.session): session.artifacts for session in view.sessions()}
    for unit in units:
        found = staged.get((unit.subject, unit.session), {})
        image = found.get(What.STAGED_CT) or found.get(What.STAGED_MR)
        inputs = (*unit.inputs, image) if image else unit.inputs
        yield Unit(CONTOURS, unit.name, unit.subject, unit.session, inputs, unit.params)
