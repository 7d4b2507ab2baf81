"""The step `burned-in`: between staging and the wall, every slice of every image is searched for burned-in text.

A find is shown on a private page and quarantines the image: it crosses the wall only when ``[[deid.burned_in]]`` in umd.toml says
what a person decided. Nothing is blacked out without such a decision. Where the `tesseract` program is installed, it reads the
finds, so that the page can say how many letters it saw; the letters themselves stay on the page.
"""

import html
import io
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from umd_curate.deid.burned import Find, decided_of, gathered
from umd_curate.deid.picture_io import FOLDER, page, shown
from umd_curate.model.catalogue import deid as codes
from umd_curate.model.config import UmdConfig
from umd_curate.model.findings import Finding
from umd_curate.model.geometry import Volume
from umd_curate.model.receipts import Artifact, Json, Receipt, State, What
from umd_curate.model.steps import Place, Step, Unit, View
from umd_curate.store.files import artifact, write_text
from umd_curate.store.nifti import read_volume

NAME = "burned-in"
STAGED = (What.STAGED_CT, What.STAGED_MR, What.STAGED_PET)
MAX_SHOWN = 6  # finds on a page
OCR_SECONDS = 20
ZOOM_TO = 512  # pixels of a picture's longer side, at least
OCR_SCALE = 4


def plan(view: View, config: UmdConfig) -> Sequence[Unit]:
    """One unit per staged image where the search is asked for, with what was decided about its series."""
    units: list[Unit] = []
    if not config.deid.search_text and not config.deid.burned_in:
        return units
    for receipt in view.receipts("ingest"):
        image = next((entry for entry in receipt.outputs if entry.what in set(STAGED)), None)
        if receipt.state is not State.DONE or image is None:
            continue
        series = str(receipt.measured["series"])
        decided = next((entry for entry in config.deid.burned_in if entry.series == series), None)
        sidecar = next(entry for entry in receipt.outputs if entry.what == f"{image.what}.json")
        params: dict[str, Json] = {"series": series, "decided": decided.model_dump(mode="json") if decided else None}
        units.append(Unit(NAME, receipt.unit, receipt.subject, receipt.session, (image, sidecar), params))
    return units


def perform(unit: Unit, place: Place, config: UmdConfig) -> Receipt:  # noqa: ARG001  (the decision stands in the unit)
    """Search the slices of one image."""
    image, _ = unit.inputs
    volume = read_volume(place.resolve(image.path))
    finds = gathered(_rows_of_slices(volume))
    decided = decided_of(unit.params["decided"])
    verdict = decided.verdict if decided else ""
    findings: list[Finding] = []
    outputs: list[Artifact] = []
    if finds:
        detail = f"{image.what.removeprefix('staged-')}, {sum(find.n_slices for find in finds)} slice(s), {len(finds)} place(s)"
        code = codes.TEXT_DECIDED if verdict else codes.TEXT_IN_PIXELS
        findings.append(code.at(str(unit.params["series"]), f"{detail}, {verdict}" if verdict else detail))
        outputs.append(_page(unit, place, volume, finds))
    return unit.receipt(
        outputs=outputs,
        findings=findings,
        measured={
            "slices": volume.array_kji.shape[0],
            "places_with_text": len(finds),
            "slices_with_text": sum(find.n_slices for find in finds),
            "verdict": verdict,
            "decided": unit.params["decided"],
        },
        state=State.QUARANTINED if finds and not verdict else State.DONE,
    )


STEP = Step(NAME, 2, (), plan, perform)


def _rows_of_slices(volume: Volume) -> list[tuple[int, tuple[int, int, int, int]]]:
    from umd_curate.deid.strokes import text_rows  # noqa: PLC0415  (loads scipy, which planning does not need)

    array = volume.array_kji
    last = array.shape[0] - 1
    found = []
    for k, plane in enumerate(array):
        beside = array[k + 1 if k < last else k - 1] if last else None
        found += [(k, row.box) for row in text_rows(plane, beside)]
    return found


def _page(unit: Unit, place: Place, volume: Volume, finds: Sequence[Find]) -> Artifact:
    """Write the private page with a picture of each place where text was found."""
    parts = []
    for find in finds[:MAX_SHOWN]:
        where = f"Slices {find.first_k} to {find.last_k} ({find.n_slices}), rows {find.box[0]}-{find.box[1]}, columns {find.box[2]}-{find.box[3]}"
        plane = np.asarray(volume.array_kji[find.first_k], np.float32)
        read = _read(plane, find.box)
        said = f"<p>Tesseract reads: {html.escape(read)}</p>" if read else ""
        parts.append(f"<h2>{where}</h2>\n{shown(_marked(plane, find.box))}{said}")
    note = (
        "What looks like text is framed. Decide in umd.toml, [[deid.burned_in]]: series, verdict (clean, redact, exclude) and reason. "
        "This page may show a name: it stays on site."
    )
    relative = f"{FOLDER}/{unit.name}_text.html"
    series = html.escape(json.dumps(unit.params["series"]))
    text = page(f"Text in the pixels of {html.escape(unit.name)}, series {series}", note, "\n".join(parts))
    write_text(place.resolve(relative), text, mode=0o600)
    return artifact("text-page", relative, place.resolve(relative))


def _grey(plane: NDArray[np.float32]) -> NDArray[np.uint8]:
    low, high = np.percentile(plane, (0.5, 99.8))
    grey: NDArray[np.uint8] = np.clip((plane - low) / max(float(high - low), 1e-6) * 255, 0, 255).astype(np.uint8)
    return grey


def _marked(plane: NDArray[np.float32], box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """The slice in grey with a frame around the find, enlarged where it is small."""
    zoom = max(ZOOM_TO // max(plane.shape), 1)
    picture = Image.fromarray(_grey(plane).repeat(zoom, axis=0).repeat(zoom, axis=1)).convert("RGB")
    top, bottom, left, right = (value * zoom for value in box)
    ImageDraw.Draw(picture).rectangle((left - 3, top - 3, right + 2, bottom + 2), outline=(255, 160, 0))
    return np.asarray(picture, np.uint8)


def _read(plane: NDArray[np.float32], box: tuple[int, int, int, int]) -> str:
    """What Tesseract reads in a box; empty where it is not installed or reads nothing."""
    program = shutil.which("tesseract")
    if program is None:
        return ""
    top, bottom, left, right = box
    part = _grey(plane)[max(top - 4, 0) : bottom + 4, max(left - 4, 0) : right + 4]
    data = io.BytesIO()
    Image.fromarray(255 - part).resize((part.shape[1] * OCR_SCALE, part.shape[0] * OCR_SCALE)).save(data, "PNG")
    try:
        done = subprocess.run(  # noqa: S603  (a program found on the path, its input is a picture of ours)
            [Path(program), "stdin", "stdout", "--psm", "7"], input=data.getvalue(), capture_output=True, timeout=OCR_SECONDS, check=False
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()
