"""Decides whether the slices of an MR stack are images of one kind: places that do not repeat are no proof of it.

Echoes, b-values, Dixon channels or parts of complex images may stand between or behind each other on one even line.
"""

from collections.abc import Sequence

from umd_curate.ingest.classify import role_of
from umd_curate.ingest.stack import Fault
from umd_curate.model.catalogue import ingest as codes
from umd_curate.model.contrasts import are_several, component_of_type, differ
from umd_curate.model.headers import InstanceHeader
from umd_curate.model.study import Role


def mixed_contrasts(images: Sequence[InstanceHeader]) -> Fault | None:
    """Fault of the images of one stack that differ in what they show; its detail names the elements."""
    if role_of(images[0]) is not Role.MR:
        return None
    checks = {
        "(0018,0081) EchoTime": differ(image.echo_time_ms or None for image in images),
        "(0018,0086) EchoNumbers": are_several(image.echo_number for image in images),
        "(0018,9087) DiffusionBValue": differ(image.b_value for image in images),
        "Dixon channel": are_several(image.dixon_channel for image in images),
        "part of a complex image, (0008,0008) ImageType": are_several(
            component_of_type(image.image_type) for image in images
        ),
    }
    names = [name for name, is_mixed in checks.items() if is_mixed]
    return (
        Fault(codes.MIXED_CONTRASTS, f"images that differ in {'; '.join(names)}", float(len(images))) if names else None
    )
