"""The section of umd.toml that says which dataset is made, and what its card tells of where it comes from."""

from pydantic import Field

from umd_curate.model.config_base import Section


class DatasetConfig(Section):
    """Which dataset is made."""

    definition: str = Field("umd", description="Name of the definition in manifests/ (organs, subsets, splits).")
    licence: str = Field("other", description="Licence of the release, an identifier of the Hub.")
    authors: tuple[str, ...] = Field((), description="Who is cited as the maker of the dataset.")
    citation: str | None = Field(None, description="How to cite the dataset, such as a DOI or a reference in one line.")
    contact: str | None = Field(
        None, description="Where a person or a user asks for a withdrawal or reports an identifier; published."
    )
    published: str | None = Field(
        None, pattern=r"^\d{4}-\d{2}-\d{2}$", description="Date of publication, for citations; no clock is read for it."
    )
    consent: str | None = Field(
        None, description="On what the use of the images rests, such as broad consent; published."
    )
    ethics: str | None = Field(None, description="Ethics committee and the number of its vote; published.")
    site: str = Field("site-1", description="Published code of the hospital; never its name.", pattern=r"^[a-z0-9-]+$")
