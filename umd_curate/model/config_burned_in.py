"""What umd.toml says about text in the pixels of an image: a person's decision, with its reason."""

from typing import Literal, Self

from pydantic import Field, model_validator

from umd_curate.model.config_section import Reason, Section


class BurnedInDecision(Section):
    """What a person decided who looked at an image in which text was found, or knows of text that was not."""

    series: str = Field(description="Short id of the series, as the finding names it.")
    verdict: Literal["clean", "redact", "exclude"] = Field(
        description="clean: it is no identifying text; redact: clear `region`; exclude: the image does not cross the wall."
    )
    reason: Reason
    region: tuple[int, int, int, int] | None = Field(
        None, description="For redact: first row, one after the last, first column, one after the last."
    )
    slices: tuple[int, int] | None = Field(
        None, description="For redact: first slice and one after the last, of the staged image.  All if not set."
    )

    @model_validator(mode="after")
    def _region_where_needed(self) -> Self:
        if (self.verdict == "redact") != (self.region is not None):
            message = "a region goes with redact, and with nothing else"
            raise ValueError(message)
        return self
