"""Invented patients and the identifiers that are planted for each: canaries for the leak tests.

Names are made of random syllables and numbers of random digits, so that a hit in any output can only be a leak.
"""

import unicodedata
from dataclasses import dataclass

import numpy as np

from umd_curate.synth.build import Build, build_of
from umd_curate.synth.draws import stream

_ONSETS = ("br", "dw", "fl", "gr", "kw", "pl", "skr", "tr", "vl", "zw", "sn", "khr", "pf", "dr", "gl")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ou", "ei")
_CODAS = ("lk", "mp", "nd", "rx", "sk", "rth", "ng", "lz", "rk", "ft", "mb", "nz")
_ACCENTS = {"a": "å", "o": "ö", "u": "ü", "e": "é", "i": "í"}


@dataclass(frozen=True, slots=True)
class Person:
    """A patient and the people and places around; every text field is a canary.

    `charset` is the value of (0008,0005) in which the patient's files are written.
    """

    index: int
    sex: str
    birth_date: str
    family: str
    given: str
    patient_id: str
    other_id: str
    insurance_id: str
    address: str
    phone: str
    mother: str
    neighbour: str
    referring: str
    requesting: str
    operator: str
    reader: str
    institution: str
    institution_address: str
    department: str
    application_entity: str
    charset: str

    @property
    def name(self) -> str:
        """PatientName (0010,0010)."""
        return f"{self.family}^{self.given}"

    @property
    def folded(self) -> str:
        """The name in ASCII, as archives write it into folders."""
        return fold(f"{self.family}_{self.given}")


def fold(text: str) -> str:
    """Text without accents."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def person_of(seed: int, index: int) -> tuple[Person, Build]:
    """Invent patient number `index`, from 1.

    Every second patient's name has a letter beyond ASCII, in UTF-8 or Latin-1.
    """
    draw = stream(seed, "person", index)
    sex = "M" if (seed + index) % 2 else "F"
    build = build_of(seed, index, sex)
    family = word(draw, 3).upper() if index % 2 else accented(word(draw, 3).capitalize())

    def digits(count: int) -> str:
        return "".join(str(int(draw.integers(0, 10))) for _ in range(count))

    person = Person(
        index=index,
        sex=sex,
        birth_date=f"{int(draw.integers(1938, 1988))}{int(draw.integers(1, 13)):02d}{int(draw.integers(1, 29)):02d}",
        family=family,
        given=word(draw, 2).capitalize(),
        patient_id=f"MRN{index:02d}{digits(7)}",
        other_id=f"KK{digits(9)}",
        insurance_id=f"VS{digits(10)}",
        address=f"{word(draw, 2).capitalize()}gasse {int(draw.integers(1, 99))}, {digits(5)} {word(draw, 2).capitalize()}stadt",
        phone=f"+49 {digits(3)} {digits(8)}",
        mother=word(draw, 3).capitalize(),
        neighbour=word(draw, 3).capitalize(),
        referring=f"Dr. {word(draw, 3).capitalize()}",
        requesting=f"Dr. {word(draw, 3).capitalize()}",
        operator=word(draw, 3).capitalize(),
        reader=f"Prof. {word(draw, 3).capitalize()}",
        institution=f"Klinikum {word(draw, 3).capitalize()}hausen",
        institution_address=f"{word(draw, 2).capitalize()}allee {int(draw.integers(1, 99))}, {digits(5)} {word(draw, 2).capitalize()}burg",
        department=f"Nuklearmedizin {word(draw, 2).capitalize()}",
        application_entity=f"AE{word(draw, 3).upper()[:10]}",
        charset="ISO_IR 100" if index % 4 != 2 else "ISO_IR 192",
    )
    return person, build


def word(draw: np.random.Generator, syllables: int) -> str:
    """A word that no language has."""
    parts = [
        _ONSETS[int(draw.integers(len(_ONSETS)))] + _VOWELS[int(draw.integers(len(_VOWELS)))] for _ in range(syllables)
    ]
    return "".join(parts) + _CODAS[int(draw.integers(len(_CODAS)))]


def accented(text: str) -> str:
    """The word with its last plain vowel accented."""
    for place in range(len(text) - 1, 0, -1):
        if text[place] in _ACCENTS:
            return text[:place] + _ACCENTS[text[place]] + text[place + 1 :]
    return text
