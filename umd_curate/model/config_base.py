"""What all sections of umd.toml are made of: frozen, and without a key that is not known."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, StringConstraints

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10)]
SplitName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
SemVer = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]


class Section(BaseModel):
    """A table of umd.toml."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)
    apart: ClassVar[frozenset[str]] = frozenset()  # settings that decide no output of the steps that name this section
