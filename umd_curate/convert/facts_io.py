"""Facts of an image that its sidecar publishes as they are: device, protocol, tracer, the person's sex and age.

The dataset has been de-identified before; what may be published is decided there. Here only names and units are turned
into those of the sidecar (ms to s, age to whole years).
"""

import re
from typing import Final

from umd_curate.convert.header_io import Attributes
from umd_curate.store.dicom import syntax_of

LOSSY_SYNTAXES: Final = frozenset(  # JPEG baseline, JPEG extended, JPEG-LS near-lossless (PS3.5 A.4)
    {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81"}
)
MAX_AGE_YEARS: Final = 90  # stands for 90 and more (45 CFR 164.514(b)(2)(i)(C))
MODALITY: Final = {"pet": "PT", "ct": "CT", "mr": "MR"}
DIXON_CHANNELS: Final = frozenset({"in", "opp", "fat", "water"})

_AGE = re.compile(r"(\d{3})([DWMY])")


def image_facts(attributes: Attributes, role: str, label: str) -> dict[str, object]:
    """Fields of `ImageSidecar` that a slice's header tells, by name.

    Parameters
    ----------
    attributes
        First slice or frame.
    role
        ``pet``, ``ct`` or ``mr``.
    label
        The order's label: a Dixon channel for an MR that is one.
    """
    repetition_ms = attributes.number("RepetitionTime")
    echo_ms = attributes.number("EchoTime")
    if echo_ms is None:
        echo_ms = attributes.number("EffectiveEchoTime")
    return {
        "modality": MODALITY[role],
        "manufacturer": attributes.text("Manufacturer"),
        "manufacturers_model_name": attributes.text("ManufacturerModelName"),
        "software_versions": attributes.text("SoftwareVersions"),
        "image_type": attributes.texts("ImageType"),
        "sex": attributes.code("PatientSex"),
        "age_years": age_years(attributes.text("PatientAge")),
        "slice_thickness": attributes.number("SliceThickness"),
        "convolution_kernel": attributes.text("ConvolutionKernel"),
        "contrast": _contrast(attributes),
        "kvp": attributes.number("KVP"),
        "magnetic_field_strength": attributes.number("MagneticFieldStrength"),
        "repetition_time": None if repetition_ms is None else repetition_ms / 1000.0,
        "echo_time": None if echo_ms is None else echo_ms / 1000.0,
        "dixon_channel": label if label in DIXON_CHANNELS else None,
    }


def tracer_facts(attributes: Attributes) -> dict[str, object]:
    """Fields of `PetSidecar` that name tracer and reconstruction."""
    drugs = attributes.items("RadiopharmaceuticalInformationSequence")
    tracer = radionuclide = None
    if drugs:
        codes = drugs[0].items("RadiopharmaceuticalCodeSequence")
        tracer = drugs[0].text("Radiopharmaceutical") or (codes[0].text("CodeMeaning") if codes else None)
        nuclides = drugs[0].items("RadionuclideCodeSequence")
        radionuclide = nuclides[0].text("CodeMeaning") if nuclides else None
    return {
        "tracer_name": tracer,
        "tracer_radionuclide": radionuclide,
        "recon_method_name": attributes.text("ReconstructionMethod"),
    }


def is_lossy(attributes: Attributes) -> bool:
    """Say whether the pixels were ever compressed with loss: by (0028,2110), or by a transfer syntax that always loses.

    JPEG 2000 and HTJ2K in their general syntaxes may or may not lose; there the element decides (PS3.3 C.7.6.1.1.5).
    """
    syntax = syntax_of(attributes.dataset)
    return attributes.text("LossyImageCompression") == "01" or syntax in LOSSY_SYNTAXES


def age_years(text: str | None) -> int | None:
    """Whole years of an AS value, such as ``060Y``; None where it is none.

    Examples
    --------
    >>> age_years("018M")
    1
    """
    match = _AGE.fullmatch(text or "")
    if match is None:
        return None
    per_year = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}[match.group(2)]
    return min(int(int(match.group(1)) / per_year), MAX_AGE_YEARS)


def _contrast(attributes: Attributes) -> bool | None:
    """Whether an agent was given: None where the header has no such element, False where it is there and empty."""
    if attributes.text("ContrastBolusAgent"):
        return True
    return False if "ContrastBolusAgent" in attributes.dataset else None
