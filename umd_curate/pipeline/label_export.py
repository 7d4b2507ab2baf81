"""Label maps of a workspace for other software: which there are, on which image each stands, and what was written."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from umd_curate.errors import UsageError
from umd_curate.label.export_io import LabelExport, export_labels
from umd_curate.label.io import read_label_sidecar
from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Refused
from umd_curate.model.ids import session_folder
from umd_curate.model.receipts import Json, What
from umd_curate.model.steps import SessionFiles
from umd_curate.pipeline.table import ALL_STEPS
from umd_curate.pipeline.view import LedgerView
from umd_curate.store.ledger import Ledger
from umd_curate.store.resources import organ_table
from umd_curate.store.workspace import Workspace

GRIDS = {"anatomy": (What.ORGANS,), "pet": (What.ORGANS_ON_PET,), "both": (What.ORGANS, What.ORGANS_ON_PET)}
PLANNED, WRITTEN = "planned", "written"


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of one label map in one format; `finding` is the code of a refusal."""

    name: str
    format: str
    outcome: str
    files: tuple[str, ...] = ()
    finding: str = ""

    def as_json(self) -> dict[str, Json]:
        """As a JSON object."""
        return {"labels": self.name, "format": self.format, "outcome": self.outcome, "files": list(self.files)}


def export_all(
    workspace: Workspace,
    config: UmdConfig,
    formats: Sequence[str],
    sessions: Collection[str],
    grid: str,
    out: Path | None,
) -> list[Exported]:
    """Write the label maps of a workspace below `out`, by subject and session; without `out` only say which.

    Raises
    ------
    UsageError
        A session was named that has no label map.
    """
    with Ledger(workspace.ledger_path) as ledger:
        known = [session for session in LedgerView(ledger, ALL_STEPS).sessions() if What.ORGANS in session.artifacts]
    if not set(sessions) <= {session.stem for session in known}:
        message = "A session was named that has no label map in this workspace."
        raise UsageError(message, hint="`umd-curate label export OUT --to itksnap --dry-run` lists them.")
    chosen = [session for session in known if not sessions or session.stem in sessions]
    exports = [
        entry for session in chosen for what in GRIDS[grid] if (entry := _export_of(workspace, config, session, what))
    ]
    return [
        _written(entry, kind, out / session_folder(entry.subject, entry.session))
        if out is not None
        else Exported(entry.name, kind, PLANNED)
        for entry in exports
        for kind in dict.fromkeys(formats)
    ]


def _export_of(workspace: Workspace, config: UmdConfig, session: SessionFiles, what: What) -> LabelExport | None:
    labels = session.artifacts.get(what)
    roles = (What.PET,) if what is What.ORGANS_ON_PET else (What.CT, What.MR)
    image = next((session.artifacts[role] for role in roles if role in session.artifacts), None)
    if labels is None or image is None:
        return None
    return LabelExport(
        name=f"{session.stem}_{what}",
        subject=session.subject,
        session=session.session,
        labels=workspace.resolve(labels.path),
        image=image.what,
        image_sha256=image.sha256,
        sidecar=read_label_sidecar(workspace.resolve(session.artifacts[f"{what}.json"].path)),
        organs=tuple(organ_table(config.dataset.definition)),
    )


def _written(entry: LabelExport, kind: str, folder: Path) -> Exported:
    try:
        files = export_labels(entry, kind, folder)
    except Refused as refused:
        return Exported(entry.name, kind, f"refused: {refused.finding.code}", finding=refused.finding.code)
    return Exported(entry.name, kind, WRITTEN, tuple(path.name for path in files))
