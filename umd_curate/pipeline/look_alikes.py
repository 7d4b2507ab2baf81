"""The search of a release for what looks like an identifier of anybody, whoever's headers were read.

It takes the patterns of `deid.telltales`. What a release says by right is taken out of the bytes first: the maintainers' own
texts of umd.toml, such as the address for withdrawals; MR as a modality and ms as a unit, which to the patterns are titles of
persons. Among the sizes of a thousand images there is always one that reads as a day, and both stand beside them.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from umd_curate.deid.audit_io import Search, for_telltales
from umd_curate.deid.identifiers import Kind
from umd_curate.deid.pieces import Piece
from umd_curate.deid.telltales import Telltale

LEAST_OWN = 6  # characters of an own text that is taken out; a shorter one might be a part of anything
_WRITTEN_OTHERWISE = re.compile(r"[^\x20-\x7e]|[\"'\\&<>|;]")  # in JSON, HTML, a list or a table
_NO_TITLE = re.compile(rb"\b(?:MR|mr|MS|ms)\b")  # Mr and Ms are titles


def look_alikes(stated: Iterable[str] = ()) -> Search:
    """Search for what looks like an identifier.

    Parameters
    ----------
    stated
        What the maintainers say of themselves; a release repeats it, a session does not.
    """
    own = sorted({part for text in stated for part in _parts(text)}, key=len, reverse=True)

    def search(piece: Piece) -> set[tuple[Kind | Telltale, str]]:
        if not piece.is_text:
            return for_telltales(piece)
        data = piece.data
        for part in own:
            data = data.replace(part, b"\n")
        return for_telltales(replace(piece, data=_NO_TITLE.sub(b"", data)))

    return search


def _parts(text: str) -> list[bytes]:
    """Parts of a text that every format writes alike."""
    parts = (part.strip() for part in _WRITTEN_OTHERWISE.split(text))
    return [part.encode("ascii") for part in parts if len(part) >= LEAST_OWN]
