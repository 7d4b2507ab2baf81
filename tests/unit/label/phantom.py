"""A small body of analytic organs on any grid, and cases made of it: plain geometry, no code of the product inside."""

import numpy as np

from umd_curate.label.engine import LabelCase, LabelSource
from umd_curate.model.geometry import Grid, Volume
from umd_curate.store.files import sha256_of
from umd_curate.store.nifti import write_volume
from umd_curate.store.resources import organ_table

ORGANS = organ_table("umd")

# Centre and half axes in RAS mm; a tube is an ellipse in the plane with a half length along the body.
ELLIPSOIDS = {
    "liver": ((40, 5, 10), (62, 48, 45)),
    "spleen": ((-72, -12, 20), (22, 18, 30)),
    "kidney_left": ((-52, -35, -40), (22, 20, 40)),
    "kidney_right": ((52, -38, -48), (22, 20, 40)),
    "heart": ((-18, 20, 82), (38, 32, 36)),
    "urinary_bladder": ((2, 18, -92), (30, 26, 24)),
}
TUBES = {"aorta": ((-9, -40, 10), (10, 10, 90)), "esophagus": ((8, -42, 70), (9, 8, 50))}


def grid(shape_kji, spacing_ijk, centre_mm=(0.0, 0.0, 0.0)):
    """Axis-aligned grid around a centre."""
    affine = np.diag([*spacing_ijk, 1.0])
    affine[:3, 3] = np.array(centre_mm) - np.array(spacing_ijk) * (np.array(shape_kji[::-1]) - 1) / 2
    return Grid(tuple(shape_kji), affine)


def drawn(on, samples=1):
    """Label map: each voxel has the organ that holds most of `samples` cubed points; half of them make foreground."""
    offsets = [(m + 0.5) / samples - 0.5 for m in range(samples)]
    count = {name: np.zeros(on.shape_kji, np.int32) for name in (*ELLIPSOIDS, *TUBES)}
    for dk in offsets:
        for dj in offsets:
            for di in offsets:
                taken = np.zeros(on.shape_kji, bool)
                for name in count:
                    inside = _inside(name, *_world(on, dk, dj, di)) & ~taken
                    count[name] += inside
                    taken |= inside
    names = list(count)
    stack = np.stack([count[name] for name in names])
    ids = np.array([ORGANS.named(name).id for name in names], np.uint8)
    filled = 2 * stack.sum(axis=0) >= samples**3
    return Volume(np.where(filled, ids[stack.argmax(axis=0)], 0).astype(np.uint8), on.affine)


def dice(a, b):
    """Dice of each organ of `b`."""
    ids = [number for number in np.unique(b) if number]
    return {n: 2 * int(((a == n) & (b == n)).sum()) / int((a == n).sum() + (b == n).sum()) for n in ids}


def label_case(folder, labels, on, *, target="ct", role="contours", names=None):
    """Case of one image whose label map lies beside it."""
    image, path = folder / "image.nii.gz", folder / "labels.nii.gz"
    write_volume(image, Volume(np.zeros(on.shape_kji, np.int16), on.affine))
    write_volume(path, labels)
    source = LabelSource(role, path, sha256_of(path), names)
    return LabelCase("sub-7K3QF2_ses-petct1", target, image, sha256_of(image), on, ORGANS, (source,))


def stored_otherwise(volume, order, flips):
    """The same image with its voxels stored in another axis order and direction."""
    array = volume.array_kji.transpose(order)
    affine = volume.affine.copy()
    for axis, partner in enumerate(order):
        affine[:3, 2 - axis] = volume.affine[:3, 2 - partner]
    for axis, flip in enumerate(flips):
        if flip:
            affine[:3, 3] += affine[:3, 2 - axis] * (array.shape[axis] - 1)
            affine[:3, 2 - axis] *= -1
            array = np.flip(array, axis)
    return Volume(np.ascontiguousarray(array), affine)


def _world(on, dk, dj, di):
    nk, nj, ni = on.shape_kji
    k, j, i = np.meshgrid(np.arange(nk) + dk, np.arange(nj) + dj, np.arange(ni) + di, indexing="ij", sparse=True)
    return tuple(on.affine[a, 0] * i + on.affine[a, 1] * j + on.affine[a, 2] * k + on.affine[a, 3] for a in range(3))


def _inside(name, x, y, z):
    (cx, cy, cz), (rx, ry, rz) = (ELLIPSOIDS | TUBES)[name]
    across = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2
    if name in TUBES:
        return (across <= 1) & (np.abs(z - cz) <= rz)
    return across + ((z - cz) / rz) ** 2 <= 1
