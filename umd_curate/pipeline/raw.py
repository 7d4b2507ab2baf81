"""From a raw folder to work orders: scan into the private index, understand it, name what is to be made."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from umd_curate.deid.rules import packaged_rules
from umd_curate.deid.vault import Vault
from umd_curate.errors import UsageError, WorkspaceError
from umd_curate.ingest.persons_io import read_persons
from umd_curate.ingest.plan import plan_ingest
from umd_curate.model.config import UmdConfig
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.receipts import Json, What
from umd_curate.model.stacks import StackRules
from umd_curate.model.steps import Step, Unit, View
from umd_curate.model.study import IngestPlan, VolumeOrder
from umd_curate.pipeline.lazy import perform_of
from umd_curate.pipeline.orders import CONTOURS, INGEST, make_orders, units_of, write_orders
from umd_curate.pipeline.pet_context import with_contexts
from umd_curate.pipeline.supplement import SupplementTable
from umd_curate.store.keys import DeidKey, key_path, load_key, make_key
from umd_curate.store.ledger import Ledger
from umd_curate.store.parquet import read_rows, write_rows
from umd_curate.store.workspace import Workspace

ROOTS = "roots"  # ledger fact: the raw folders of the last scan
_REPORT_EVERY = 100  # files between two words to the watcher
_KEEP_EVERY = 20_000  # files that are read between two writes of the index, at least


@dataclass(frozen=True, slots=True)
class Understood:
    """What a raw folder holds and what is to be made of it."""

    index: Mapping[str, InstanceHeader]
    plan: IngestPlan


def roots_of(given: Sequence[Path], ledger: Ledger) -> list[Path]:
    """Raw folders: the ones given, else those of the last run.

    Raises
    ------
    UsageError
        None was given and none is known, or one does not exist.
    """
    known = ledger.fact(ROOTS)
    remembered = [Path(str(path)) for path in known] if isinstance(known, list) else []
    roots = [path.resolve() for path in given] or remembered
    if not roots:
        message = "No raw folder was named, and this workspace has not seen one yet."
        raise UsageError(message, hint="umd-curate run RAW")
    if not all(root.exists() for root in roots):
        message = "A raw folder does not exist."
        raise UsageError(
            message, hint="See that its disk is mounted. If it was moved, name it again: umd-curate run RAW"
        )
    return roots


def refuse_overlap(roots: Sequence[Path], folders: Sequence[Path]) -> None:
    """Refuse a raw folder that holds the workspace or its private folder, or lies in one of them.

    Raises
    ------
    UsageError
        What a run makes would be input of the next.
    """
    pairs = [(root.resolve(), folder.resolve()) for root in roots for folder in folders]
    if any(root.is_relative_to(folder) or folder.is_relative_to(root) for root, folder in pairs):
        message = "The raw folder and the workspace must lie apart: what a run makes would be input of the next."
        raise UsageError(message, hint="Name a workspace outside the raw folder with --workspace.")


def workspace_key(workspace: Workspace, config: UmdConfig) -> DeidKey:
    """Key of this workspace; made where there is none and no vault needs an older one.

    Raises
    ------
    WorkspaceError
        The vault exists and its key is not there, or the key lies inside the workspace.
    """
    path = key_path(config.deid.key_file)
    if any(path.resolve().is_relative_to(folder) for folder in (workspace.root, workspace.private)):
        message = "The de-identification key must not lie in the workspace."
        raise WorkspaceError(message, hint="Set deid.key_file to a place of its own.")
    if workspace.vault_path.exists():
        return load_key(path)
    return make_key(path)


def understand(
    roots: Sequence[Path],
    workspace: Workspace | None,
    config: UmdConfig,
    key: DeidKey,
    scanning: Callable[[int, int], None],
) -> Understood:
    """Scan the raw folders (only new and changed files are opened) and plan; the index is kept where a workspace is given."""
    from umd_curate.ingest.scan import list_files, scan, settle_copies  # noqa: PLC0415  (pydicom)

    listed = list_files(roots)
    previous = _known_rows(workspace)
    index: dict[str, InstanceHeader] = {}
    unkept = 0
    try:
        for done, header in enumerate(scan(listed, previous)):
            index[header.path] = header
            unkept += previous.get(header.path) is not header
            if done % _REPORT_EVERY == 0:
                scanning(done, len(listed))
            if unkept >= max(_KEEP_EVERY, len(index) // 2):  # a long scan that is killed is not begun anew
                _keep_rows(workspace, previous | index)
                unkept = 0
    except KeyboardInterrupt:
        _keep_rows(workspace, previous | index)
        raise
    index = {header.path: header for header in settle_copies(list(index.values()))}
    scanning(len(listed), len(listed))
    if index != previous:
        _keep_rows(workspace, index)
    persons = read_persons(config.ingest.patients)
    stacks = StackRules.of(config.convert)
    plan = plan_ingest(list(index.values()), config.ingest, key.short_id, persons, stacks)
    return Understood(index, plan)


def _known_rows(workspace: Workspace | None) -> dict[str, InstanceHeader]:
    """Rows of the last scan by path; none where the index is damaged or of another version: it is then made anew."""
    if workspace is None or not workspace.index_path.exists():
        return {}
    try:
        return {row.path: row for row in read_rows(workspace.index_path, InstanceHeader)}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _keep_rows(workspace: Workspace | None, index: Mapping[str, InstanceHeader]) -> None:
    if workspace is not None:
        write_rows(workspace.index_path, index.values(), InstanceHeader, mode=0o600)


def order_volumes(
    understood: Understood, workspace: Workspace, key: DeidKey, table: SupplementTable | None = None
) -> tuple[list[VolumeOrder], list[Unit]]:
    """Allot subject ids, write the work orders with what `table` adds to their PETs, and list the units that do them."""
    with Vault(workspace.vault_path, key) as vault:
        orders = with_contexts(make_orders(understood.plan, vault), understood.plan, table)
    artifacts = write_orders(orders, workspace.private / "orders")
    rules: dict[str, Json] = dict(packaged_rules().sha256)  # another key or another keep list makes other files
    return orders, units_of(orders, artifacts, {"key": key.fingerprint, "rules": rules})


def pixel_path_step(units: Sequence[Unit]) -> Step:
    """Step ``ingest``: every image volume of the orders, cleaned and staged."""
    return Step(
        INGEST,
        2,
        ("convert",),
        lambda view, config: [unit for unit in units if unit.step == INGEST],  # noqa: ARG005
        perform_of("umd_curate.pipeline.pixel_path", "stage_volume"),
    )


def contours_step(units: Sequence[Unit]) -> Step:
    """Step ``contours``: the site's DICOM SEG on the grid of the staged image on which they were drawn."""
    return Step(
        CONTOURS,
        1,
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
