"""What every table of umd.toml is made of."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10)]


class Section(BaseModel):
    """A table of umd.toml."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)
    apart: ClassVar[frozenset[str]] = frozenset()  # settings that decide no output of the steps that name this section


class Relaxation(Section):
    """A safety rule that this dataset relaxes; the reason is copied into the release manifest."""

    rule: str = Field(description="Code of the rule, such as REL-003.")
    reason: Reason
