"""The engine `consensus`: two or more engines label the same image, and the majority decides voxel by voxel.

Decides that a consensus needs at least two results; how votes are counted stands in `votes.py`. Where engines disagree is
kept as a map, and the least Dice of any two for each organ goes into the sidecar.
"""

from collections.abc import Sequence

from umd_curate.errors import ConfigError
from umd_curate.label.engine import EngineDescription, EngineSettings, LabelCase, LabelEngine, Need, Outcome, run_engine
from umd_curate.label.judge import Drawing, Judged, Run
from umd_curate.label.registry import load_engines
from umd_curate.label.votes import least_dice, majority
from umd_curate.model.catalogue.label import EMPTY, TOO_FEW_ENGINES
from umd_curate.model.findings import Refused
from umd_curate.model.geometry import Volume

NAME = "consensus"
MIN_ENGINES = 2


class Consensus:
    """The majority of the engines that label.consensus names."""

    def __init__(self, settings: EngineSettings) -> None:
        members = settings.label.consensus
        if NAME in members or len(set(members)) < MIN_ENGINES or len(set(members)) != len(members):
            message = "label.consensus must name two or more different engines."
            raise ConfigError(message)
        self.members: Sequence[LabelEngine] = tuple(load_engines(members, settings.label).values())

    def describe(self) -> EngineDescription:
        """What its members are together: it labels what at least two of them label."""
        described = [member.describe() for member in self.members]
        roles = {role for one in described for role in one.targets}
        return EngineDescription(
            name=NAME,
            version="+".join(f"{one.name}-{one.version}" for one in described),
            method="consensus",
            targets=frozenset(r for r in roles if sum(r in one.targets for one in described) >= MIN_ENGINES),
            needs=Need.NOTHING,
            licence="; ".join(f"{one.name}: {one.licence}" for one in described),
            weights={f"{one.name}/{name}": digest for one in described for name, digest in one.weights.items()},
        )

    def ready(self) -> tuple[str, ...]:
        """Problems of its members."""
        return tuple(f"{m.describe().name}: {problem}" for m in self.members for problem in m.ready())

    def draw(self, case: LabelCase) -> Drawing:
        """Let each member draw, and count.

        Raises
        ------
        Refused
            Fewer than two members gave labels (LAB-116), or none found an organ (LAB-107).
        """
        drawn: list[tuple[str, Judged]] = []
        outcomes: list[Outcome] = []
        for member in self.members:
            described = member.describe()
            if case.target in described.targets:
                labelled = run_engine(member, case.within(described.name))
                outcomes.append(labelled.outcome)
                if labelled.judged is not None:
                    drawn.append((described.name, labelled.judged))
        if not drawn and outcomes and set(outcomes) == {Outcome.EMPTY}:
            raise Refused(EMPTY.at(case.place))
        if len(drawn) < MIN_ENGINES:
            raise Refused(TOO_FEW_ENGINES.at(case.place, "number of engines", measured=len(drawn), limit=MIN_ENGINES))
        maps = [judged.volume.array_kji for _, judged in drawn]
        joined, apart = majority(maps)  # type: ignore[arg-type]  # the judge gives uint8
        names = {organ.id: organ.name for organ in case.organs}
        dice = least_dice(maps, names)  # type: ignore[arg-type]
        return Drawing(
            Volume(joined, case.grid.affine),
            None,
            reference=case.target,
            inputs={case.target: case.image_sha256},
            run=_joined([(name, judged.drawing.run or Run()) for name, judged in drawn]),
            disagreement=Volume(apart, case.grid.affine),
            agreement={names[number]: round(score, 6) for number, score in sorted(dice.items())},
        )


def _joined(runs: Sequence[tuple[str, Run]]) -> Run:
    """What drew, each entry under the name of its engine."""
    return Run(
        *(
            {f"{name}/{key}": value for name, run in runs for key, value in getattr(run, part).items()}
            for part in ("versions", "weights", "options")
        )
    )
