"""The brain: two hemispheres with a folded cortex, nuclei, ventricles, cerebellum and stem."""

import numpy as np

from umd_curate.synth.build import Build
from umd_curate.synth.layer import Layer, moved, sized
from umd_curate.synth.shapes import Floats, Part, Points, Shape, ellipsoid, merged, mirrored, tube, within
from umd_curate.synth.tissues import Tissue


def brain_layers(build: Build) -> list[Layer]:
    """Layers of the brain of a patient; the first one bears the organ's name."""
    cerebrum, cerebellum = moved([(0, -6, -76), (0, -48, -122)], build, "brain")
    whole = merged(
        [
            ellipsoid(cerebrum, sized((64, 81, 60), build, "brain")),
            ellipsoid(cerebellum, sized((47, 33, 24), build, "brain")),
        ],
        8.0,
    )
    stem = tube([(0, -18, -112), (0, -24, -142)], [13, 9])

    def above_base(points: Points) -> Floats:
        _, y, z = points
        result: Floats = (-118.0 + 0.28 * np.minimum(y + 20.0, 0.0) * 1.0 - 0.10 * y - z) * 0.9
        return np.minimum(result, within((ellipsoid(cerebellum, (47, 33, 24)),))(points))

    def folded(points: Points) -> Floats:
        """White matter under a folded cortex."""
        x, y, z = points
        folds = np.sin(x * 0.36 + 1.3 * np.sin(z * 0.13)) * np.sin(y * 0.33 + 1.1 * np.sin(x * 0.11)) + 0.7 * np.sin(
            z * 0.37 + y * 0.12
        )
        result: Floats = whole.level(points) + 11.0 + 4.5 * folds
        return result

    def fissure(points: Points) -> Floats:
        x, y, z = points
        return np.maximum(np.abs(x) - 1.6, np.maximum(-84.0 - z + 0.0 * y, whole.level(points)))

    ventricles = mirrored(tube([(9, 34, -70), (11, 4, -62), (16, -30, -68), (24, -14, -92)], [5, 5.5, 5.5, 3.5]))
    nuclei = mirrored((ellipsoid((20, 8, -82), (9, 18, 13)), ellipsoid((13, -12, -80), (9, 14, 10))))
    body = Shape((whole, *stem), (above_base,))
    inner = Part(whole.lo, whole.hi, folded)
    gap = Part(whole.lo, whole.hi, fissure)
    return [
        Layer(body, ((0, Tissue.GREY),), "brain"),
        Layer(Shape((inner,), (above_base,)), ((0, Tissue.WHITE),)),
        Layer(Shape(nuclei), ((0, Tissue.GREY),)),
        Layer(Shape(ventricles), ((0, Tissue.CSF),)),
        Layer(Shape((gap,)), ((0, Tissue.CSF),)),
    ]
