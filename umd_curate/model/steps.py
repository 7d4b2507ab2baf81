"""The shape of a step: `plan` lists the units of work, `perform` does one, and its receipt says what came of it.

A unit's key is the hash of its step, version, inputs, parameters and settings; resume and "stale" follow from it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from umd_curate.model.findings import Finding
from umd_curate.model.ids import session_folder
from umd_curate.model.receipts import Artifact, Json, Receipt, State

if TYPE_CHECKING:
    from umd_curate.model.config import UmdConfig


class Place(Protocol):
    """Where a workspace lies; `store.workspace.Workspace` is the one implementation."""

    @property
    def root(self) -> Path:
        """Folder of the workspace."""
        ...

    @property
    def private(self) -> Path:
        """Folder of what can identify."""
        ...

    def resolve(self, relative: str) -> Path:
        """Absolute path of an artifact's relative one."""
        ...


@dataclass(frozen=True, slots=True)
class SessionFiles:
    """One session as the rooms below the wall see it: its artifacts by role.

    `kind` is ``petct``, ``petmri``, ``pet``, ``ct`` or ``mr``; `facts` are measured values of the steps so far, by step.
    """

    subject: str
    session: str
    kind: str
    artifacts: Mapping[str, Artifact]
    facts: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        """File name up to the role: ``sub-7K3QF2_ses-petct1``."""
        return f"sub-{self.subject}_ses-{self.session}"

    @property
    def folder(self) -> str:
        """Folder below the workspace: ``data/sub-7K3QF2/ses-petct1``."""
        return f"data/{session_folder(self.subject, self.session)}"


class View(Protocol):
    """Read-only view of the ledger for planning."""

    def sessions(self) -> Sequence[SessionFiles]:
        """Sessions with all artifacts that finished units of earlier steps made, by subject and session."""
        ...

    def receipts(self, step: str) -> Sequence[Receipt]:
        """Receipts of the current units of a step, by unit name."""
        ...


@dataclass(frozen=True, slots=True)
class Unit:
    """One piece of work that any process can do, named without identifiers."""

    step: str
    name: str
    subject: str = ""
    session: str = ""
    inputs: tuple[Artifact, ...] = ()
    params: Mapping[str, Json] = field(default_factory=dict)

    def input(self, what: str) -> Artifact | None:
        """First input of that role."""
        return next((artifact for artifact in self.inputs if artifact.what == what), None)

    def receipt(
        self,
        *,
        outputs: Sequence[Artifact] = (),
        findings: Sequence[Finding] = (),
        measured: Mapping[str, Json] | None = None,
        versions: Mapping[str, str] | None = None,
        state: State = State.DONE,
    ) -> Receipt:
        """Receipt of this unit; the pipeline fills in the key."""
        return Receipt(
            step=self.step,
            unit=self.name,
            key="",
            state=state,
            subject=self.subject,
            session=self.session,
            inputs=self.inputs,
            outputs=tuple(outputs),
            findings=tuple(findings),
            measured=measured or {},
            versions=versions or {},
        )


@dataclass(frozen=True, slots=True)
class Step:
    """A room's work as two functions.

    Parameters
    ----------
    name
        Verb of the room, such as ``register``.
    version
        Raised when the same inputs give other outputs.
    sections
        Sections of umd.toml that enter the units' keys.
    plan
        Pure: view and config to units.
    perform
        Does one unit in any process. Raises `Refused` for a case that cannot go on.
    """

    name: str
    version: int
    sections: tuple[str, ...]
    plan: "Callable[[View, UmdConfig], Sequence[Unit]]"
    perform: "Callable[[Unit, Place, UmdConfig], Receipt]"


def unit_key(unit: Unit, step: Step, config: "UmdConfig", definition_sha256: str = "") -> str:
    """SHA-256 over everything that decides a unit's outputs.

    `definition_sha256` is the digest of the dataset's definition (organs, subsets); it counts for the steps that name the
    section ``dataset``.
    """
    settings = {section: config.section(section) for section in step.sections}
    text = json.dumps(
        {
            "step": step.name,
            "version": step.version,
            "name": unit.name,
            "inputs": [asdict(artifact) for artifact in unit.inputs],
            "params": dict(unit.params),
            "settings": settings,
            "definition": definition_sha256 if "dataset" in step.sections else "",
        },
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(text.encode()).hexdigest()
