"""The label steps: let the engines draw on the CT or MR, then on the PET grid; write what keeps the contract.

A PET whose session got no labels gets those of another session of its subject, where a registration brought both together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from umd_curate.label.engine import (
    LabelCase,
    LabelEngine,
    Labelled,
    LabelSource,
    Need,
    Outcome,
    TransformFile,
    run_engine,
)
from umd_curate.label.io import read_contour_table, write_labels
from umd_curate.label.judge import Judged, Run
from umd_curate.label.plan import ANATOMICAL, BETWEEN, CARRY, NAME, plan_carried, plan_session, series_of
from umd_curate.label.registry import load_engines
from umd_curate.label.tidy import tidy_judged
from umd_curate.model.catalogue.label import EMPTY, NO_PET_LABELS
from umd_curate.model.config import UmdConfig
from umd_curate.model.config_labels import TidyConfig
from umd_curate.model.findings import Finding, Refused, Severity
from umd_curate.model.geometry import Volume
from umd_curate.model.ids import ShortId
from umd_curate.model.receipts import Artifact, Json, Receipt, What
from umd_curate.model.sidecars import FindingEntry, LabelSidecar
from umd_curate.model.steps import Place, Step, Unit, View
from umd_curate.store.files import artifact
from umd_curate.store.nifti import read_grid, write_volume
from umd_curate.store.resources import organ_table

RAW_OF = {What.ORGANS: What.RAW_ORGANS, What.ORGANS_ON_PET: What.RAW_ORGANS_ON_PET}
WORK = "engines"  # folder on the private side: what each engine took for an image, and the end of its log


def plan(view: View, config: UmdConfig) -> Sequence[Unit]:
    """One unit per session with a CT or MR for which an engine has what it needs."""
    engines = [engine.describe() for engine in load_engines(config.label.engines, config.label).values()]
    contours = read_contour_table(config)
    units = []
    for session in view.sessions():
        series = [series_of(session, role) for role in ANATOMICAL if role in session.artifacts]
        row = contours.get(ShortId(series[0] or "")) if series else None
        units.append(plan_session(session, engines, row.checksums() if row else None, config.dataset.definition))
    return [unit for unit in units if unit is not None]


def perform(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Label the CT or MR of a session and, where it has one, its PET.

    Raises
    ------
    Refused
        No engine gave labels of the CT or MR; the finding says what the first one met.
    """
    engines = load_engines(config.label.engines, config.label)
    _, image = _image(unit, ANATOMICAL)
    contours = _contours(unit, place, config)
    drawn, outcomes = _first_good(engines, _case(unit, place, config, image, contours), config.label.tidy)
    if drawn.judged is None:
        raise Refused(_reason(drawn, unit))
    labels = _write(unit, place, image, What.ORGANS, drawn)

    measured: dict[str, Json] = {
        "outcomes": outcomes,
        "engine": drawn.engine.name,
        "organs": len(drawn.judged.ids),
        "volumes_ml": _rounded(drawn.judged.volumes_ml),
        "tidied_voxels": _counts(drawn.judged),
    }
    versions = {name: engine.describe().version for name, engine in engines.items()}
    receipt = unit.receipt(outputs=labels, findings=drawn.findings, measured=measured, versions=versions)
    if unit.input(What.PET) is None or all(What.PET not in engine.describe().targets for engine in engines.values()):
        return receipt
    moved = unit.input(What.TO_ANATOMY)
    transforms = (_transform(moved, place),) if moved else ()
    source = LabelSource(image.what, place.resolve(labels[0].path), labels[0].sha256, transforms=transforms)
    return _with_pet(receipt, unit, place, config, source)


def _transform(entry: Artifact, place: Place) -> TransformFile:
    """The registration's transform from PET points to points of the CT or MR."""
    return TransformFile(entry.path.rpartition("/")[2], place.resolve(entry.path), entry.sha256)


def _with_pet(receipt: Receipt, unit: Unit, place: Place, config: UmdConfig, source: LabelSource) -> Receipt:
    """The receipt with the labels of the PET, or with the reason why there are none."""
    _, pet = _image(unit, (What.PET,))
    drawn, outcomes = _first_good(
        load_engines(config.label.engines, config.label),
        _case(unit, place, config, pet, (source,)),
        config.label.tidy,
    )
    measured = {**receipt.measured, "outcomes_on_pet": outcomes}
    if drawn.judged is None:
        finding = NO_PET_LABELS.at(unit.name, _reason(drawn, unit).code)
        return replace(receipt, findings=(*receipt.findings, finding), measured=measured)
    measured |= {
        "engine_on_pet": drawn.engine.name,
        "organs_on_pet": len(drawn.judged.ids),
        "volumes_on_pet_ml": _rounded(drawn.judged.volumes_ml),
        "tidied_voxels_on_pet": _counts(drawn.judged),
    }
    return replace(
        receipt,
        outputs=(*receipt.outputs, *_write(unit, place, pet, What.ORGANS_ON_PET, drawn)),
        findings=(*receipt.findings, *drawn.findings),
        measured=measured,
    )


def plan_between(view: View, config: UmdConfig) -> Sequence[Unit]:
    """One unit per PET without labels that another session of its subject can give; none without a registration."""
    engines = [engine.describe() for engine in load_engines(config.label.engines, config.label).values()]
    carries = next((engine for engine in engines if engine.needs is Need.LABELS and What.PET in engine.targets), None)
    return plan_carried(view.sessions(), view.receipts(BETWEEN), carries, config.dataset.definition)


def perform_carry(unit: Unit, place: Place, config: UmdConfig) -> Receipt:
    """Carry the labels of one session to the PET of another one of the same subject."""
    transforms = unit.params["transforms"]
    assert isinstance(transforms, list)  # noqa: S101  (the plan gives it)
    by_path = {entry.path: entry for entry in unit.inputs}
    files = [_transform(by_path[str(path)], place) for path in transforms]
    if unit.params["backward"]:
        between = f"_from-{unit.session}_xfm.tfm"  # of the other session, so that its rigid transform leads to here
        files = [replace(file, is_inverse=file.name.endswith(between)) for file in files]
    _, labels = _image(unit, (What.ORGANS,))
    source = LabelSource(
        role=str(unit.params["source_role"]),
        path=place.resolve(labels.path),
        sha256=labels.sha256,
        transforms=tuple(files),
        session=str(unit.params["source_session"]),
    )
    return _with_pet(unit.receipt(), unit, place, config, source)


STEP = Step(name=NAME, version=3, sections=("dataset", "label"), plan=plan, perform=perform)
STEP_CARRY = Step(name=CARRY, version=1, sections=("dataset", "label"), plan=plan_between, perform=perform_carry)


def _image(unit: Unit, roles: Sequence[What]) -> tuple[What, Artifact]:
    """The unit's image of the first role that it has."""
    return next((role, found) for role in roles if (found := unit.input(role)) is not None)


def _contours(unit: Unit, place: Place, config: UmdConfig) -> tuple[LabelSource, ...]:
    """The site's contours of the session: the table's where it has them, else the study's own."""
    if "contours_sha256" in unit.params:
        row = read_contour_table(config).get(ShortId(str(unit.params["series"])))
        return (row.source(),) if row else ()
    staged = unit.input(What.STAGED_CONTOURS)
    return (LabelSource("contours", place.resolve(staged.path), staged.sha256),) if staged else ()


def _case(unit: Unit, place: Place, config: UmdConfig, image: Artifact, sources: tuple[LabelSource, ...]) -> LabelCase:
    path = place.resolve(image.path)
    organs = organ_table(config.dataset.definition)
    work = place.private / WORK / unit.name / image.what
    return LabelCase(unit.name, image.what, path, image.sha256, read_grid(path), organs, sources, work)


def _first_good(
    engines: Mapping[str, LabelEngine], case: LabelCase, settings: TidyConfig
) -> tuple[Labelled, dict[str, Json]]:
    """What the first engine gave that succeeded, tidied, else the first that tried; and the outcome of each that tried."""
    tried: list[Labelled] = []
    outcomes: dict[str, Json] = {}
    for name, engine in engines.items():
        if case.target not in engine.describe().targets:
            continue
        tried.append(run_engine(engine, case.within(name)))
        outcomes[name] = str(tried[-1].outcome)
        judged = tried[-1].judged
        if tried[-1].outcome is Outcome.OK and judged is not None:
            method = tried[-1].engine.method
            return replace(tried[-1], judged=tidy_judged(judged, method, case.organs, settings, case.place)), outcomes
    nothing = Labelled(next(iter(engines.values())).describe(), Outcome.EMPTY)
    return (tried[0] if tried else nothing), outcomes


def _reason(labelled: Labelled, unit: Unit) -> Finding:
    """Why there are no labels: the finding that weighs most."""
    failures = [finding for finding in labelled.findings if finding.severity is Severity.FAIL]
    return failures[0] if failures else EMPTY.at(unit.name)


def _write(unit: Unit, place: Place, image: Artifact, what: What, labelled: Labelled) -> tuple[Artifact, ...]:
    judged = labelled.judged
    assert judged is not None  # noqa: S101  (only good results are written)
    run = judged.drawing.run or Run()
    sidecar = LabelSidecar(
        engine=labelled.engine.name,
        engine_version=labelled.engine.version,
        method=labelled.engine.method,
        reference=judged.drawing.reference,
        transform=judged.drawing.transform,
        interpolation=judged.drawing.interpolation,
        labels=dict(judged.ids),
        approximate=judged.drawing.approximate,
        inputs=dict(judged.drawing.inputs),
        versions=dict(run.versions),
        weights=dict(run.weights),
        options=dict(run.options),
        agreement=dict(judged.drawing.agreement),
        tidied={rule: dict(voxels) for rule, voxels in judged.changed.items()},
        findings=tuple(FindingEntry.of(finding) for finding in labelled.findings),
    )
    relative = f"{image.path.rpartition('/')[0]}/{unit.name}_{what}.nii.gz"
    written = write_labels(place.resolve(relative), relative, what, judged.volume, sidecar)
    if judged.changed:
        written = (*written, *_write_raw(place, relative, what, judged, sidecar))
    if judged.drawing.disagreement is None:
        return written
    relative = f"{image.path.rpartition('/')[0]}/{unit.name}_{What.DISAGREEMENT}.nii.gz"
    write_volume(place.resolve(relative), judged.drawing.disagreement)
    return (*written, artifact(What.DISAGREEMENT, relative, place.resolve(relative)))


def _write_raw(place: Place, relative: str, what: What, judged: Judged, sidecar: LabelSidecar) -> tuple[Artifact, ...]:
    """The engine's own output beside the tidied labels, with its own ids and names."""
    raw = RAW_OF[what]
    own = judged.drawing.volume.array_kji
    ids = np.flatnonzero(np.bincount(own.astype(np.int64).ravel()))
    kept = Volume(
        own.astype(np.uint8 if ids.max(initial=0) <= np.iinfo(np.uint8).max else np.uint16), judged.volume.affine
    )
    names = judged.drawing.names or {number: name for name, number in judged.ids.items()}
    labels = {names[number]: number for number in ids.tolist() if number in names}
    path = relative.replace(f"_{what}.nii.gz", f"_{raw}.nii.gz")
    return write_labels(
        place.resolve(path), path, raw, kept, sidecar.model_copy(update={"labels": labels, "tidied": {}})
    )


def _rounded(volumes_ml: Mapping[str, float]) -> dict[str, Json]:
    return {name: round(volume, 3) for name, volume in volumes_ml.items()}


def _counts(judged: Judged) -> dict[str, Json]:
    return {rule: dict(voxels) for rule, voxels in judged.changed.items()}
