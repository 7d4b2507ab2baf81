"""NIfTI-1 in and out, deterministic and streamed: gzip by isal at level 2 without name or time.

`Volume.array_kji` in C order is NIfTI's (i, j, k) in Fortran order, so planes go to disk as they are. Every file is read
back from the disk once before it gets its name: its bytes must be the ones that were sent there. That a gzip stream unpacks
to its voxels is checked by its own checksum whenever it is read. Images of others are read by nibabel.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

import numpy as np
from isal import igzip, isal_zlib
from numpy.typing import DTypeLike, NDArray

from umd_curate.model.geometry import Grid, Volume
from umd_curate.store.files import atomic
from umd_curate.store.lazy import Lazy
from umd_curate.store.nifti_header import HEADER_BYTES, Stored, header_bytes, stored_of, voxel_digest
from umd_curate.store.restarts import Packed, planes_between
from umd_curate.store.watched import Watched

nib = Lazy("nibabel")

_READ_BLOCK = 1 << 20
_DEFLATE_ERROR = cast("type[Exception]", isal_zlib.error)  # its stub declares an instance


@dataclass(frozen=True, slots=True)
class Written:
    """An image that was written and read back.

    Parameters
    ----------
    voxel_sha256
        Of dtype, shape, affine and voxels.
    sha256, size
        Of the file's bytes, and their number.
    n_changed
        Voxels that were changed on the way.
    """

    voxel_sha256: str
    sha256: str
    size: int
    n_changed: int = 0


class NiftiWriter:
    """Streams planes [j, i] in ascending k into ``.nii`` or ``.nii.gz``; the file appears whole or not at all.

    Of a 4D image (`n_frames` above 1) all planes of a frame come before those of the next one.

    Attributes
    ----------
    voxel_sha256
        After closing: of dtype, shape, affine and the C-order voxel bytes.
    sha256, size
        After closing: of the file's bytes, and their number.
    """

    def __init__(self, path: Path, grid: Grid, dtype: DTypeLike, *, intent: str = "none", n_frames: int = 1) -> None:
        self.grid = grid
        self._n_frames = n_frames
        self.dtype = np.dtype(dtype).newbyteorder("<")
        self.voxel_sha256 = ""
        self.sha256 = ""
        self.size = 0
        self._digest = voxel_digest(grid, self.dtype, n_frames)
        self._planes = 0
        self._atomic = atomic(path)
        self._compress = path.name.endswith(".gz")
        self._intent = intent
        self._temporary: Path | None = None
        self._file: Watched | None = None
        self._gzip: Packed | None = None

    def __enter__(self) -> Self:
        self._temporary = self._atomic.__enter__()
        self._begin()
        return self

    def _begin(self) -> None:
        assert self._temporary is not None  # noqa: S101  (open between enter and exit)
        self._file = Watched(self._temporary)
        if self._compress:
            self._gzip = Packed(self._file)
        self._digest = voxel_digest(self.grid, self.dtype, self._n_frames)
        self._planes = 0
        self._send(header_bytes(self.grid, self.dtype, intent=self._intent, n_frames=self._n_frames))

    def _send(self, data: bytes | memoryview) -> None:
        assert self._file is not None  # noqa: S101  (open between enter and exit)
        (self._gzip or self._file).write(data)

    def write(self, plane_ji: NDArray[np.generic]) -> None:
        """Append the next plane, shape (rows, columns)."""
        if plane_ji.shape != self.grid.shape_kji[1:]:
            message = "the plane does not fit the grid"
            raise ValueError(message)
        data = np.ascontiguousarray(plane_ji, self.dtype).reshape(-1).view(np.uint8).data
        if self._gzip and self._planes and self._planes % planes_between(len(data)) == 0:
            self._gzip.restart()
        self._digest.update(data)
        self._send(data)
        self._planes += 1

    def promote(self, dtype: DTypeLike) -> None:
        """Go on in a wider type: the planes written so far are rewritten in it."""
        assert self._temporary is not None  # noqa: S101  (open between enter and exit)
        self._close()
        self._gzip = self._file = None
        narrow, planes = self.dtype, self._planes
        source = self._temporary.rename(self._temporary.with_name(f"{self._temporary.name}-narrow"))
        self.dtype = np.dtype(dtype).newbyteorder("<")
        self._begin()
        try:
            with igzip.open(source, "rb") if self._compress else source.open("rb") as handle:
                handle.read(HEADER_BYTES)
                plane = np.empty(self.grid.shape_kji[1:], narrow)
                for _ in range(planes):
                    _fill(handle, plane)
                    self.write(plane)
        finally:
            source.unlink()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()
        if kind is not None:
            self._atomic.__exit__(kind, error, traceback)
            return
        try:
            self._verify()
        except (OSError, ValueError) as fault:
            self._atomic.__exit__(type(fault), fault, fault.__traceback__)
            raise
        self.voxel_sha256 = self._digest.hexdigest()
        self._atomic.__exit__(None, None, None)

    def _close(self) -> None:
        for stream in (self._gzip, self._file):
            if stream is not None:
                stream.close()

    @property
    def written(self) -> Written:
        """The image, after closing."""
        return Written(self.voxel_sha256, self.sha256, self.size)

    def _verify(self) -> None:
        """Read the file back: every plane must have been sent, and the disk must hold what was sent."""
        assert self._file is not None  # noqa: S101  (open between enter and exit)
        if self._planes != self.grid.shape_kji[0] * self._n_frames:
            message = "fewer planes were written than the grid has"
            raise ValueError(message)
        self._file.check()
        self.sha256, self.size = self._file.sha256, self._file.size


def write_volume(path: Path, volume: Volume, *, intent: str = "none") -> str:
    """Write a volume atomically; return its voxel SHA-256 (see `voxel_sha256`)."""
    with NiftiWriter(path, volume.grid, volume.array_kji.dtype, intent=intent) as writer:
        for plane in volume.array_kji:
            writer.write(plane)
    return writer.voxel_sha256


def read_volume(path: Path) -> Volume:
    """Read ``.nii`` or ``.nii.gz``; stored values, with slope and intercept applied where they are set.

    Any axis order is kept as stored: the affine says where the voxels are.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is no whole NIfTI-1 file.
    """
    opener = igzip.open if path.name.endswith(".gz") else open
    with opener(path, "rb") as handle:
        return _read(handle)


def read_volume_from(source: IO[bytes]) -> Volume:
    """Read a ``.nii.gz`` from a stream of its bytes; raises as `read_volume`."""
    with igzip.open(source, "rb") as handle:
        return _read(handle)


def _read(handle: IO[bytes]) -> Volume:
    try:
        stored = stored_of(handle.read(HEADER_BYTES))
        if stored is not None and stored.n_frames == 1:
            array_kji = np.empty(stored.grid.shape_kji, stored.dtype)
            _fill(handle, array_kji)
            handle.read()  # to the end of the stream, where gzip compares its checksum
            return Volume(array_kji, stored.grid.affine)
        handle.seek(0)
        image = nib.Nifti1Image.from_bytes(handle.read())
        values = np.asanyarray(image.dataobj)
        while values.ndim > 3 and values.shape[-1] == 1:
            values = values[..., 0]
        return Volume(np.ascontiguousarray(values.T), np.asarray(image.affine, np.float64))
    except (OSError, EOFError, _DEFLATE_ERROR) as error:
        message = "the image cannot be decoded"
        raise ValueError(message) from error
    except (
        nib.filebasedimages.ImageFileError,
        nib.spatialimages.HeaderDataError,
        nib.wrapstruct.WrapStructError,
    ) as error:
        message = "the image cannot be decoded"
        raise ValueError(message) from error


def read_planes(source: Path | IO[bytes]) -> Iterator[NDArray[np.generic]]:
    """Planes [j, i] of a 3D ``.nii.gz`` of the product's own in ascending k; one plane is in memory, and it is reused.

    Parameters
    ----------
    source
        File, or its bytes as a stream.

    Raises
    ------
    OSError, ValueError
        As `compress_volume`.
    """
    with igzip.open(source, "rb") as handle:
        stored = _own(handle)
        plane_ji = np.empty(stored.grid.shape_kji[1:], stored.dtype)
        for _ in range(stored.grid.shape_kji[0]):
            _fill(handle, plane_ji)
            yield plane_ji


def _own(handle: IO[bytes]) -> Stored:
    stored = stored_of(handle.read(HEADER_BYTES))
    if stored is None:
        message = "the image is not in the product's own NIfTI layout"
        raise ValueError(message)
    return stored


def _fill(handle: IO[bytes], array: NDArray[np.generic]) -> None:
    """Read the bytes of an array that is contiguous."""
    rest = array.reshape(-1).view(np.uint8).data
    while rest:
        block = handle.read(min(len(rest), _READ_BLOCK))
        if not block:
            message = "the image ends before its last voxel"
            raise EOFError(message)
        rest[: len(block)] = block
        rest = rest[len(block) :]


def read_grid(path: Path) -> Grid:
    """Grid of an image, from its header alone."""
    opener = igzip.open if path.name.endswith(".gz") else open
    with opener(path, "rb") as handle:
        data = handle.read(HEADER_BYTES)
    stored = stored_of(data)
    if stored is not None:
        return stored.grid
    header = nib.Nifti1Header.from_fileobj(io.BytesIO(data))
    i, j, k = (int(n) for n in header.get_data_shape()[:3])
    return Grid((k, j, i), np.asarray(header.get_best_affine(), np.float64))


def voxel_sha256(volume: Volume) -> str:
    """SHA-256 of dtype, shape, affine and C-order [k, j, i] little-endian voxel bytes.

    The affine enters as the float32 numbers that a NIfTI header holds, so that the digest is the same before writing and
    after reading.
    """
    dtype = volume.array_kji.dtype.newbyteorder("<")
    digest = voxel_digest(volume.grid, dtype)
    digest.update(np.ascontiguousarray(volume.array_kji, dtype).tobytes())
    return digest.hexdigest()


def stored_voxel_sha256(data: bytes | memoryview) -> str:
    """Voxel SHA-256 of a ``.nii.gz`` that `NiftiWriter` wrote, decoded as a stream: equal to `voxel_sha256` of its volume.

    Parameters
    ----------
    data
        Bytes of the file.

    Raises
    ------
    ValueError
        The gzip stream is damaged, or the file is no little-endian, unscaled NIfTI-1 with its voxels right behind the header.
    """
    try:
        return _stream_voxel_sha256(data)
    except (OSError, EOFError, _DEFLATE_ERROR) as error:
        message = "the image cannot be decoded"
        raise ValueError(message) from error


def _stream_voxel_sha256(data: bytes | memoryview) -> str:
    n_bytes = 0
    with igzip.GzipFile(fileobj=io.BytesIO(data), mode="rb") as stream:
        stored = _own(stream)
        digest = voxel_digest(stored.grid, stored.dtype, stored.n_frames)
        while block := stream.read(_READ_BLOCK):
            digest.update(block)
            n_bytes += len(block)
    if n_bytes != stored.n_bytes:
        message = "the image does not hold the voxels that its header tells of"
        raise ValueError(message)
    return digest.hexdigest()
