"""Joins release, PHI gate and publish: what leaves has been read back and searched for identifiers in this very call."""

from pathlib import Path

from umd_curate.errors import GateRefused, PhiGateRefused
from umd_curate.pipeline import phi_search
from umd_curate.pipeline.phi_gate import SEAL
from umd_curate.pipeline.run import Session, view_of
from umd_curate.publish.io import read_release
from umd_curate.publish.plan import Release
from umd_curate.release.scan import verify_release

MAX_NAMED = 3


def checked_release(folder: Path, session: Session | None) -> Release:
    """Read a release folder that may leave.

    Parameters
    ----------
    folder
        The folder that holds ``README.md``.
    session
        The open workspace whose patients' identifiers are searched for; None where there is none, which the caller has
        to justify: then only what looks like an identifier is searched for.

    Raises
    ------
    GateRefused
        The folder is not what its manifest says.
    PhiGateRefused
        An identifier stands in it.
    """
    faults = verify_release(folder).faults
    if faults:
        named = "; ".join(f"{fault.code} {fault.place}" for fault in faults[:MAX_NAMED])
        message = f"The release is not what its manifest says: {named}."
        raise GateRefused(message, hint="Nothing was published. Build it again.")
    if session is None:
        hits = phi_search.search_alone(folder)
    else:
        hits = phi_search.search_again(folder, view_of(session, SEAL), session.workspace)
    if hits:
        message = f"Identifiers stand in the release: {'; '.join(hits[:MAX_NAMED])}."
        raise PhiGateRefused(message, hint="Nothing was published. Report it with the place that is named.")
    return read_release(folder)
