"""The tables [workspace] and [run] of umd.toml: where and how work is done, never what comes out."""

from pydantic import Field

from umd_curate.model.config_section import Section


class WorkspaceConfig(Section):
    """Where the workspace keeps what must not leave the hospital."""

    private: str | None = Field(
        None, description="Folder for private/ outside the workspace, such as an encrypted disk."
    )


class RunConfig(Section):
    """How units of work run. None of it changes what comes out."""

    workers: int = Field(
        1, ge=0, description="Processes that do the work; 0 takes one per core. With 1, all is done in one process."
    )
    memory_gib: float | None = Field(
        None,
        gt=0,
        description="Memory for all workers together [GiB], shared evenly; what needs more than its share is done alone. "
        "The machine's where not set.",
    )
    dashboard: bool = Field(False, description="Show the workers at work on a page of this machine.")
