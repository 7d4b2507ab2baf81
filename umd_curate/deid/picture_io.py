"""Writes the private pictures on which a human judges: heads before and after defacing; slices in which text was found.

They show faces and names, so they lie in ``private/`` alone, readable by their owner.
"""

import base64
import html
import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from umd_curate.deid.deface import Cut, FaceMask
from umd_curate.deid.morphology import Mask
from umd_curate.deid.relief import Float32, Picture, Side, relief, sheet
from umd_curate.model.geometry import Float64, Volume, apply_affine
from umd_curate.model.receipts import Artifact
from umd_curate.model.steps import Place
from umd_curate.store.files import artifact, write_text
from umd_curate.store.lazy import Lazy

ndimage = Lazy("scipy.ndimage")

PICTURE_MM = 2.0
BACK_MM, SIDE_MM, UP_MM = 130.0, 12.0, 15.0  # of the head around the block
FOLDER = "private/review"
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{background:#111;color:#ddd;font:15px/1.5 sans-serif;margin:2em}}img{{max-width:100%}}h2{{margin-top:1.6em}}
.note{{color:#aaa}}</style>
<h1>{title}</h1>
<p class="note">{note}</p>
{body}
</html>
"""


def face_pictures(
    stem: str, place: Place, images: Mapping[str, tuple[Volume, float, Cut]], faces: Sequence[FaceMask]
) -> list[Artifact]:
    """Write the page of one session: each image's head from front, left and right, before and after.

    Parameters
    ----------
    stem
        Published name of the session.
    images
        By role: the image, its value between air and skin, and what goes from it.
    faces
        Blocks in patient space; they say where the head is.
    """
    parts = []
    for role, (volume, skin, cut) in images.items():
        box = _box(faces)
        before, goes, seen = _sampled(volume, cut, box)
        if not seen.any():
            continue
        after = np.where(goes, np.float32(cut.fill), before)
        rows = [[relief(image, skin, side) for side in Side] for image in (before, after)]
        parts.append(f"<h2>{html.escape(role.upper())}</h2>\n{shown(sheet(rows))}")
    if not parts:
        return []
    note = "Above: as acquired. Below: as published. From the front, the patient's left and right. This page shows a face: it stays on site."
    text = page(f"Face of {html.escape(stem)}", note, "\n".join(parts))
    relative = f"{FOLDER}/{stem}_face.html"
    write_text(place.resolve(relative), text, mode=0o600)
    return [artifact("face-page", relative, place.resolve(relative))]


def _box(faces: Sequence[FaceMask]) -> tuple[Float64, tuple[int, int, int]]:
    """Affine (i, j, k) to RAS+ and shape [k, j, i] of a cubic grid around the heads that the blocks belong to."""
    points = np.concatenate([apply_affine(face.affine, np.argwhere(face.mask_kji)[:, ::-1]) for face in faces])
    low = points.min(axis=0) - np.array([SIDE_MM, BACK_MM, UP_MM])
    high = points.max(axis=0) + np.array([SIDE_MM, 0.0, UP_MM])
    affine = np.diag([PICTURE_MM, PICTURE_MM, PICTURE_MM, 1.0])
    affine[:3, 3] = low
    ni, nj, nk = (int(n) for n in np.ceil((high - low) / PICTURE_MM))
    return affine, (nk, nj, ni)


def _sampled(volume: Volume, cut: Cut, box: tuple[Float64, tuple[int, int, int]]) -> tuple[Float32, Mask, Mask]:
    """An image on the grid of the picture, what goes from it, and where it has a field of view."""
    affine, shape = box
    to_voxel = (np.linalg.inv(volume.affine) @ affine).astype(np.float32)
    k, j, i = np.ogrid[tuple(slice(n) for n in shape)]
    places = [to_voxel[n, 0] * i + to_voxel[n, 1] * j + to_voxel[n, 2] * k + to_voxel[n, 3] for n in (2, 1, 0)]
    inside = np.logical_and.reduce(
        [(p >= 0) & (p <= n - 1) for p, n in zip(places, volume.array_kji.shape, strict=True)]
    )
    if not inside.any():
        return np.zeros(shape, np.float32), inside, inside
    local = np.stack([p[inside] for p in places])
    lows, highs = np.floor(local.min(axis=1)).astype(int), np.ceil(local.max(axis=1)).astype(int) + 1
    part = tuple(slice(int(a), int(b)) for a, b in zip(lows, highs, strict=True))
    local -= lows[:, None].astype(np.float32)
    values = np.asarray(volume.array_kji[part], np.float32)
    found = np.full(shape, values.min(), np.float32)
    found[inside] = ndimage.map_coordinates(values, local, order=1)
    whole = np.zeros(volume.array_kji.shape, np.bool_)
    whole[cut.box] = cut.mask_kji
    goes = np.zeros(shape, np.bool_)
    goes[inside] = whole[part][tuple(np.rint(local).astype(np.intp))]
    return found, goes, inside


def page(title: str, note: str, body: str) -> str:
    """A private page that needs no other file."""
    return _PAGE.format(title=title, note=note, body=body)


def shown(picture: Picture) -> str:
    """A picture as part of a page."""
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}">'
