"""How much of a face goes and of a brain stays: ``python -m bench.heads [--trials | --first N --count N --roles ct mr pet ...]``.

Poses, grids, noise and MR shading are drawn from a seed, so that a head is made again by its number and the same options;
``--trials`` measures the heads that the tests name. Prints the part of the face's front surface that was changed, and the voxels
of brain that were, in each image. What misses the limits of the tests is marked and told in full: the line is a trial to add.
"""

import argparse
import random
from collections.abc import Iterator

from tests.steps.test_deface_trial_heads_step import FACE_CHANGED, TRIALS, defaced, looked_at, part_of
from umd_curate.deid.deface import cut_of
from umd_curate.deid.engine import faces_of
from umd_curate.synth.anatomy import Posture
from umd_curate.synth.heads import HeadSpec, trial_head
from umd_curate.synth.nod import Nod


def spec_of(number: int, given: argparse.Namespace) -> HeadSpec:
    """The head of a number."""
    drawn = random.Random(number)  # noqa: S311  (trial heads, no secrets)
    in_plane_mm, step_mm, seed = drawn.uniform(*given.in_plane_mm), drawn.uniform(*given.step_mm), drawn.randrange(1000)
    return HeadSpec(
        seed=seed,
        spacings_mm=dict.fromkeys(given.roles, (in_plane_mm, in_plane_mm, step_mm)),
        has_holder=bool(seed % 2),
        bottom_mm=-420 - seed % given.longest_mm,
        sex=drawn.choice("FM"),
        nod=Nod(drawn.uniform(-20, 20), drawn.uniform(-20, 20), drawn.uniform(-12, 12)),
        posture=drawn.choice(list(Posture)),
        signs=(drawn.choice((-1.0, 1.0)), drawn.choice((-1.0, 1.0)), drawn.choice((-1.0, 1.0))),
        oblique_deg=(drawn.uniform(-10, 10), drawn.uniform(-10, 10), drawn.uniform(-10, 10)),
        ct_noise_hu=drawn.uniform(0, 90),
        shading=drawn.uniform(*given.shading),
        top_mm=given.top_mm,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=77)
    parser.add_argument("--roles", nargs="+", default=["ct", "mr", "pet"], choices=["ct", "mr", "pet"])
    parser.add_argument("--in-plane-mm", type=float, nargs=2, default=(3.5, 5.5))
    parser.add_argument("--step-mm", type=float, nargs=2, default=(3.5, 5.5))
    parser.add_argument("--shading", type=float, nargs=2, default=(1.5, 3.0))
    parser.add_argument("--longest-mm", type=int, default=40, help="of the body below the shoulders, at most")
    parser.add_argument(
        "--top-mm", type=float, default=40.0, help="where the view ends; the vertex lies at 0, the brow at -96"
    )
    parser.add_argument("--trials", action="store_true", help="the named heads of the tests instead of random ones")
    tried = missed = lost = 0
    worst = 1.0
    for name, spec in _wanted(parser.parse_args()):
        heads = trial_head(spec)
        faces, said, is_good = faces_of(looked_at(heads)), [], True
        for role, head in heads.items():
            changed = defaced(head, cut_of(faces, head.volume.grid, role)) != head.volume.array_kji
            part, brain = part_of(changed, head, head.face_ras_mm), int((changed & head.brain_kji).sum())
            is_good &= part >= FACE_CHANGED and not brain
            worst, lost = min(worst, part), lost + brain
            said.append(f"{role} face {part:.2%}, brain {brain}")
        tried, missed = tried + 1, missed + (not is_good)
        print(f"{name:>5}: {'' if is_good else 'MISSED':7}{'; '.join(said)}", flush=True)
        if not is_good:
            print(f"      {spec!r}", flush=True)
    print(f"{tried} heads, {missed} missed; least part of a face {worst:.2%}, voxels of brain {lost}")


def _wanted(given: argparse.Namespace) -> Iterator[tuple[str, HeadSpec]]:
    if given.trials:
        yield from TRIALS.items()
        return
    for number in range(given.first, given.first + given.count):
        yield str(number), spec_of(number, given)


if __name__ == "__main__":
    main()
