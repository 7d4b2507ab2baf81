"""Decides which tracer a PET header names, and whether an image that is stored as PET is a single-photon image.

The name is read from Radiopharmaceutical (0018,0031) alone. What the radionuclide means for SUV is for the room convert.
"""

import re

from umd_curate.ingest.dixon import words_of
from umd_curate.model.headers import InstanceHeader

FDG = "FDG"

_TRACERS: tuple[tuple[str, re.Pattern[str]], ...] = (  # first match wins; words in lower case, one blank between them
    (FDG, re.compile(r"fdg|flu(oro|or|de|oro ?de) ?(de|des)?oxy ?gl[uy]cose")),
    ("PSMA", re.compile(r"psma|dcfpyl|piflufolastat|gozetotide|flotufolastat")),
    ("DOTA peptide", re.compile(r"dota ?(tate|toc|noc)|edotreotide|oxodotreotide")),
    ("FLT", re.compile(r"\bflt\b|fluorothymidine|alovudine")),
    ("FET", re.compile(r"\bfet\b|fluoroethyl ?(l ?)?tyrosine")),
    ("DOPA", re.compile(r"dopa\b")),
    ("choline", re.compile(r"choline|\bfch\b")),
    ("FAPI", re.compile(r"fapi")),
    ("fluciclovine", re.compile(r"fluciclovine|facbc")),
    ("sodium fluoride", re.compile(r"sodium ?fluoride|\bnaf\b|fluoride")),
    ("FMISO", re.compile(r"f?miso(nidazole)?\b")),
    ("methionine", re.compile(r"methionine")),
    ("acetate", re.compile(r"acetate")),
    ("ammonia", re.compile(r"ammonia|\bnh3\b")),
    ("rubidium", re.compile(r"rubidium|\brb ?82\b|\b82 ?rb\b")),
    ("water", re.compile(r"\bo ?15\b|\b15 ?o\b|\bh2o\b|\bwater\b")),
    ("amyloid", re.compile(r"florbetapir|florbetaben|flutemetamol|\bpib\b")),
    ("tau", re.compile(r"flortaucipir|\bmk ?6240\b|\bpi ?2620\b")),
    ("FES", re.compile(r"\bfes\b|fluoroestradiol")),
)
# Radionuclides and tracers of gamma cameras; no clinic sees a positron of them.
_SINGLE_PHOTON = re.compile(
    r"\btc ?99m?\b|\b99m? ?tc\b|technetium|mibi\b|tetrofosmin|oxidronate|medronate|\b(mdp|hdp|dpd|maa|hmpao)\b|tektrotyd|"
    r"indium|\bin ?111\b|\b111 ?in\b|octreoscan|\bi ?12[35]\b|\b12[35] ?i\b|ioflupane|datscan|iobenguane|mibg|"
    r"\bi ?131\b|\b131 ?i\b|thallium|\btl ?201\b|\b201 ?tl\b|\bga(llium)? ?67\b|\b67 ?ga\b|\blu ?177\b|\b177 ?lu\b|lutetium|"
    r"xenon|krypton"
)
_GAMMA_CAMERA_TYPES = {"TOMO", "RECON TOMO", "GATED TOMO", "RECON GATED TOMO"}  # value 3 of NM, PS3.3 C.8.4.9.1.1


def tracer_of(text: str | None) -> str | None:
    """Common name of a tracer, free of identifiers: ``FDG``, ``PSMA``; None where the text names none that is known."""
    words = words_of(text)
    return next((name for name, pattern in _TRACERS if pattern.search(words)), None)


def is_single_photon(header: InstanceHeader) -> bool:
    """Say whether an image of a PET SOP class is of a gamma camera: by modality, image type or radiopharmaceutical."""
    types = {value.strip().upper() for value in header.image_type}
    if header.modality == "NM" or types & _GAMMA_CAMERA_TYPES:
        return True
    return _SINGLE_PHOTON.search(words_of(header.radiopharmaceutical)) is not None
