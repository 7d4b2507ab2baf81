"""An image of a row: what is known of it without its voxels, and its voxels when they are asked for.

The compressed bytes are compared with the release's own digest before they are unpacked, straight from the mapped file into
one buffer. `array` is indexed (i, j, k), as nibabel has it, and is a view; `affine` maps (i, j, k, 1) to RAS+ mm.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from umd_curate.errors import SchemaError
from umd_curate.load.nearest import nearest
from umd_curate.model.footprint import FootprintMean
from umd_curate.model.geometry import Float64, Grid, Volume
from umd_curate.model.resampled import background, stored_as
from umd_curate.store.lazy import Lazy
from umd_curate.store.nifti_header import HEADER_BYTES, Stored, stored_of
from umd_curate.store.restarts import PackedPlanes

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Image

nib = Lazy("nibabel")

_GZIP = 31  # zlib's word for a gzip header and a window of 32 KiB
_DEFLATE_ERROR = cast("type[Exception]", isal_zlib.error)  # its stub declares an instance
LABEL_COLUMNS = ("organs",)  # a column that begins so holds a label map
LEAST_COVERED = 0.5  # of a voxel that is resampled; the background stands where less is known


@dataclass(eq=False)
class Image:
    """One image.

    Parameters
    ----------
    column
        Of the release: ``pet``, ``ct``, ``mr``, ``ct_on_pet``, ``organs``, ``organs_on_pet`` ...
    file_name
        BIDS-like.
    units
        ``SUVbw``, ``HU``, ``label`` ...
    shape
        (i, j, k).
    affine
        4 x 4, maps (i, j, k, 1) to RAS+ mm.
    sha256
        Of the ``.nii.gz``; empty where it is not to be checked.
    read
        Gives the bytes of the ``.nii.gz``.
    """

    column: str
    file_name: str
    units: str
    shape: tuple[int, ...]
    affine: Float64
    sha256: str = field(repr=False)
    read: Callable[[], memoryview] = field(repr=False)
    _array_kji: NDArray[np.generic] | None = field(default=None, repr=False)
    _packed: PackedPlanes | None = field(default=None, repr=False)

    @property
    def array(self) -> NDArray[np.generic]:
        """Voxels, indexed (i, j, k); read-only, kept until the image is dropped."""
        return self.array_kji.T

    @property
    def array_kji(self) -> NDArray[np.generic]:
        """Voxels in C order, indexed [k, j, i] (frames before k); read-only, kept until the image is dropped."""
        if self._array_kji is None:
            self._array_kji = self._decode()
        return self._array_kji

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxel centres along i, j, k [mm]."""
        return self.grid.spacing_mm

    @property
    def grid(self) -> Grid:
        """Where the voxels are."""
        i, j, k = self.shape[:3]
        return Grid((k, j, i), self.affine)

    @property
    def is_label(self) -> bool:
        """Say whether it is a label map."""
        return self.column.startswith(LABEL_COLUMNS)

    def plane(self, index: int, axis: int = 2) -> NDArray[np.generic]:
        """One plane; along k (axis 2) only a part of the image is unpacked where the file has restarts, as ours have.

        Parameters
        ----------
        index
            Number of the plane, from 0.
        axis
            Of (i, j, k) that the plane is perpendicular to.

        Returns
        -------
        ndarray
            The two other axes in their order: for axis 2 shape (i, j).
        """
        if axis != 2 or self._array_kji is not None or len(self.shape) != 3:
            return np.asarray(self.array.take(index, axis))
        if not 0 <= index < self.shape[2]:
            message = "the image has no such plane"
            raise IndexError(message)
        if self._packed is None:
            try:
                self._packed = PackedPlanes(self._checked())
            except ValueError as error:
                raise _damaged() from error
        plane_ji = self._packed.plane(index)
        return np.asarray(self.array.take(index, axis)) if plane_ji is None else plane_ji.T

    def to_nibabel(self) -> "Nifti1Image":
        """As a nibabel image; the voxels are not copied."""
        image = nib.Nifti1Image(self.array, self.affine)
        image.header.set_xyzt_units("mm", "sec")
        return cast("Nifti1Image", image)

    def on_grid_of(self, other: "Image") -> "Image":
        """The image on another one's grid.

        Label maps take the nearest voxel, 0 outside. All else is the mean over the new voxel where that is the larger one,
        and linear between centres where it is not; outside stands the background (CT -1024 HU, else 0).
        """
        if self.grid.is_same_as(other.grid):
            return self
        moving = Volume(self.array_kji, self.affine)
        fixed = other.grid
        array_kji = nearest(moving, fixed) if self.is_label else self._mean(moving, fixed)
        column = f"{self.column}_on_{other.column}"
        return Image(column, self.file_name, self.units, array_kji.shape[::-1], fixed.affine, "", self.read, array_kji)

    def _mean(self, moving: Volume, fixed: Grid) -> NDArray[np.generic]:
        means, empty = FootprintMean(moving, fixed), background(self.column.partition("_")[0])
        found = np.empty(fixed.shape_kji, moving.array_kji.dtype)
        for k in range(fixed.shape_kji[0]):
            mean_ji, covered_ji = means.plane(k)
            found[k] = stored_as(np.where(covered_ji >= LEAST_COVERED, mean_ji, empty), found.dtype)
        return found

    def _checked(self) -> memoryview:
        data = self.read()
        if self.sha256 and hashlib.sha256(data).hexdigest() != self.sha256:
            message = f"The bytes of an image of column {self.column} are not those that the manifest tells of."
            raise SchemaError(message, hint="Fetch the release again, and look at the disk.")
        return data

    def _decode(self) -> NDArray[np.generic]:
        data = self._checked()
        expected = int.from_bytes(data[-4:], "little")  # RFC 1952: size of what was packed, modulo 2**32
        try:
            content = isal_zlib.decompress(data, _GZIP, max(expected, HEADER_BYTES))
        except _DEFLATE_ERROR as error:
            raise _damaged() from error
        stored = _stored(content[:HEADER_BYTES])
        shape = stored.grid.shape_kji if stored.n_frames == 1 else (stored.n_frames, *stored.grid.shape_kji)
        if len(content) != HEADER_BYTES + stored.n_bytes:
            raise _damaged()
        return np.frombuffer(content, stored.dtype, offset=HEADER_BYTES).reshape(shape)


def _stored(header: bytes) -> Stored:
    stored = stored_of(header)
    if stored is None:
        raise _damaged()
    return stored


def _damaged() -> SchemaError:
    message = "An image cannot be decoded."
    return SchemaError(message, hint="Fetch the release again, and look at the disk.")
