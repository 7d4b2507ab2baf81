"""Hypothesis strategies for the values that all rooms share."""

import string

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from umd_curate.model.findings import Finding, Severity
from umd_curate.model.geometry import Grid, Volume
from umd_curate.model.receipts import Artifact, Receipt, State

STORED_TYPES = (np.uint8, np.int16, np.uint16, np.int32, np.float32)

names = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=12)
spacings_mm = st.floats(0.3, 8.0)
sha256s = st.text("0123456789abcdef", min_size=64, max_size=64)


@st.composite
def rotations(draw) -> np.ndarray:
    """Proper rotations, from unit quaternions: axial, coronal and any oblique one between."""
    parts = draw(st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1))
    w, x, y, z = np.array(parts) / np.linalg.norm(parts)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


@st.composite
def affines(draw) -> np.ndarray:
    """Affines without shear: oblique, with any axis reversed, up to a metre from the origin."""
    axes = draw(rotations()) * draw(st.tuples(*[st.sampled_from((-1.0, 1.0))] * 3))
    affine = np.eye(4)
    affine[:3, :3] = axes * draw(st.tuples(spacings_mm, spacings_mm, spacings_mm))
    affine[:3, 3] = draw(st.tuples(*[st.floats(-1000, 1000)] * 3))
    return affine


shapes_kji = st.tuples(*[st.integers(1, 6)] * 3)
grids = st.builds(Grid, shapes_kji, affines())


@st.composite
def volumes(draw) -> Volume:
    """Small volumes of every type that is stored."""
    dtype = draw(st.sampled_from(STORED_TYPES))
    elements = {"allow_nan": False, "allow_infinity": False} if np.dtype(dtype).kind == "f" else {}
    array_kji = draw(hnp.arrays(dtype, draw(shapes_kji), elements=hnp.from_dtype(np.dtype(dtype), **elements)))
    return Volume(array_kji, draw(affines()))


artifacts = st.builds(Artifact, names, names.map("private/staged/{}".format), sha256s, st.integers(0, 2**40))
findings = st.builds(
    Finding,
    code=names,
    severity=st.sampled_from(Severity),
    place=names,
    detail=st.text(max_size=20),
    measured=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    limit=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
receipts = st.builds(
    Receipt,
    step=names,
    unit=names,
    key=sha256s,
    state=st.sampled_from(State),
    subject=names,
    session=names,
    inputs=st.lists(artifacts, max_size=2).map(tuple),
    outputs=st.just(()),
    findings=st.lists(findings, max_size=2).map(tuple),
    measured=st.dictionaries(names, json_values, max_size=3),
    versions=st.dictionaries(names, names, max_size=2),
)
