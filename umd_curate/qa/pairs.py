"""Lists the pairs of sessions to draw, and finds their figures again for the page. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from umd_curate.model.receipts import Json, Receipt, State, What
from umd_curate.model.steps import SessionFiles, Unit, View

NAME = "pairs"
BETWEEN = "between"
RECEIPT = "_xfm.json"  # ending of a receipt's role: space-pet_xfm.json within a scan, from-petmri1_xfm.json between two


@dataclass(frozen=True, slots=True)
class DrawnFigure:
    """A figure of a pair as the plan of the page knows it."""

    name: str
    caption: str
    width: int
    height: int


def plan_pairs(view: View, definition: str) -> list[Unit]:
    """One unit per registration between two sessions."""
    known = {(session.subject, session.session): session for session in view.sessions()}
    units = [
        unit
        for receipt in view.receipts(BETWEEN)
        if receipt.state is State.DONE
        and (unit := _unit(receipt, known[receipt.subject, receipt.session], definition)) is not None
    ]
    return sorted(units, key=lambda unit: unit.name)


def source_of(session: str) -> str:
    """Beginning of the roles of what came from another session."""
    return f"from-{session}"


def drawn_figures(receipts: Sequence[Receipt], subject: str, session: str) -> dict[str, tuple[DrawnFigure, ...]]:
    """Figures of a session's pairs, by the other session."""
    found = {}
    for receipt in receipts:
        if receipt.step == NAME and (receipt.subject, receipt.session) == (subject, session):
            entries = receipt.measured.get("figures")
            rows = [entry for entry in (entries if isinstance(entries, list) else []) if isinstance(entry, dict)]
            found[str(receipt.measured["moving_session"])] = tuple(
                DrawnFigure(str(row["name"]), str(row["caption"]), int(str(row["width"])), int(str(row["height"])))
                for row in rows
            )
    return found


def _unit(receipt: Receipt, session: SessionFiles, definition: str) -> Unit | None:
    other = str(receipt.measured["moving_session"])
    role = next((role for role in (What.CT, What.MR) if role in session.artifacts), None)
    moved = next((entry for entry in receipt.outputs if entry.what.startswith(f"space-pet_{source_of(other)}")), None)
    document = next((entry for entry in receipt.outputs if entry.what.endswith(RECEIPT)), None)
    if role is None or moved is None or document is None:
        return None
    inputs = [session.artifacts[role], moved, document]
    inputs += [session.artifacts[what] for what in (What.ORGANS,) if what in session.artifacts]
    params: Mapping[str, Json] = {
        "definition": definition,
        "role": role,
        "moved": moved.what,
        "moving_session": other,
        "receipt": document.what,
    }
    return Unit(NAME, receipt.unit, receipt.subject, receipt.session, tuple(inputs), params)
