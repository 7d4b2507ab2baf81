"""Parts of a file as they are searched, and which bytes of a header are text.

Numbers beside text read like a name by chance: one NIfTI header in a hundred does. So what looks like an identifier is sought
in texts alone, and identifiers that are known in all bytes.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from umd_curate.deid.telltales import Telltale

_NIFTI_TEXTS = tuple(  # names as in nifti1.h
    slice(start, start + size)
    for start, size in {
        "data_type": (4, 10),
        "db_name": (14, 18),
        "descrip": (148, 80),
        "aux_file": (228, 24),
        "intent_name": (328, 16),
    }.values()
)
_GZIP_FIXED, _GZIP_EXTRA, _GZIP_NAME, _GZIP_COMMENT = 10, 4, 8, 16  # bytes before the fields; their flags


class Aim(Enum):
    """What is looked for in a piece: identifiers that are known, what looks like one, or both."""

    ALL = auto()
    KNOWN = auto()  # text among numbers
    ALIKE = auto()  # the text of bytes that are searched for known identifiers where they stand


class Binary(NamedTuple):
    """A binary value of a DICOM header."""

    data: bytes
    is_number: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file.

    Parameters
    ----------
    data
        Its bytes; parts of one stream overlap.
    is_text
        Text or a header, rather than numeric payload.
    aim
        What is looked for in it.
    told
        What the structure of the file tells of identifiers.
    """

    data: bytes
    is_text: bool = True
    aim: Aim = Aim.ALL
    told: frozenset[Telltale] = frozenset()


def nifti_texts(head: bytes) -> bytes:
    """The fields of a NIfTI-1 header that hold text."""
    return b"\n".join(head[field] for field in _NIFTI_TEXTS).replace(b"\0", b"\n")


def gzip_texts(head: bytes) -> bytes:
    """Extra field, name and comment of a gzip member (RFC 1952 2.3.1), not the packed bytes behind them, which may look like anything."""
    flags = head[3] if len(head) > 3 else 0
    end = _GZIP_FIXED
    if flags & _GZIP_EXTRA:
        end += 2 + int.from_bytes(head[end : end + 2], "little")
    for flag in (_GZIP_NAME, _GZIP_COMMENT):
        if flags & flag:
            end = head.find(b"\0", end) + 1 or len(head)
    return head[_GZIP_FIXED:end]
