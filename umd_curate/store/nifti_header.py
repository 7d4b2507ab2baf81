"""The 352 bytes before the voxels of a NIfTI-1 file as the product writes them, and what they tell when they come back.

Decides units, codes and types of the header, and what of them a checksum of the voxels covers; all text fields are empty. Field names and offsets: nifti1.h of the NIfTI
Data Format Working Group. Headers that the product did not write are left to nibabel.
"""

import hashlib
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import DTypeLike, NDArray

from umd_curate.model.geometry import Float64, Grid

HEADER_BYTES: Final = 352  # header and the four bytes that say that no extension follows
SCANNER_ANAT: Final = 1  # NIFTI_XFORM_SCANNER_ANAT
INTENTS: Final = {"none": 0, "label": 1002}
_MM_AND_S: Final = 2 | 8  # NIFTI_UNITS_MM, NIFTI_UNITS_SEC
_MAX_DIM: Final = 32767  # NIfTI-1 dimensions are int16
_SHEAR_TOLERANCE: Final = 1e-4  # of the cosine between axes; a quaternion cannot hold shear
_TYPE_CODES: Final = {
    np.dtype(name): code
    for name, code in {
        "<u1": 2,
        "<i2": 4,
        "<i4": 8,
        "<f4": 16,
        "<f8": 64,
        "<i1": 256,
        "<u2": 512,
        "<u4": 768,
        "<i8": 1024,
        "<u8": 1280,
    }.items()
}
_TYPES: Final = {code: dtype for dtype, code in _TYPE_CODES.items()}
_HEADER: Final = np.dtype(
    {
        "names": [
            "sizeof_hdr", "dim", "intent_code", "datatype", "bitpix", "pixdim", "vox_offset", "scl_slope",
            "scl_inter", "xyzt_units", "qform_code", "sform_code", "quatern", "qoffset", "srow", "magic",
        ],
        "formats": [
            "<i4", ("<i2", 8), "<i2", "<i2", "<i2", ("<f4", 8), "<f4", "<f4",
            "<f4", "u1", "<i2", "<i2", ("<f4", 3), ("<f4", 3), ("<f4", (3, 4)), "S4",
        ],
        "offsets": [0, 40, 68, 70, 72, 76, 108, 112, 116, 123, 252, 254, 256, 268, 280, 344],
        "itemsize": HEADER_BYTES,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stored:
    """What a header of the product's own layout says of the voxels behind it."""

    grid: Grid
    dtype: "np.dtype[np.generic]"
    n_frames: int = 1

    @property
    def n_bytes(self) -> int:
        """Bytes of the voxels of all frames."""
        return math.prod(self.grid.shape_kji) * self.n_frames * self.dtype.itemsize


def header_bytes(grid: Grid, dtype: DTypeLike, *, intent: str = "none", n_frames: int = 1) -> bytes:
    """NIfTI-1 header of a single-file image: sform and qform code 1; qform 0 where the axes are sheared.

    All text fields are empty. An image of several frames is 4D; pixdim[4] is 0, since their times stand in the sidecar.

    Raises
    ------
    ValueError
        NIfTI-1 cannot hold the shape or the voxel type.
    """
    stored = np.dtype(dtype).newbyteorder("<")
    if max(*grid.shape_kji, n_frames) > _MAX_DIM:
        message = f"NIfTI-1 holds at most {_MAX_DIM} voxels along an axis"
        raise ValueError(message)
    if stored not in _TYPE_CODES:
        message = f"NIfTI-1 has no voxels of type {stored}"
        raise ValueError(message)
    header = np.zeros((), _HEADER)
    header["sizeof_hdr"], header["magic"] = 348, b"n+1"
    header["dim"] = (3 if n_frames == 1 else 4, *grid.shape_kji[::-1], n_frames, 1, 1, 1)
    header["intent_code"] = INTENTS[intent]
    header["datatype"], header["bitpix"] = _TYPE_CODES[stored], 8 * stored.itemsize
    header["pixdim"] = (1.0, *grid.spacing_mm, 1.0 if n_frames == 1 else 0.0, 1.0, 1.0, 1.0)
    header["vox_offset"], header["scl_slope"] = HEADER_BYTES, 1.0
    header["xyzt_units"] = _MM_AND_S
    header["sform_code"], header["srow"] = SCANNER_ANAT, grid.affine[:3]
    axes = np.asarray(grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0), np.float64)
    if np.abs(axes.T @ axes - np.eye(3)).max() <= _SHEAR_TOLERANCE:
        header["qform_code"], header["qoffset"] = SCANNER_ANAT, grid.affine[:3, 3]
        if np.linalg.det(axes) < 0:
            header["pixdim"][0] = -1.0  # qfac: the third axis runs the other way
            axes = axes * np.array([1.0, 1.0, -1.0])
        header["quatern"] = quaternion(axes)
    return header.tobytes()


def quaternion(axes: Float64) -> tuple[float, float, float]:
    """Components b, c, d of the unit quaternion of a rotation; a is not negative (nifti1.h, method 2).

    Parameters
    ----------
    axes
        Rotation matrix, 3 x 3; small deviations from orthogonality are removed.
    """
    left, _, right = np.linalg.svd(axes)
    r = left @ right
    # Of the four ways to the quaternion, the one with the largest divisor.
    squares = np.array([r.trace(), r[0, 0], r[1, 1], r[2, 2]])
    largest = int(np.argmax(squares))
    if largest == 0:
        q = np.array([1 + r.trace(), r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]])
    else:
        i = largest - 1
        j, k = (i + 1) % 3, (i + 2) % 3
        q = np.zeros(4)
        q[0] = r[k, j] - r[j, k]
        q[1 + i] = 1 + r[i, i] - r[j, j] - r[k, k]
        q[1 + j], q[1 + k] = r[j, i] + r[i, j], r[k, i] + r[i, k]
    q = q / np.linalg.norm(q)
    b, c, d = (float(part) for part in (q[1:] if q[0] >= 0 else -q[1:]))
    return b, c, d


def stored_of(data: bytes) -> Stored | None:
    """What the first `HEADER_BYTES` of a file say of its voxels; None where `header_bytes` could not have made them."""
    if len(data) != HEADER_BYTES:
        return None
    header = np.frombuffer(data, _HEADER)[0]
    n_dims, *shape = (int(n) for n in header["dim"][:5])
    is_own = (
        int(header["sizeof_hdr"]) == 348
        and bytes(header["magic"]) == b"n+1"
        and data[348:] == bytes(4)
        and (n_dims == 4 or (n_dims == 3 and shape[3] == 1))
        and min(shape) > 0
        and float(header["vox_offset"]) == HEADER_BYTES
        and (float(header["scl_slope"]), float(header["scl_inter"])) in {(1.0, 0.0), (0.0, 0.0)}
        and int(header["sform_code"]) > 0
        and int(header["datatype"]) in _TYPES
    )
    if not is_own:
        return None
    affine: NDArray[np.float64] = np.vstack([header["srow"].astype(np.float64), [0.0, 0.0, 0.0, 1.0]])
    i, j, k, n_frames = shape
    return Stored(Grid((k, j, i), affine), _TYPES[int(header["datatype"])], n_frames)


def voxel_digest(grid: Grid, dtype: "np.dtype[np.generic]", n_frames: int = 1) -> "hashlib._Hash":
    """SHA-256 over voxel type, shape and affine, to be gone on with by the voxels' bytes."""
    shape = grid.shape_kji if n_frames == 1 else (n_frames, *grid.shape_kji)
    digest = hashlib.sha256()
    digest.update(f"{dtype.str}|{shape}|".encode())
    digest.update(np.ascontiguousarray(grid.affine[:3], "<f4").tobytes())
    return digest
