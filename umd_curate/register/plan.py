"""Lists the pairs of a workspace: one unit per session with a PET and a CT or MR. Pure."""

from collections.abc import Iterable

from umd_curate.model.receipts import What
from umd_curate.model.steps import SessionFiles, Unit

NAME = "register"

# Role of the image that is brought to the PET grid, and the role that it has there.
PAIRS: tuple[tuple[What, What], ...] = ((What.CT, What.CT_ON_PET), (What.MR, What.MR_ON_PET))


def plan_pairs(sessions: Iterable[SessionFiles]) -> list[Unit]:
    """Units in the order of the sessions; a session without partner for its PET has none."""
    units = []
    for session in sessions:
        pet = session.artifacts.get(What.PET)
        moving = next((session.artifacts[role] for role, _ in PAIRS if role in session.artifacts), None)
        if pet is not None and moving is not None:
            unit = Unit(NAME, session.stem, session.subject, session.session, inputs=(pet, moving))
            units.append(unit)
    return units
