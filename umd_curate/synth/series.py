"""The values that travel from the series makers to the disk: a series with its slices, and what should become of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from umd_curate.model.study import Disposition
from umd_curate.synth.header import Header, place
from umd_curate.synth.placing import Placed
from umd_curate.synth.schedule import Study

Load = Callable[[], bytes]  # gives the pixel bytes of an image: little endian, rows one after the other
Keep = Callable[[bytes], Load]  # lays pixel bytes aside


class Syntax(StrEnum):
    """Transfer syntaxes (PS3.5 10) in which a series may be stored."""

    EXPLICIT = "1.2.840.10008.1.2.1"
    IMPLICIT = "1.2.840.10008.1.2"
    BIG_ENDIAN = "1.2.840.10008.1.2.2"
    DEFLATED = "1.2.840.10008.1.2.1.99"
    RLE = "1.2.840.10008.1.2.5"
    JPEG_2000 = "1.2.840.10008.1.2.4.90"
    JPEG_LS = "1.2.840.10008.1.2.4.80"


@dataclass(frozen=True, slots=True)
class Slice:
    """One instance: what differs from the series' header, and what gives the pixel bytes."""

    header: Header
    load: Load


def held(pixels: bytes) -> Load:
    """Pixel bytes that are at hand."""
    return lambda: pixels


@dataclass(frozen=True, slots=True)
class Expected:
    """What the product should do with a file, and why not more."""

    disposition: Disposition
    reason: str = ""


USED = Expected(Disposition.USED)


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a study.

    Parameters
    ----------
    name
        Role within the study, such as ``ct``, ``ct-contrast`` or ``pet-nac``.
    header
        What all its instances say.
    slices
        Its instances, in the order in which the scanner stored them.
    expected
        What should become of its files.
    transfer_syntax
        How its files are encoded.
    preamble, padding
        Bytes before the file meta and in DataSetTrailingPadding (FFFC,FFFC).
    odd
        Expectations of single slices, by place, where they differ from the series'.
    """

    name: str
    header: Header
    slices: tuple[Slice, ...] = field(repr=False)
    expected: Expected = USED
    transfer_syntax: Syntax = Syntax.EXPLICIT
    preamble: bytes = b""
    padding: bytes = b""
    odd: Mapping[int, Expected] = field(default_factory=dict)

    @property
    def uid(self) -> str:
        """SeriesInstanceUID (0020,000E)."""
        return str(self.header.get("SeriesInstanceUID", ""))

    def editing(self, **changes: object) -> "Series":
        """The series with other elements; None takes one away."""
        header = {key: value for key, value in self.header.items() if key not in changes}
        header |= {key: value for key, value in changes.items() if value is not None}  # type: ignore[misc]
        return replace(self, header=header)


@dataclass(frozen=True, slots=True)
class RawFile:
    """One file as it goes to the raw folder.

    Parameters
    ----------
    number
        Place within its series, from 1; part of its name in a tree.
    sop_uid
        SOPInstanceUID (0008,0018), empty where it is no DICOM.
    data
        The bytes.
    expected
        What should become of it.
    suffix
        Ending of its name, where it insists on one.
    """

    number: int
    sop_uid: str
    data: bytes = field(repr=False)
    expected: Expected = USED
    suffix: str = ""


def stack(
    study: Study, name: str, placed: Placed, planes: Iterable[tuple[Header, Load]], *, descending: bool
) -> tuple[Slice, ...]:
    """Slices of a volume given plane by plane, ascending along the normal.

    `descending` numbers and stores them from the head down, as scanners of one vendor do.
    """
    count = len(placed.positions_lps)
    found = []
    for k, (own, load) in enumerate(planes):
        number = count - k if descending else k + 1
        header = place(placed.positions_lps[k], number, study.uid("instance", name, k)) | own
        found.append(Slice(header, load))
    return tuple(reversed(found)) if descending else tuple(found)


def bare(loads: Iterable[Load]) -> Iterator[tuple[Header, Load]]:
    """Planes without elements of their own."""
    for load in loads:
        yield {}, load


def plane_bytes(plane_ji: "np.ndarray[tuple[int, ...], np.dtype[np.integer]]") -> bytes:
    """Pixel bytes of a stored plane."""
    return np.ascontiguousarray(plane_ji.astype(plane_ji.dtype.newbyteorder("<"), copy=False)).tobytes()
