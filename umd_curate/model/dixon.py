"""How the makers write a Dixon channel into ImageType (0008,0008) or FrameType (0008,9007): read at the scan and per frame.

Siemens writes IN_PHASE, OPP_PHASE, FAT, WATER, Philips IP, OP, F, W, United Imaging and GE whole words.
"""

IN, OPPOSED, FAT, WATER = "in", "opp", "fat", "water"

_IMAGE_TYPE_VALUES = {
    IN: {"IN", "IP", "IN_PHASE", "INPHASE", "IN-PHASE", "IN PHASE"},
    OPPOSED: {"OPP", "OP", "OUT", "OPP_PHASE", "OUT_PHASE", "OUTPHASE", "OPPPHASE", "OUT_OF_PHASE", "OUT PHASE"},
    FAT: {"F", "FAT"},
    WATER: {"W", "WATER"},
}


def channels_of_type(image_type: tuple[str, ...]) -> tuple[str, ...]:
    """Channels that an image type names, from its third value on: none, one, or several where it contradicts itself."""
    values = {value.strip().upper() for value in image_type[2:]}
    return tuple(channel for channel, words in _IMAGE_TYPE_VALUES.items() if values & words)
