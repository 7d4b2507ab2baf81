"""Names of the criteria by which a volume is preferred, as umd.toml says them."""

from typing import Literal

CriterionName = Literal[
    "static", "largest-coverage", "original", "bqml", "attenuation-ct", "contrast", "soft-kernel", "most-slices", "in-phase", "no-map",
    "largest-part", "dixon-channel", "finest-pixels", "description", "protocol", "kernel", "reconstruction", "lowest-series-number",
    "highest-series-number",
]  # fmt: skip
WORD_CRITERIA = frozenset({"description", "protocol", "kernel", "reconstruction"})
