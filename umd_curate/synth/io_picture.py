"""The picture of a screen with lines of text on it, drawn by Pillow."""

import numpy as np
from PIL import Image, ImageDraw

from umd_curate.synth.clutter import CAPTURE_SIZE


def picture(lines: list[str]) -> bytes:
    """RGB bytes of a dark screen with lines of text."""
    rows, columns = CAPTURE_SIZE
    canvas = Image.new("RGB", (columns, rows), (12, 16, 40))
    pen = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        pen.text((8, 10 + 24 * number), line, fill=(240, 240, 200))
    return np.asarray(canvas, np.uint8).tobytes()
