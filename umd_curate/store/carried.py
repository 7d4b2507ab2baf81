"""Carries a packed image into another file: blocks of planes that are changed on the way are packed anew, all others go as they are.

So an image of which nothing is taken costs no more than its copy, and one that loses a face the packing of the head. The
result is byte for byte what `NiftiWriter` makes of the changed image.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from umd_curate.store.files import atomic
from umd_curate.store.nifti import Written
from umd_curate.store.nifti_header import HEADER_BYTES, voxel_digest
from umd_curate.store.restarts import GZIP_HEADER, PackedPlanes, gzip_trailer, packed_block
from umd_curate.store.watched import Watched

Change = Callable[[int, NDArray[np.generic]], int]  # changes plane k, [j, i], in place; says how many voxels
_BLOCK = 1 << 20


class OtherImageError(ValueError):
    """The bytes of an image are not the ones that its receipt tells of."""


def carry_volume(source: Path, known: Written, target: Path, change: Change | None = None) -> Written:
    """Carry a ``.nii.gz`` of the product's own to another place.

    Parameters
    ----------
    source, target
        Files; the target appears whole or not at all, and is read back from the disk before.
    known
        What the receipt of the source tells of it.
    change
        Changes planes on the way; of a 4D image it is called for the planes of every frame.

    Raises
    ------
    OSError
        A file cannot be read or written.
    OtherImageError
        The source is not the file that its receipt tells of.
    ValueError
        The source is no image in the product's own layout.
    """
    with atomic(target) as temporary:
        file = Watched(temporary)
        try:
            written = _copied(source, known, file) if change is None else _changed(source, known, file, change)
        finally:
            file.close()
        file.check()
    return written


def _copied(source: Path, known: Written, file: Watched) -> Written:
    with source.open("rb", buffering=0) as handle:
        while block := handle.read(_BLOCK):
            file.write(block)
    _check(file.sha256, known)
    return known


def _changed(source: Path, known: Written, file: Watched, change: Change) -> Written:
    data = np.memmap(source, np.uint8, "r").data
    _check(hashlib.sha256(data).hexdigest(), known)
    image = PackedPlanes(data)
    stored, n_changed, crc = image.stored, 0, isal_zlib.crc32(image.header)
    digest = voxel_digest(stored.grid, stored.dtype, stored.n_frames)
    for number in range(image.n_blocks):
        unpacked = image.block(number)
        if unpacked is None:
            message = "the image is not in the product's own NIfTI layout"
            raise ValueError(message)
        voxels = memoryview(bytearray(unpacked))
        planes = np.frombuffer(voxels, stored.dtype).reshape(-1, *stored.grid.shape_kji[1:])
        first = image.first_plane(number)
        count = sum(change(n % stored.grid.shape_kji[0], plane_ji) for n, plane_ji in enumerate(planes, first))
        digest.update(voxels)
        crc, n_changed = isal_zlib.crc32(voxels, crc), n_changed + count
        if not count:
            file.write(image.packed(number))
            continue
        pieces: list[bytes | memoryview] = [plane_ji.reshape(-1).view(np.uint8).data for plane_ji in planes]
        if number == 0:
            file.write(GZIP_HEADER)
            pieces.insert(0, image.header)
        file.write(packed_block(pieces, is_last=number == image.n_blocks - 1))
    file.write(gzip_trailer(crc, HEADER_BYTES + stored.n_bytes))
    return Written(digest.hexdigest(), file.sha256, file.size, n_changed)


def _check(sha256: str, known: Written) -> None:
    if sha256 != known.sha256:
        message = "the image is not the one that its receipt tells of"
        raise OtherImageError(message)
