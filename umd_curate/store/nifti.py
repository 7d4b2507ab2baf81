"""NIfTI-1 in and out, deterministic and streamed: header by nibabel, gzip by isal at level 2 without name or time.

`Volume.array_kji` in C order is NIfTI's (i, j, k) in Fortran order, so planes go to disk as they are.
"""

import hashlib
import io
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

import numpy as np
from isal import igzip, isal_zlib
from numpy.typing import DTypeLike, NDArray

from umd_curate.model.geometry import Float64, Grid, Volume
from umd_curate.store.files import atomic
from umd_curate.store.lazy import Lazy

nib = Lazy("nibabel")

GZIP_LEVEL = 2  # isal: 260 MiB/s on CT at a ratio within 4 % of zlib 6 (docs/benchmarks.md)
SCANNER_ANAT = 1  # NIFTI_XFORM_SCANNER_ANAT
_HEADER_BYTES = 352
_READ_BLOCK = 1 << 20
_DEFLATE_ERROR = cast("type[Exception]", isal_zlib.error)  # its stub declares an instance
_MAX_DIM = 32767  # NIfTI-1 dimensions are int16
_SHEAR_TOLERANCE = 1e-4  # of the cosine between axes; a quaternion cannot hold shear


def header_bytes(grid: Grid, dtype: DTypeLike, *, intent: str = "none") -> bytes:
    """NIfTI-1 header of a single-file image: sform and qform code 1; qform 0 where the axes are sheared.

    All text fields are empty.
    """
    if max(grid.shape_kji) > _MAX_DIM:
        message = f"NIfTI-1 holds at most {_MAX_DIM} voxels along an axis"
        raise ValueError(message)
    header = nib.Nifti1Header()
    header.set_data_dtype(np.dtype(dtype))
    header.set_data_shape(grid.shape_kji[::-1])
    header.set_xyzt_units("mm", "sec")
    header.set_sform(grid.affine, code=SCANNER_ANAT)
    axes = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)
    sheared = bool(np.abs(axes.T @ axes - np.eye(3)).max() > _SHEAR_TOLERANCE)
    header["pixdim"][1:4] = grid.spacing_mm
    if sheared:
        header["qform_code"] = 0
    else:
        header.set_qform(grid.affine, code=SCANNER_ANAT)
    if intent != "none":
        header.set_intent(intent)
    header["magic"] = b"n+1"
    header["vox_offset"] = _HEADER_BYTES
    header["scl_slope"], header["scl_inter"] = 1.0, 0.0
    return bytes(header.binaryblock) + b"\0\0\0\0"


class NiftiWriter:
    """Streams planes [j, i] in ascending k into ``.nii`` or ``.nii.gz``; the file appears whole or not at all.

    Attributes
    ----------
    voxel_sha256
        After closing: of dtype, shape, affine and the C-order voxel bytes.
    """

    def __init__(self, path: Path, grid: Grid, dtype: DTypeLike, *, intent: str = "none") -> None:
        self.grid = grid
        self.dtype = np.dtype(dtype).newbyteorder("<")
        self.voxel_sha256 = ""
        self._digest = _voxel_digest(grid, self.dtype)
        self._planes = 0
        self._atomic = atomic(path)
        self._compress = path.name.endswith(".gz")
        self._intent = intent
        self._temporary: Path | None = None
        self._raw: IO[bytes] | None = None
        self._stream: IO[bytes] | None = None

    def __enter__(self) -> Self:
        temporary = self._temporary = self._atomic.__enter__()
        self._raw = temporary.open("wb")
        self._stream = (
            igzip.GzipFile(filename="", mode="wb", fileobj=self._raw, compresslevel=GZIP_LEVEL, mtime=0)
            if self._compress
            else self._raw
        )
        self._stream.write(header_bytes(self.grid, self.dtype, intent=self._intent))
        return self

    def write(self, plane_ji: NDArray[np.generic]) -> None:
        """Append the next plane, shape (rows, columns)."""
        if plane_ji.shape != self.grid.shape_kji[1:]:
            message = "the plane does not fit the grid"
            raise ValueError(message)
        data = np.ascontiguousarray(plane_ji, self.dtype).tobytes()
        self._digest.update(data)
        assert self._stream is not None  # noqa: S101  (open between enter and exit)
        self._stream.write(data)
        self._planes += 1

    def promote(self, dtype: DTypeLike) -> None:
        """Go on in a wider type: the planes written so far are rewritten in it. For an open ``.nii``."""
        assert self._temporary is not None  # noqa: S101  (open between enter and exit)
        assert self._raw is not None  # noqa: S101
        assert not self._compress  # noqa: S101  (a gzip stream cannot be read back while it is written)
        self._raw.close()
        narrow, planes = self.dtype, self._planes
        source = self._temporary.rename(self._temporary.with_name(f"{self._temporary.name}-narrow"))
        self.dtype, self._planes = np.dtype(dtype).newbyteorder("<"), 0
        self._digest = _voxel_digest(self.grid, self.dtype)
        self._raw = self._stream = self._temporary.open("wb")
        self._stream.write(header_bytes(self.grid, self.dtype, intent=self._intent))
        shape = self.grid.shape_kji[1:]
        try:
            with source.open("rb") as handle:
                handle.seek(_HEADER_BYTES)
                for _ in range(planes):
                    plane = np.frombuffer(handle.read(shape[0] * shape[1] * narrow.itemsize), narrow)
                    self.write(plane.reshape(shape))
        finally:
            source.unlink()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._stream is not None and self._stream is not self._raw:
            self._stream.close()
        if self._raw is not None:
            self._raw.close()
        if kind is None and self._planes != self.grid.shape_kji[0]:
            message = "fewer planes were written than the grid has"
            kind, error = ValueError, ValueError(message)
            self._atomic.__exit__(kind, error, None)
            raise error
        self.voxel_sha256 = self._digest.hexdigest()
        self._atomic.__exit__(kind, error, traceback)


def write_volume(path: Path, volume: Volume, *, intent: str = "none") -> str:
    """Write a volume atomically; return its voxel SHA-256 (see `voxel_sha256`)."""
    with NiftiWriter(path, volume.grid, volume.array_kji.dtype, intent=intent) as writer:
        for plane in volume.array_kji:
            writer.write(plane)
    return writer.voxel_sha256


def compress_volume(source: Path, target: Path) -> str:
    return write_volume(target, read_volume(source))


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
    data = path.read_bytes()
    try:
        image = nib.Nifti1Image.from_bytes(igzip.decompress(data) if path.name.endswith(".gz") else data)
        values = np.asanyarray(image.dataobj)
    except (
        OSError,
        EOFError,
        _DEFLATE_ERROR,
        nib.filebasedimages.ImageFileError,
        nib.spatialimages.HeaderDataError,
        nib.wrapstruct.WrapStructError,
    ) as error:
        message = "the image cannot be decoded"
        raise ValueError(message) from error
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    return Volume(np.ascontiguousarray(values.T), np.asarray(image.affine, np.float64))


def read_grid(path: Path) -> Grid:
    """Grid of an image, from its header alone."""
    opener = igzip.open if path.name.endswith(".gz") else open
    with opener(path, "rb") as handle:
        header = nib.Nifti1Header.from_fileobj(io.BytesIO(handle.read(_HEADER_BYTES)))
    i, j, k = (int(n) for n in header.get_data_shape()[:3])
    return Grid((k, j, i), np.asarray(header.get_best_affine(), np.float64))


def voxel_sha256(volume: Volume) -> str:
    """SHA-256 of dtype, shape, affine and C-order [k, j, i] little-endian voxel bytes.

    The affine enters as the float32 numbers that a NIfTI header holds, so that the digest is the same before writing and
    after reading.
    """
    dtype = volume.array_kji.dtype.newbyteorder("<")
    digest = _voxel_digest(volume.grid, dtype)
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
    except (
        OSError,
        EOFError,
        _DEFLATE_ERROR,
        nib.spatialimages.HeaderDataError,
        nib.wrapstruct.WrapStructError,
    ) as error:
        message = "the image cannot be decoded"
        raise ValueError(message) from error


def _stream_voxel_sha256(data: bytes | memoryview) -> str:
    with igzip.GzipFile(fileobj=io.BytesIO(data), mode="rb") as stream:
        header = nib.Nifti1Header.from_fileobj(io.BytesIO(stream.read(_HEADER_BYTES)), check=False)
        i, j, k = (int(n) for n in header.get_data_shape()[:3])
        dtype = header.get_data_dtype()
        plain = header.get_slope_inter() in {(None, None), (1.0, 0.0)} and header.endianness == "<"
        digest = _voxel_digest(
            Grid((k, j, i), np.asarray(header.get_best_affine(), np.float64)), dtype.newbyteorder("<")
        )
        n_bytes = 0
        while block := stream.read(_READ_BLOCK):
            digest.update(block)
            n_bytes += len(block)
    if not plain or int(header["vox_offset"]) != _HEADER_BYTES or n_bytes != i * j * k * dtype.itemsize:
        message = "the image is not in the product's own NIfTI layout"
        raise ValueError(message)
    return digest.hexdigest()


def _voxel_digest(grid: Grid, dtype: np.dtype[np.generic]) -> "hashlib._Hash":
    affine: Float64 = grid.affine
    digest = hashlib.sha256()
    digest.update(f"{dtype.str}|{grid.shape_kji}|".encode())
    digest.update(np.ascontiguousarray(affine[:3], "<f4").tobytes())
    return digest
