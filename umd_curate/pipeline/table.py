"""The order of the steps, and the rooms that do those below the PHI wall."""

from umd_curate.model.steps import Step

# The pixel path (ingest, contours) is planned from a raw folder; all others from what earlier steps made.
PIXEL_STEPS = ("ingest", "contours")
ALL_STEPS = (
    *PIXEL_STEPS,
    "referee",
    "burned-in",
    "deface",
    "suv-images",
    "dicom-out",
    "register",
    "label",
    "between",
    "carry",
    "qa",
    "cohort",
    "pairs",
    "report",
    "audit",
    "deid-report",
    "release",
    "seal",
)


def below_the_wall() -> dict[str, Step]:
    """Steps by name, in order."""
    from umd_curate.deid.burned_io import STEP as BURNED_IN  # noqa: PLC0415
    from umd_curate.deid.step import STEP as DEFACE  # noqa: PLC0415  (rooms are opened when they are needed)
    from umd_curate.label.step import STEP as LABEL  # noqa: PLC0415
    from umd_curate.label.step import STEP_CARRY as CARRY  # noqa: PLC0415
    from umd_curate.pipeline.deid_report import STEP as DEID_REPORT  # noqa: PLC0415
    from umd_curate.pipeline.phi_gate import SEAL_STEP as SEAL  # noqa: PLC0415
    from umd_curate.pipeline.phi_gate import STEP as AUDIT  # noqa: PLC0415
    from umd_curate.pipeline.phi_gate import searched_release  # noqa: PLC0415
    from umd_curate.pipeline.referee import STEP as REFEREE  # noqa: PLC0415
    from umd_curate.pipeline.suv_images import STEP as SUV_IMAGES  # noqa: PLC0415
    from umd_curate.qa.step import COHORT, PAIRS, REPORT  # noqa: PLC0415
    from umd_curate.qa.step import STEP as QA  # noqa: PLC0415
    from umd_curate.register.step import STEP as REGISTER  # noqa: PLC0415
    from umd_curate.register.step import STEP_BETWEEN as BETWEEN  # noqa: PLC0415
    from umd_curate.release.step import STEP as RELEASE  # noqa: PLC0415

    steps = (
        REFEREE,
        BURNED_IN,
        DEFACE,
        SUV_IMAGES,
        REGISTER,
        LABEL,
        BETWEEN,
        CARRY,
        QA,
        COHORT,
        PAIRS,
        REPORT,
        AUDIT,
        DEID_REPORT,
        searched_release(RELEASE),
        SEAL,
    )
    return {step.name: step for step in steps}
