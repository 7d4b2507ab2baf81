"""What a reader gives of one header, whichever reader it was."""

from dataclasses import dataclass
from typing import Any


class BrokenHeader(Exception):  # noqa: N818  (an outcome: the file is unreadable)
    """The header cannot be read up to the pixel data."""


@dataclass(frozen=True, slots=True)
class Header:
    """What was read of a file: values by field, where the header ends [byte], its encoding, and bytes at hand.

    `values` may leave out fields that are empty. The fields of `elements.NESTED` hold the texts of all items.
    """

    values: dict[str, Any]
    end: int
    is_implicit: bool
    is_little_endian: bool
    data: bytes
