"""How the stored numbers of one volume become values, slice by slice, and what the sidecar then says of them.

PET: SUVbw or Bq/mL by its SUV inputs. CT: HU by slope and intercept. MR: rescaled where the header says how, else stored.
The arithmetic is in `rescale.py`, the SUV in `suv.py`; here headers are read and handed to them.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from umd_curate.convert.facts_io import image_facts, tracer_facts
from umd_curate.convert.header_io import Attributes, pet_header_of
from umd_curate.convert.pet_series import PetSeries
from umd_curate.convert.rescale import Rescale, grey_rescale, without_padding
from umd_curate.convert.sidecar import image_sidecar, pet_sidecar
from umd_curate.model.catalogue import convert as codes
from umd_curate.model.findings import Finding
from umd_curate.model.pet import PetContext
from umd_curate.model.receipts import Json
from umd_curate.model.sidecars import ImageSidecar
from umd_curate.model.study import Role


class Values(Protocol):
    """The values of one volume: asked for each slice in order, then for the whole."""

    try_int16: bool

    def rescale(self, attributes: Attributes) -> Rescale:
        """Rescale of the next slice.

        Raises
        ------
        Refused
            The slice has no values.
        """
        ...

    def image_ji(self, stored_ji: NDArray[np.generic], attributes: Attributes, rescale: Rescale) -> NDArray[np.generic]:
        """Stored values of the same slice without what is no image."""
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
        self._series = PetSeries(place, context, types)

    def rescale(self, attributes: Attributes) -> Rescale:
        """Rescale of the next slice to SUVbw or Bq/mL."""
        return self._series.rescale(pet_header_of(attributes))

    def image_ji(
        self,
        stored_ji: NDArray[np.generic],
        attributes: Attributes,  # noqa: ARG002  (a PET has no padding)
        rescale: Rescale,  # noqa: ARG002
    ) -> NDArray[np.generic]:
        """All pixels."""
        return stored_ji

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
        self._rule = ""
        self._found: dict[str, Finding] = {}
        self._n_padding = 0

    def rescale(self, attributes: Attributes) -> Rescale:
        """Rescale of the next slice by its own slope and intercept."""
        rescale, self._rule = grey_rescale(
            attributes.number("RescaleSlope"),
            attributes.number("RescaleIntercept"),
            is_required=self._role is Role.CT,
            place=self._place,
        )
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

    def findings(self) -> Sequence[Finding]:
        """Whether the CT says that it is not in HU, and whether it had padding."""
        if not self._n_padding:
            return tuple(self._found.values())
        padding = codes.PADDING.at(self._place, "(0028,0120) PixelPaddingValue, pixels", measured=self._n_padding)
        return (*self._found.values(), padding)

    def measured(self) -> Mapping[str, Json]:
        """Unit and rule of the values."""
        return {"units": self._units, "value_rule": self._rule}

    def sidecar(
        self, first: Attributes, label: str, written: Mapping[str, object], findings: Sequence[Finding]
    ) -> ImageSidecar:
        """Sidecar of the CT or MR."""
        facts = {**image_facts(first, self._role, label), **written, "units": self._units, "value_rule": self._rule}
        return image_sidecar(facts, findings)

    @property
    def _units(self) -> str:
        return "HU" if self._role is Role.CT and not self._found else "arbitrary"


def values_of(role: Role, place: str, context: PetContext | None = None, suv_types: Sequence[str] = ()) -> Values:
    """Values of a volume of that role; `place` is the short id of its series, the rest is for the SUV of a PET."""
    return PetValues(place, context or PetContext(), suv_types) if role is Role.PET else GreyValues(role, place)
