"""The step ``suv-images``: which sessions get images of further types of SUV; they are written by the convert room."""

from collections.abc import Sequence

from umd_curate.model.config import UmdConfig
from umd_curate.model.receipts import What
from umd_curate.model.steps import Step, Unit, View
from umd_curate.pipeline.lazy import perform_of

NAME = "suv-images"


def plan(view: View, config: UmdConfig) -> Sequence[Unit]:
    """One unit per session with a PET, if `convert.suv_images` asks for images."""
    if not config.convert.suv_images:
        return []
    return [
        Unit(
            NAME,
            session.stem,
            session.subject,
            session.session,
            (session.artifacts[What.PET], session.artifacts[f"{What.PET}.json"]),
            {"folder": session.folder, "types": list(config.convert.suv_images)},
        )
        for session in view.sessions()
        if What.PET in session.artifacts and f"{What.PET}.json" in session.artifacts
    ]


STEP = Step(NAME, 1, (), plan, perform_of("umd_curate.convert.suv_images_io", "perform"))
