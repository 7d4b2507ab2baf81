"""A tiny synthetic cohort and one finished run of the command line on it, made once for all journeys."""

import pytest

from tests.hospital import Finished, Hospital, make_hospital


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    return make_hospital(tmp_path_factory.mktemp("hospital"))


@pytest.fixture(scope="session")
def finished(hospital: Hospital, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    workspace = tmp_path_factory.mktemp("finished") / "workspace"
    result = hospital.call("run", hospital.raw, "-w", workspace, "--json")
    return Finished(hospital, workspace, result)
