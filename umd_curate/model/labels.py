"""The vocabulary of structures: id, name, side, standard code, colour. The entries are data in ``manifests/umd.toml``."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Organ:
    """One structure of a label map.

    Parameters
    ----------
    id
        Value in the label map; 0 is background.
    name
        Canonical snake-case name, such as ``kidney_left``.
    snomed_code, snomed_meaning
        SNOMED CT concept and its meaning.
    side
        ``left``, ``right`` or None.
    colour
        sRGB triple, 0 to 255.
    aliases
        Names under which engines and sites know it, lower case.
    other_codes
        SNOMED CT concepts that name the same structure, such as the sided concept of a paired organ.
    pieces
        Number of connected parts that anatomy gives it; 0 stands for any number.
    moves
        Whether it moves or fills between the two scans of a session, so that a label carried over is approximate.
    """

    id: int
    name: str
    snomed_code: str
    snomed_meaning: str
    side: str | None
    colour: tuple[int, int, int]
    aliases: tuple[str, ...] = ()
    other_codes: tuple[str, ...] = ()
    pieces: int = 1
    moves: bool = False


@dataclass(frozen=True, slots=True)
class OrganTable:
    """The organs of a dataset, in the order of their ids."""

    organs: tuple[Organ, ...]

    def __iter__(self) -> Iterator[Organ]:
        return iter(self.organs)

    def __len__(self) -> int:
        return len(self.organs)

    def named(self, name: str) -> Organ | None:
        """Organ of that canonical name or alias, compared in lower case with blanks and hyphens as underscores."""
        wanted = normalised(name)
        for organ in self.organs:
            if wanted == organ.name or wanted in (normalised(alias) for alias in organ.aliases):
                return organ
        return None

    def coded(self, snomed_code: str, side: str | None = None) -> Organ | None:
        """Organ of that SNOMED CT code, and side where the code alone does not tell it; None where it stays open."""
        for organ in self.organs:
            if snomed_code in organ.other_codes or (organ.snomed_code == snomed_code and organ.side in {side, None}):
                return organ
        return None


def normalised(name: str) -> str:
    """Lower case, with blanks and hyphens as underscores."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")
