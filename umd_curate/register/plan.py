"""Lists the pairs of a workspace: PET and CT/MR of each session, and the sessions of a subject with each other. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from umd_curate.model.receipts import Artifact, Json, What
from umd_curate.model.steps import SessionFiles, Unit

NAME = "register"
BETWEEN = "between"

# Role of the image that is brought to the PET grid, and the role that it has there.
PAIRS: tuple[tuple[What, What], ...] = ((What.CT, What.CT_ON_PET), (What.MR, What.MR_ON_PET))
PET_ON = {What.CT: What.PET_ON_CT, What.MR: What.PET_ON_MR}
_FIXED_KINDS = (
    "petct",
    "petmri",
    "pet",
    "ct",
    "mr",
)  # a CT is the fixed image where there is one: its geometry is exact

Overrides = Mapping[str, Mapping[str, Json]]


def plan_pairs(sessions: Iterable[SessionFiles], overrides: Overrides | None = None) -> list[Unit]:
    """Units in the order of the sessions; a session without partner for its PET has none."""
    units = []
    for session in sessions:
        pet = session.artifacts.get(What.PET)
        moving = next((session.artifacts[role] for role, _ in PAIRS if role in session.artifacts), None)
        if pet is not None and moving is not None:
            sidecar = session.artifacts.get(f"{What.PET}.json")
            inputs = (pet, moving, *((sidecar,) if sidecar else ()))
            given = (overrides or {}).get(session.stem)
            params: dict[str, Json] = {"override": dict(given)} if given else {}
            units.append(Unit(NAME, session.stem, session.subject, session.session, inputs, params))
    return units


def plan_between(
    sessions: Sequence[SessionFiles], mode: str, definition: str, overrides: Overrides | None = None
) -> list[Unit]:
    """One unit per session that is brought onto the first session of another kind of its subject; none with ``off``."""
    if mode == "off":
        return []
    by_subject: dict[str, list[SessionFiles]] = {}
    for session in sessions:
        if _shown(session) is not None:
            by_subject.setdefault(session.subject, []).append(session)
    units = []
    for _, own in sorted(by_subject.items()):
        fixed = min(own, key=lambda session: (_FIXED_KINDS.index(session.kind), session.session))
        units += [
            _pair(fixed, moving, mode, definition, overrides or {}) for moving in own if moving.kind != fixed.kind
        ]
    return units


def _pair(fixed: SessionFiles, moving: SessionFiles, mode: str, definition: str, overrides: Overrides) -> Unit:
    name = f"{fixed.stem}_from-{moving.session}"
    sides = {"fixed": _files(fixed), "moving": _files(moving)}
    files: dict[str, Json] = {side: {role: entry.path for role, entry in own.items()} for side, own in sides.items()}
    params: dict[str, Json] = {
        **files,
        "fixed_session": fixed.session,
        "moving_session": moving.session,
        "mode": mode,
        "definition": definition,
    }
    if name in overrides:
        params["override"] = dict(overrides[name])
    inputs = tuple(entry for own in sides.values() for entry in own.values())
    return Unit(BETWEEN, name, fixed.subject, fixed.session, inputs, params)


def _shown(session: SessionFiles) -> What | None:
    """Role of the image that stands for a session: its CT or MR, else its PET."""
    return next((role for role in (What.CT, What.MR, What.PET) if role in session.artifacts), None)


def _files(session: SessionFiles) -> dict[str, Artifact]:
    """Files of a session that a registration reads, by role."""
    role = _shown(session)
    wanted = (role, What.ORGANS if role is not What.PET else What.ORGANS_ON_PET, What.PET)
    return {str(name): session.artifacts[name] for name in wanted if name is not None and name in session.artifacts}
