"""The section of umd.toml that says where releases go."""

from pydantic import Field

from umd_curate.model.config_section import Section


class PublishConfig(Section):
    """Where releases go. On what grounds others may read them is told in [dataset]."""

    to: str | None = Field(
        None,
        description="Target: ORG/NAME of the Hub, a URL such as s3://bucket/folder, or a path that begins with ./ or /.",
    )
    endpoint: str | None = Field(
        None, description="Address of the Hub; HF_ENDPOINT, else the public one, where not set."
    )
