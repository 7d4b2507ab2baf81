"""Lists what to label: each CT or MR for which an engine has what it needs; then PETs that get labels of another session. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from umd_curate.label.engine import EngineDescription, Need
from umd_curate.model.receipts import Artifact, Json, Receipt, State, What
from umd_curate.model.steps import SessionFiles, Unit

NAME = "label"
CARRY = "carry"
BETWEEN = "between"  # step whose receipts say how sessions of a subject lie to each other
ACCEPTED = "accepted"
ANATOMICAL = (What.CT, What.MR)


def series_of(session: SessionFiles, role: What) -> str | None:
    """Keyed short id of the series from which an image was made, as ingest measured it."""
    series = session.facts.get("ingest", {}).get(role)
    return series if isinstance(series, str) else None


def plan_session(
    session: SessionFiles,
    engines: Iterable[EngineDescription],
    checksums: Mapping[str, str] | None,
    definition: str,
) -> Unit | None:
    """Unit of one session; None where it has no CT or MR, or no engine could label it.

    Parameters
    ----------
    session
        Files of the session.
    engines
        The configured engines in order.
    checksums
        Of the label map that the table label.contours names for the series, and of its map file; None where it names none.
    definition
        Name of the dataset's definition, whose organs are labelled.
    """
    role = next((role for role in ANATOMICAL if role in session.artifacts), None)
    if role is None:
        return None
    described = tuple(engines)
    staged = session.artifacts.get(What.STAGED_CONTOURS)
    has_contours = checksums is not None or staged is not None
    useful = [e for e in described if role in e.targets and (e.needs is not Need.CONTOURS or has_contours)]
    if not useful:
        return None
    params: dict[str, Json] = {
        "definition": definition,
        "engines": {engine.name: {"version": engine.version, "weights": dict(engine.weights)} for engine in described},
    }
    inputs: list[Artifact] = [session.artifacts[role]]
    inputs += [session.artifacts[what] for what in (What.PET, What.TO_ANATOMY) if what in session.artifacts]
    if checksums is not None:
        params |= {"series": series_of(session, role), **checksums}
    elif staged is not None:
        inputs.append(staged)
    return Unit(NAME, session.stem, session.subject, session.session, tuple(inputs), params)


def plan_carried(
    sessions: Sequence[SessionFiles], pairs: Iterable[Receipt], engine: EngineDescription | None, definition: str
) -> list[Unit]:
    """One unit per PET without labels whose subject has another session with labels and an accepted registration to it.

    Parameters
    ----------
    sessions
        With the artifacts of registration and labelling.
    pairs
        Receipts of the registrations between sessions.
    engine
        The configured engine that carries labels; None: no unit.
    definition
        Name of the dataset's definition.
    """
    if engine is None:
        return []
    known = {(session.subject, session.session): session for session in sessions}
    units: dict[str, Unit] = {}
    for pair in pairs:
        fixed = known.get((pair.subject, pair.session))
        moving = known.get((pair.subject, str(pair.measured.get("moving_session"))))
        if pair.state is not State.DONE or pair.measured.get("verdict") != ACCEPTED or fixed is None or moving is None:
            continue
        files = {entry.what.removeprefix(f"from-{moving.session}_"): entry for entry in pair.outputs}
        for unit in (
            _carried(moving, fixed, [files.get("inverse"), files["xfm"]], engine, definition, backward=True),
            _carried(fixed, moving, [files["xfm"], files.get("displacement")], engine, definition, backward=False),
        ):
            if unit is not None:
                units.setdefault(f"{unit.subject}/{unit.session}", unit)
    return list(units.values())


def _carried(
    to: SessionFiles,
    source: SessionFiles,
    between: Sequence[Artifact | None],
    engine: EngineDescription,
    definition: str,
    *,
    backward: bool,
) -> Unit | None:
    """Unit that carries the labels of one session to the PET of another one; None where there is nothing to do."""
    role = next((role for role in ANATOMICAL if role in source.artifacts), None)
    if What.PET not in to.artifacts or What.ORGANS_ON_PET in to.artifacts:
        return None
    if role is None or What.ORGANS not in source.artifacts:
        return None
    moved = to.artifacts.get(What.TO_ANATOMY)  # acts first: PET points to points of its CT or MR
    transforms = [entry for entry in (*between, moved) if entry is not None]
    params: dict[str, Json] = {
        "definition": definition,
        "engines": {engine.name: {"version": engine.version}},
        "source_session": source.session,
        "source_role": role,
        "transforms": [entry.path for entry in transforms],
        "backward": backward,
    }
    inputs = (to.artifacts[What.PET], source.artifacts[What.ORGANS], *transforms)
    return Unit(CARRY, to.stem, to.subject, to.session, inputs, params)
