"""Table [deid] of umd.toml: how headers are cleaned and what a dataset keeps beyond the packaged lists."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from umd_curate.model.config_burned_in import BurnedInDecision
from umd_curate.model.config_section import Reason, Relaxation, Section
from umd_curate.model.receipts import Json

ElementTag = Annotated[str, StringConstraints(pattern=r"^[0-9A-F]{4},[0-9A-F]{4}$")]


class WordsKept(Section):
    """Words that may stay in descriptors beside those of the vocabulary."""

    words: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]{1,30}$")], ...] = Field(
        min_length=1,
        description="Single words, such as the names of the site's protocols; never a person's or a place's.",
    )
    reason: Reason = Field(description="Why; it is published with the release.")


class PrivateKept(Section):
    """A private element that may stay, known to hold no identifier."""

    creator: str = Field(min_length=1, max_length=64, description="Private creator, such as GEMS_PARM_01.")
    group: str = Field(pattern=r"^[0-9A-F]{3}[13579BDF]$", description="Group in hex, odd.")
    element: str = Field(pattern=r"^[0-9A-F]{2}$", description="Last two hex digits of the element.")
    vr: Literal["DS", "IS", "FL", "FD", "US", "SS", "UL", "SL", "DA", "TM", "DT", "UI"] = Field(
        description="Its VR; free text cannot be kept."
    )
    reason: Reason = Field(description="Why, and who says that it is safe; it is published with the release.")


class DeidConfig(Section):
    """De-identification. The key never lies in the workspace."""

    apart: ClassVar[frozenset[str]] = frozenset(
        {"key_file", "subjects", "burned_in"}
    )  # what they decide stands in orders and units

    key_file: str = Field("~/.config/umd-curate/deid.key", description="Secret key, made at the first run, mode 0600.")
    subjects: Literal["random", "preassigned"] = Field(
        "random",
        description="Published ids: random, or only those that `crosswalk import` took; then others stop a run.",
    )
    faces_retained: Reason | None = Field(None, description="Reason why faces stay; without it heads are defaced.")
    search_text: bool = Field(
        False, description="Look for text in the pixels of every slice; a find sets the image aside."
    )
    burned_in: tuple[BurnedInDecision, ...] = Field(
        (), description="Decisions on images in whose pixels text was found."
    )
    words: tuple[WordsKept, ...] = Field((), description="Words that may stay in descriptors, each list with a reason.")
    private: tuple[PrivateKept, ...] = Field((), description="Private elements that may stay, each with a reason.")
    drop: tuple[ElementTag, ...] = Field(
        (),
        description="Elements of the keep list that this dataset gives up, as GGGG,EEEE; what an image needs cannot go.",
    )

    def relaxations(self) -> tuple[Relaxation, ...]:
        """What this dataset keeps beyond the packaged lists, for the release."""
        words = (Relaxation(rule=f"deid.words ({len(entry.words)})", reason=entry.reason) for entry in self.words)
        private = (
            Relaxation(rule=f"deid.private {entry.creator} {entry.group},{entry.element}", reason=entry.reason)
            for entry in self.private
        )
        return (*words, *private)

    def changes(self) -> Json:
        """What of these settings decides a cleaned header, as JSON; empty with the packaged lists alone."""
        chosen = {"words": self.words, "private": self.private, "drop": self.drop}
        return self.model_dump(mode="json", include={name for name, value in chosen.items() if value})
