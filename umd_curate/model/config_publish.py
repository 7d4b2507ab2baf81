"""The section of umd.toml that says where releases go, and on what grounds others may read them."""

from pydantic import Field

from umd_curate.model.config_base import Reason, Section


class PublishConfig(Section):
    """Where releases go, and on what grounds others may read them."""

    to: str | None = Field(
        None,
        description="Target: ORG/NAME of the Hub, a URL such as s3://bucket/folder, or a path that begins with ./ or /.",
    )
    endpoint: str | None = Field(
        None, description="Address of the Hub; HF_ENDPOINT, else the public one, where not set."
    )
    ethics: Reason | None = Field(
        None, description="Approval of the ethics committee. Without it no repository is made public or ungated."
    )
    consent: Reason | None = Field(
        None, description="What the subjects agreed to. Without it no repository is made public or ungated."
    )
