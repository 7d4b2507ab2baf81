"""Lists the sessions to label: one unit per CT or MR for which an engine has what it needs. Pure."""

from collections.abc import Iterable, Mapping

from umd_curate.label.engine import EngineDescription, Need
from umd_curate.model.receipts import Artifact, Json, What
from umd_curate.model.steps import SessionFiles, Unit

NAME = "label"
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
