"""Defects of files: cut off, destroyed, copied, foreign, or encoded in a way that is rare and sound."""

from collections.abc import Mapping
from dataclasses import replace

from umd_curate.model.study import Disposition
from umd_curate.synth.planting import INCOMPLETE, SECOND_CHOICE, Defect, EditSeries, Verdict, bad
from umd_curate.synth.schedule import Study
from umd_curate.synth.series import Expected, RawFile, Series, Syntax

_HEADER_START = 132 + 320  # of the dataset, behind the file meta
_COPY = Expected(Disposition.DUPLICATE, "identical copy")
_IMAGES = ("ct", "mr-in", "pet")


def _truncated(files: list[RawFile]) -> list[RawFile]:
    """The middle file ends halfway through its pixels; without it the series has a gap."""
    middle = len(files) // 2
    found = [replace(file, expected=INCOMPLETE) for file in files]
    data = files[middle].data
    found[middle] = replace(files[middle], data=data[: len(data) * 6 // 10], expected=bad("truncated"))
    return found


def _corrupt(files: list[RawFile]) -> list[RawFile]:
    """The first file's header is overwritten behind the file meta."""
    data = files[0].data
    broken = data[:_HEADER_START] + b"\xff\xfe\x5a" * 200 + data[_HEADER_START + 600 :]
    return [replace(files[0], data=broken, expected=bad("unreadable header")), *files[1:]]


def _text(files: list[RawFile]) -> list[RawFile]:
    note = RawFile(0, "", b"This is no image.\n" * 40, Expected(Disposition.EXCLUDED, "not DICOM"), ".dcm")
    return [*files, note]


def _copied(files: list[RawFile]) -> list[RawFile]:
    return [*files, replace(files[len(files) // 2], number=len(files) + 1, expected=_COPY)]


def _all_copied(files: list[RawFile]) -> list[RawFile]:
    return [*files, *(replace(file, number=len(files) + file.number, expected=_COPY) for file in files)]


def _copied_differently(files: list[RawFile]) -> list[RawFile]:
    """A second file of one SOP instance, with other pixels."""
    middle = len(files) // 2
    original = files[middle]
    size = min(512, len(original.data) // 4)
    start = len(original.data) // 2
    other = original.data[:start] + bytes(size) + original.data[start + size :]
    reason = bad("one SOP instance with two contents")
    found = [replace(file, expected=INCOMPLETE) for file in files]
    found[middle] = replace(original, expected=reason)
    return [*found, replace(original, number=len(files) + 1, data=other, expected=reason)]


def _stored(syntax: Syntax) -> EditSeries:
    def edit(series: Series, _study: Study) -> tuple[Series, ...]:
        return (replace(series, transfer_syntax=syntax),)

    return edit


FILE_DEFECTS: Mapping[str, Defect] = {
    "truncated-pixels": Defect(
        "One CT slice ends halfway through its pixels.",
        Verdict.REFUSED,
        ("ct",),
        files=_truncated,
        elsewhere=SECOND_CHOICE,
    ),
    "corrupt-header": Defect(
        "One file of the contrast CT has a destroyed header.",
        Verdict.REFUSED,
        ("ct-contrast", "mr-opp"),
        files=_corrupt,
    ),
    "not-dicom": Defect("A text file has a name that ends in .dcm.", Verdict.EXCLUDED, ("ct", "mr-in"), files=_text),
    "duplicate-slice": Defect(
        "One CT slice is there twice, byte for byte.", Verdict.REPAIRED, ("ct", "mr-in"), files=_copied
    ),
    "duplicate-files": Defect(
        "A whole series was exported twice, byte for byte.", Verdict.REPAIRED, ("ct", "mr-in", "pet"), files=_all_copied
    ),
    "duplicate-slice-differing": Defect(
        "One CT slice is there twice under one SOP instance UID, with different pixels.",
        Verdict.REFUSED,
        ("ct",),
        files=_copied_differently,
        elsewhere=SECOND_CHOICE,
    ),
    "implicit": Defect(
        "The image is stored as implicit little endian.", Verdict.ACCEPTED, _IMAGES, edit=_stored(Syntax.IMPLICIT)
    ),
    "big-endian": Defect(
        "The image is stored as explicit big endian.", Verdict.ACCEPTED, _IMAGES, edit=_stored(Syntax.BIG_ENDIAN)
    ),
    "deflated": Defect(
        "The files of the image are deflated.", Verdict.ACCEPTED, _IMAGES, edit=_stored(Syntax.DEFLATED)
    ),
    "rle": Defect("The pixels are run-length encoded.", Verdict.ACCEPTED, _IMAGES, edit=_stored(Syntax.RLE)),
    "j2k": Defect(
        "The pixels are stored as lossless JPEG 2000.", Verdict.ACCEPTED, _IMAGES, edit=_stored(Syntax.JPEG_2000)
    ),
    "jpeg-ls": Defect(
        "The pixels are stored as lossless JPEG-LS.", Verdict.ACCEPTED, _IMAGES, edit=_stored(Syntax.JPEG_LS)
    ),
}
