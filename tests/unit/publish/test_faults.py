"""What a fault of the Hub means to the user, and how long one waits for it to pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umd_curate.errors import PublishError
from umd_curate.publish.faults import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    NO_NETWORK,
    NO_TOKEN,
    OFFLINE,
    TRIES,
    Fault,
    explained,
    pause_s,
)

CANARY = "secret-path"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(None, NO_TOKEN), "no token"),
        (Fault(None, NO_NETWORK), "does not answer"),
        (Fault(None, OFFLINE), "HF_HUB_OFFLINE"),
        (Fault(403, text="Private repository storage limit reached"), "storage"),
        (Fault(507), "storage"),
        (Fault(402), "storage"),
        (Fault(401, "GatedRepo"), "nobody is logged in"),
        (Fault(403, "GatedRepo"), "has not been let in"),
        (Fault(401), "does not know this token"),
        (Fault(403), "may not do that"),
        (Fault(404), "no such repository"),
        (Fault(412), "main branch has moved"),
        (Fault(429), "fewer requests"),
        (Fault(503), "status 503"),
        (Fault(418), "status 418"),
    ],
)
def test_each_fault_says_what_to_do_and_what_was_published(fault, words):
    error = explained(fault, "sending files", "Nothing was published.")
    assert isinstance(error, PublishError)
    assert words in error.message
    assert "(while sending files)" in error.message
    assert error.hint.startswith("Nothing was published. ")


@given(st.integers(300, 599), st.text())
def test_the_words_of_the_hub_are_never_shown(status, text):
    error = explained(Fault(status, "X", f"{text}{CANARY}"), "x", "y")
    assert CANARY not in error.message + error.hint


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_these_pass(status):
    assert Fault(status).is_passing


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 412, 413, 507])
def test_these_stay(status):
    assert not Fault(status).is_passing


def test_pauses_grow_and_heed_what_the_hub_asks():
    pauses = [pause_s(Fault(500), attempt) for attempt in range(TRIES - 1)]
    assert pauses[0] == FIRST_PAUSE_S
    assert pauses == sorted(pauses)
    assert 60 <= sum(pauses) <= 180
    assert pause_s(Fault(429, retry_after_s=7), 0) == 7
    assert pause_s(Fault(429, retry_after_s=1e9), 0) == LONGEST_PAUSE_S
