"""Which series were made alike: a scanner, a protocol and the parameters that shape an image make a protocol group.

Decides what counts (CuBIDS' idea: a decision on one exemplar holds for its group). What is decided for a group is left to
the rooms: ingest asks once for a tie, the referee converts one series.
"""

import base64
import hashlib
import json
from typing import Final

from umd_curate.model.headers import InstanceHeader

ID_BYTES: Final = 5  # 40 bits, 8 letters of base 32: a hospital has hundreds of groups
SPACING_DECIMALS: Final = 2  # [mm]; the field of view of one protocol is set in steps of a millimetre or more
TIME_DECIMALS: Final = 1  # [ms] of the echo time


def protocol_group(header: InstanceHeader) -> str:
    """Id of the protocol group of a series, from the header of one of its instances: ``g-`` and eight letters.

    Equal on every machine and in every workspace. It is a digest of words of the scanner (maker, model, protocol, kernel or
    reconstruction, kind of image) and of matrix, spacing, thickness and echo time; no identifier of a patient goes in.
    """
    words = (
        header.manufacturer,
        header.model,
        header.modality,
        header.protocol_name,
        header.sequence_name,
        header.convolution_kernel,
        header.reconstruction_method,
        header.units,
        header.decay_correction,
        header.dixon_channel,
        *header.image_type,
    )
    numbers = (
        header.rows,
        header.columns,
        *(round(value, SPACING_DECIMALS) for value in header.pixel_spacing_mm),
        None if header.slice_thickness_mm is None else round(header.slice_thickness_mm, SPACING_DECIMALS),
        None if header.echo_time_ms is None else round(header.echo_time_ms, TIME_DECIMALS),
        (header.number_of_frames or 1) > 1,
        header.transfer_syntax_uid,
    )
    text = json.dumps([[_plain(word) for word in words], numbers])
    return f"g-{base64.b32encode(hashlib.sha256(text.encode()).digest()[:ID_BYTES]).decode()}"


def _plain(word: str | None) -> str:
    return " ".join((word or "").upper().split())
