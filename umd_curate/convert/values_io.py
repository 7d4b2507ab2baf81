"""How the stored numbers of one volume become values, slice by slice, and what the sidecar then says of them.

PET: SUVbw or Bq/mL by its SUV inputs. CT: HU by slope and intercept. MR: rescaled where the header says how, else stored.
The arithmetic is in `rescale.py`, the SUV in `suv.py`; here headers are read and handed to them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from umd_curate.convert.derivation import Derivation
from umd_curate.convert.facts_io import image_facts, tracer_facts
from umd_curate.convert.header_io import Attributes, pet_header_of
from umd_curate.convert.pet_clock import acquired_at
from umd_curate.convert.pet_series import PetSeries
from umd_curate.convert.private_io import PrivateFacts, Scale
from umd_curate.convert.rescale import Rescale, grey_rescale, outside_range, precise_factor, without_padding
from umd_curate.convert.sidecar import image_sidecar, pet_sidecar
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.catalogue import suv as suv_codes
from umd_curate.model.findings import Finding, Refused
from umd_curate.model.pet import PetContext
from umd_curate.model.receipts import Json
from umd_curate.model.sidecars import ImageSidecar, PhilipsScale
from umd_curate.model.study import Layout, Role

ONE_REFERENCE: Final = frozenset({"START", "ADMIN"})  # (0054,1102): all frames are corrected to one time
SAME_SCALE: Final = 1e-4  # relative; Philips writes its slopes with six digits


@dataclass(frozen=True, slots=True)
class FrameShare:
    """Start [us since year 1] and duration [s] of a slice's frame, None where not known, and its weight in the mean."""

    start_us: int | None
    duration_s: float | None
    weight: float


class Values(Protocol):
    """The values of one volume: asked for each slice in order, then for the whole."""

    try_int16: bool

    def rescale(self, attributes: Attributes, private: PrivateFacts) -> Rescale:
        """Rescale of the next slice; `private` tells what its file's private elements said.

        Raises
        ------
        Refused
            The slice has no values.
        """
        ...

    def image_ji(self, stored_ji: NDArray[np.generic], attributes: Attributes, rescale: Rescale) -> NDArray[np.generic]:
        """Stored values of the same slice without what is no image."""
        ...

    def share(self, attributes: Attributes, layout: Layout) -> FrameShare:
        """When the same slice was taken, and what it counts in the mean over time frames or gates.

        Raises
        ------
        Refused
            The frames have no mean.
        """
        ...

    def first_start_s(self) -> float | None:
        """Start of the earliest slice in seconds after injection, where there is one and it is known."""
        ...

    def findings(self) -> Sequence[Finding]:
        """What was seen over the slices."""
        ...

    def measured(self) -> Mapping[str, Json]:
        """Measurements for the receipt."""
        ...

    def sidecar(
        self, first: Attributes, label: str, written: Mapping[str, object], findings: Sequence[Finding]
    ) -> ImageSidecar:
        """Sidecar of the volume; `written` are its fields that the writing has told."""
        ...


class PetValues:
    """PET in SUVbw, or in Bq/mL where the SUV is refused and the image is sound."""

    try_int16 = False

    def __init__(self, place: str, context: PetContext, types: Sequence[str]) -> None:
        self._place = place
        self._series = PetSeries(place, context, types)
        self._gates_have_time: bool | None = None  # (0018,1063) on the first slice
        self._mapped: tuple[float | None, float | None] = (None, None)  # stored values that the slice's scale holds for

    def rescale(self, attributes: Attributes, private: PrivateFacts) -> Rescale:  # noqa: ARG002  (a PET's are kept)
        """Rescale of the next slice to SUVbw or Bq/mL."""
        header = pet_header_of(attributes)
        self._mapped = header.mapped_from, header.mapped_to
        return self._series.rescale(header)

    def image_ji(
        self,
        stored_ji: NDArray[np.generic],
        attributes: Attributes,  # noqa: ARG002  (a PET has no padding)
        rescale: Rescale,  # noqa: ARG002
    ) -> NDArray[np.generic]:
        """All pixels, which must lie in the range that the scale of the slice holds for.

        Raises
        ------
        Refused
            One lies outside.
        """
        outside = outside_range(stored_ji, *self._mapped)
        if outside is not None:
            detail = "(0040,9216) RealWorldValueFirstValueMapped, (0040,9211) RealWorldValueLastValueMapped"
            raise Refused(suv_codes.MAPPING_TOO_NARROW.at(self._place, detail, measured=outside[0], limit=outside[1]))
        return stored_ji

    def share(self, attributes: Attributes, layout: Layout) -> FrameShare:
        """Weight by duration: of a time frame (0018,1242); of a gate (0018,1063), else the same."""
        header = pet_header_of(attributes)
        if self._series.suv is None and header.decay_correction not in ONE_REFERENCE:
            detail = "no SUV, and (0054,1102) DecayCorrection is neither START nor ADMIN"
            raise Refused(codes.NOT_ONE_DECAY_TIME.at(self._place, detail))
        gate_ms = attributes.number("FrameTime") if layout is Layout.GATED else None
        if self._gates_have_time is None:
            self._gates_have_time = gate_ms is not None
        duration_ms = gate_ms if self._gates_have_time else header.frame_duration_ms
        if duration_ms is None or duration_ms <= 0:
            tag = "(0018,1063) FrameTime" if self._gates_have_time else "(0018,1242) ActualFrameDuration"
            raise Refused(codes.DURATION_MISSING.at(self._place, tag))
        start_us = acquired_at(header, Derivation(self._place))
        return FrameShare(start_us, duration_ms / 1000.0, duration_ms / 1000.0)

    def first_start_s(self) -> float | None:
        """Scan start, which the SUV has told."""
        return self._series.scan_start_s

    def findings(self) -> Sequence[Finding]:
        """What was inferred, or why there is no SUV."""
        return self._series.findings

    def measured(self) -> Mapping[str, Json]:
        """Unit, and rule and factors of the SUV."""
        receipt = self._series.receipt()
        return {
            "units": self._series.units,
            "suv_rule": receipt.rule if receipt else None,
            "suv_factor_min": receipt.factor_min if receipt else None,
            "suv_factor_max": receipt.factor_max if receipt else None,
            "slopes_differ": self._series.slopes_differ,
        }

    def sidecar(
        self, first: Attributes, label: str, written: Mapping[str, object], findings: Sequence[Finding]
    ) -> ImageSidecar:
        """Sidecar of the PET."""
        facts = {
            **image_facts(first, Role.PET, label),
            **tracer_facts(first),
            **written,
            "units": self._series.units,
            "value_rule": "SUVbw" if self._series.suv else "activity",
        }
        return pet_sidecar(facts, self._series, findings)


class GreyValues:
    """CT in HU, MR in arbitrary numbers."""

    try_int16 = True

    def __init__(self, role: Role, place: str) -> None:
        self._role = role
        self._place = place
        self._scale: PhilipsScale | None = None
        self._precise: list[float] = []  # smallest and largest factor over the slices
        self._rule = ""
        self._found: dict[str, Finding] = {}
        self._n_padding = 0

    def rescale(self, attributes: Attributes, private: PrivateFacts) -> Rescale:
        """Rescale of the next slice by its own slope and intercept."""
        rescale, self._rule = grey_rescale(
            attributes.number("RescaleSlope"),
            attributes.number("RescaleIntercept"),
            is_required=self._role is Role.CT,
            place=self._place,
            is_philips=self._role is Role.MR and "philips" in (attributes.text("Manufacturer") or "").lower(),
        )
        if self._rule == "displayed":
            self._note_scale(rescale, private.scale(attributes.frame))
        if self._role is Role.CT and (attributes.code("RescaleType") or "HU") != "HU":
            self._found.setdefault(codes.NOT_HU.code, codes.NOT_HU.at(self._place, "(0028,1054) RescaleType"))
        return rescale

    def image_ji(self, stored_ji: NDArray[np.generic], attributes: Attributes, rescale: Rescale) -> NDArray[np.generic]:
        """Pixels with the padding of a CT turned into air."""
        if self._role is not Role.CT or self._found:
            return stored_ji
        ends = (*attributes.numbers("PixelPaddingValue"), *attributes.numbers("PixelPaddingRangeLimit"))
        image_ji, count = without_padding(stored_ji, rescale, ends)
        self._n_padding += count
        return image_ji

    def _note_scale(self, rescale: Rescale, scale: Scale) -> None:
        factor = precise_factor(rescale, scale.slope)
        if factor is None or scale.slope is None:
            return
        self._scale = self._scale or PhilipsScale(
            scale_slope=scale.slope, scale_intercept=scale.intercept, precise_factor=factor
        )
        self._precise = [min([*self._precise, factor]), max([*self._precise, factor])]

    def share(self, attributes: Attributes, layout: Layout) -> FrameShare:  # noqa: ARG002  (phases weigh alike)
        """The same weight for every phase."""
        return FrameShare(None, None, 1.0)

    def first_start_s(self) -> float | None:
        """None: there is no injection."""
        return None

    def findings(self) -> Sequence[Finding]:
        """Whether the CT says that it is not in HU, whether it had padding, and whether Philips' scale varies."""
        found = list(self._found.values())
        if self._n_padding:
            detail = "(0028,0120) PixelPaddingValue, pixels"
            found.append(codes.PADDING.at(self._place, detail, measured=self._n_padding))
        if self._precise and abs(self._precise[1] / self._precise[0]) > 1 + SAME_SCALE:
            detail = "(2005,100E) and (0028,1053), largest ratio between slices"
            ratio = self._precise[1] / self._precise[0]
            found.append(codes.SCALES_DIFFER.at(self._place, detail, measured=ratio, limit=1 + SAME_SCALE))
        return tuple(found)

    def measured(self) -> Mapping[str, Json]:
        """Unit and rule of the values."""
        return {"units": self._units, "value_rule": self._rule}

    def sidecar(
        self, first: Attributes, label: str, written: Mapping[str, object], findings: Sequence[Finding]
    ) -> ImageSidecar:
        """Sidecar of the CT or MR."""
        facts = {
            **image_facts(first, self._role, label),
            **written,
            "units": self._units,
            "value_rule": self._rule,
            "philips_scale": self._scale,
        }
        return image_sidecar(facts, findings)

    @property
    def _units(self) -> str:
        return "HU" if self._role is Role.CT and not self._found else "arbitrary"


def values_of(role: Role, place: str, context: PetContext | None = None, suv_types: Sequence[str] = ()) -> Values:
    """Values of a volume of that role; `place` is the short id of its series, the rest is for the SUV of a PET."""
    return PetValues(place, context or PetContext(), suv_types) if role is Role.PET else GreyValues(role, place)
