"""Decides which Dixon channel an MR image shows. Whether that channel is wanted is for `select` to say.

ImageType (0008,0008) is believed first; its words stand in `model/dixon.py`. The description is read only where ImageType is
silent, single letters and the words fat and water only where it also names a Dixon technique: "fat sat" is no fat image.
"""

import functools
import re

from umd_curate.model.dixon import FAT, IN, OPPOSED, WATER, channels_of_type

_PHASE_WORDS = {
    IN: re.compile(r"\bin ?phase\b"),
    OPPOSED: re.compile(r"\b(opp|opposed|out|out of) ?phase\b"),
}
_TECHNIQUE = re.compile(r"dixon|lava|flex\b|ideal|vibe|mdixon|wfi\b|qdixon")
_LAST_WORDS = re.compile(r"( compos\w*| comp| wb| \d+)+$")  # stand behind the channel: "dixon_in_composed", "dixon_W_5"
_TECHNIQUE_WORDS = {
    IN: re.compile(r"\b(in|ip)$"),
    OPPOSED: re.compile(r"\b(opp|op|out)$"),
    FAT: re.compile(r"^fat\b|\b(f|fat)$"),
    WATER: re.compile(r"^water\b|\b(w|water)$"),
}


def dixon_channel(image_type: tuple[str, ...], description: str | None) -> str | None:
    """Channel of an MR image: ``in``, ``opp``, ``fat``, ``water``, or None where nothing or several are said.

    Parameters
    ----------
    image_type
        ImageType (0008,0008); values from the third on are read.
    description
        SeriesDescription (0008,103E).
    """
    by_type = channels_of_type(image_type)
    if by_type:
        return by_type[0] if len(by_type) == 1 else None
    text = _LAST_WORDS.sub("", words_of(description))
    by_phase = [channel for channel, pattern in _PHASE_WORDS.items() if pattern.search(text)]
    if not by_phase and _TECHNIQUE.search(text):
        by_phase = [channel for channel, pattern in _TECHNIQUE_WORDS.items() if pattern.search(text)]
    return by_phase[0] if len(by_phase) == 1 else None


@functools.lru_cache(maxsize=4096)  # descriptions repeat in every file of a series
def words_of(text: str | None) -> str:
    """Lower-case words and numbers of a free text, one blank between them."""
    return " ".join(re.findall(r"[^\W_]+", (text or "").casefold()))
