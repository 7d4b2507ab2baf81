"""The contract of a label engine, and the one function that runs any engine under it.

An engine describes itself, says whether it is ready, and draws. It decides what is an organ. It does not decide what is
accepted: the modality is guarded before it is asked, and what it gives is held against `judge.py`.

A model runs in an environment of its own, behind `jobs_io.ModelEngine`: instead of `draw` it has `command` and `collect`, and
`subprocess_io.py` makes a label engine of it. For the room there is no difference.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from umd_curate.label.judge import Drawing, Judged, judge
from umd_curate.model.catalogue.label import EMPTY, NOT_READY, OTHER_MODALITY
from umd_curate.model.config_labels import LabelConfig
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.geometry import Grid
from umd_curate.model.labels import OrganTable


class Need(StrEnum):
    """What an engine needs beside the image."""

    NOTHING = "nothing"
    CONTOURS = "contours"  # the site's own contours of the image
    LABELS = "labels"  # the label map of the CT or MR of the same scan


class Outcome(StrEnum):
    """How an engine ended; `empty` is never `ok`."""

    OK = "ok"
    FAILED = "failed"
    EMPTY = "empty"
    NOT_READY = "not-ready"


@dataclass(frozen=True, slots=True)
class EngineDescription:
    """What an engine is and can do.

    Parameters
    ----------
    name
        Its entry point.
    version
        Raised when it gives other labels for the same image.
    method
        ``site-contours``, ``propagated``, ``model`` or ``consensus``.
    targets
        Roles of the images that it labels: ``ct``, ``mr``, ``pet``.
    needs
        What it needs beside the image.
    licence
        Of the engine and its weights.
    weights
        SHA-256 of each file of weights, by name.
    """

    name: str
    version: str
    method: str
    targets: frozenset[str]
    needs: Need = Need.NOTHING
    licence: str = "Apache-2.0"
    weights: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TransformFile:
    """A registration's file: ``.tfm`` (linear) or ``.nii.gz`` (displacement field); its path is not shown.

    `is_inverse` says that the way back is meant; of a linear transform only, since a displacement has a file for it.
    """

    name: str
    path: Path = field(repr=False)
    sha256: str
    is_inverse: bool = False

    @property
    def shown(self) -> str:
        """Name of the file, as provenance states it."""
        return f"inverse of {self.name}" if self.is_inverse else self.name


@dataclass(frozen=True, slots=True)
class LabelSource:
    """A label map that is there already.

    Parameters
    ----------
    role
        ``contours``, or the role of the image on which it stands: ``ct`` or ``mr``.
    path, sha256
        The NIfTI file; its path is not shown.
    names
        Organ name of each id; None where the ids are the dataset's own.
    transforms
        Files of ITK that lead from points of the image to label to points of this map (LPS+ mm), applied from the last to
        the first as ITK composes them; none where both share a frame of reference and nothing moved.
    session
        Session of the map, where it is another one of the same subject.
    """

    role: str
    path: Path = field(repr=False)
    sha256: str
    names: Mapping[int, str] | None = field(default=None, repr=False)
    transforms: tuple["TransformFile", ...] = ()
    session: str = ""

    @property
    def reference(self) -> str:
        """Image on which the map stands, such as ``ct`` or ``petct1/ct``."""
        return f"{self.session}/{self.role}" if self.session else self.role


@dataclass(frozen=True, slots=True)
class LabelCase:
    """One image to label.

    Parameters
    ----------
    place
        Published name of the session, for findings.
    target
        Role of the image: ``ct``, ``mr`` or ``pet``.
    image, image_sha256
        The image file; its path is not shown.
    grid
        Grid of the image.
    organs
        The dataset's organs.
    sources
        Label maps that are there already.
    work
        Private folder in which an engine may work and where its log stays; a temporary one where None.
    """

    place: str
    target: str
    image: Path = field(repr=False)
    image_sha256: str
    grid: Grid
    organs: OrganTable
    sources: tuple[LabelSource, ...] = ()
    work: Path | None = field(default=None, repr=False)

    def within(self, name: str) -> "LabelCase":
        """The same case with a folder of its own to work in."""
        return replace(self, work=self.work / name if self.work else None)

    def source(self, *roles: str) -> LabelSource | None:
        """First label map of one of the roles."""
        return next((source for source in self.sources if source.role in roles), None)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an engine is made with: the section ``label`` of umd.toml, and its own folder of environment and weights."""

    label: LabelConfig
    folder: Path = field(repr=False)


class LabelEngine(Protocol):
    """A label engine. Its class is an entry point of the group ``umd_curate.engines``, made with `EngineSettings`."""

    def describe(self) -> EngineDescription:
        """What it is; the same at every call."""
        ...

    def ready(self) -> tuple[str, ...]:
        """Problems that keep it from working, free of input values; never opens a socket."""
        ...

    def draw(self, case: LabelCase) -> Drawing:
        """Label one image; the same image gives the same labels. Raises `Refused` for an image that it cannot label."""
        ...


@dataclass(frozen=True, slots=True)
class Labelled:
    """What came of one engine on one image; `judged` is there when the outcome is `ok`."""

    engine: EngineDescription
    outcome: Outcome
    judged: Judged | None = None
    findings: tuple[Finding, ...] = ()


def run_engine(engine: LabelEngine, case: LabelCase) -> Labelled:
    """Ask one engine for the labels of one image and accept them only if they keep the contract."""
    described = engine.describe()
    if case.target not in described.targets:
        finding = OTHER_MODALITY.at(case.place, f"engine {described.name}, image {case.target}")
        return Labelled(described, Outcome.FAILED, findings=(finding,))
    problems = engine.ready()
    if problems:
        detail = f"engine {described.name}, number of problems"
        finding = NOT_READY.at(case.place, detail, measured=len(problems), limit=0)
        return Labelled(described, Outcome.NOT_READY, findings=(finding,))
    try:
        judged = judge(engine.draw(case), case.grid, case.organs, case.place)
    except Refused as refused:
        outcome = Outcome.EMPTY if refused.finding.code == EMPTY.code else Outcome.FAILED
        return Labelled(described, outcome, findings=(refused.finding,))
    if not judged.ids:
        return Labelled(described, Outcome.EMPTY, findings=judged.findings)
    return Labelled(described, Outcome.OK, judged, judged.findings)
