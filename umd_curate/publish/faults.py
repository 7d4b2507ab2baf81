"""Decides what a fault of the Hub means: whether it passes by itself, and what the user is told.

The Hub's own words are looked at and never shown, since they may hold a path.
"""

from collections.abc import Callable
from dataclasses import dataclass

from umd_curate.errors import PublishError

TRIES = 6  # of one request; with the pauses below, a disturbance of a minute is sat out
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 60.0
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})  # RFC 9110, RFC 6585: ask again later
NO_NETWORK, NO_TOKEN, OFFLINE = "network", "token", "offline"  # kinds of fault without an answer

_TOO_MUCH = ("storage limit", "quota", "storage is full", "exceeded your")


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong.

    Parameters
    ----------
    status
        Of the answer; None where there was none.
    code
        The Hub's ``X-Error-Code``, or the kind of fault where there was no answer.
    text
        The Hub's message; looked at, never shown.
    retry_after_s
        Pause that the Hub asks for.
    """

    status: int | None
    code: str = ""
    text: str = ""
    retry_after_s: float | None = None

    @property
    def is_passing(self) -> bool:
        """Say whether the same request may succeed later."""
        return self.code == NO_NETWORK if self.status is None else self.status in PASSING

    @property
    def is_stale(self) -> bool:
        """Say whether the branch has moved since it was looked at."""
        return self.status == 412


def pause_s(fault: Fault, attempt: int) -> float:
    """Pause before the next try: what the Hub asks for, else 2 s, doubled each time, one minute at most."""
    if fault.retry_after_s is not None:
        return min(max(fault.retry_after_s, 0.0), LONGEST_PAUSE_S)
    return min(FIRST_PAUSE_S * 2.0**attempt, LONGEST_PAUSE_S)


def explained(fault: Fault, doing: str, state: str) -> PublishError:
    """The error that the user sees.

    Parameters
    ----------
    fault
        What went wrong.
    doing
        What was being done, such as ``sending files``.
    state
        What was and was not published.
    """
    what, advice = next((what, advice) for is_it, what, advice in _MEANINGS if is_it(fault))
    return PublishError(f"{what.format(fault=fault, tries=TRIES)} (while {doing}).", hint=f"{state} {advice}")


_AGAIN = "Run the same command again: it sends only what is missing."
_LOG_IN = "Log in with `hf auth login`, or set HF_TOKEN."

# The first that holds says what a fault means, and what to do.
_MEANINGS: tuple[tuple[Callable[[Fault], bool], str, str], ...] = (
    (lambda f: f.code == NO_TOKEN, "There is no token for the Hub", _LOG_IN),
    (
        lambda f: f.code == OFFLINE,
        "HF_HUB_OFFLINE keeps the Hub's client from the network",
        f"Unset it, and TRANSFORMERS_OFFLINE. {_AGAIN}",
    ),
    (lambda f: f.code == NO_NETWORK, "The Hub does not answer", f"Look at the network and the proxy. {_AGAIN}"),
    (
        lambda f: f.status in {402, 413, 507} or any(words in f.text.lower() for words in _TOO_MUCH),
        "The storage of this account or organisation on the Hub is full",
        f"Free some with `umd-curate publish yank VERSION --purge`, or ask for more. {_AGAIN}",
    ),
    (
        lambda f: f.code == "GatedRepo" and f.status == 401,
        "The repository is gated and nobody is logged in",
        _LOG_IN,
    ),
    (
        lambda f: f.code == "GatedRepo",
        "The repository is gated and this account has not been let in",
        "Ask for access on the repository's page, and wait for its maintainers.",
    ),
    (lambda f: f.status == 401, "The Hub does not know this token, or hides the repository from it", _LOG_IN),
    (
        lambda f: f.status == 403,
        "This token may not do that",
        "Make a token with the right to write to this repository.",
    ),
    (
        lambda f: f.status == 404,
        "There is no such repository or version, or it is hidden from this token",
        "Look at its name and at the token's rights.",
    ),
    (lambda f: f.is_stale, "The main branch has moved since it was looked at", f"See who published. {_AGAIN}"),
    (lambda f: f.status == 429, "The Hub asked {tries} times for fewer requests", f"Wait for some minutes. {_AGAIN}"),
    (
        lambda f: f.status is not None and f.status >= 500,
        "The Hub failed {tries} times, last with status {fault.status}",
        f"See whether it has a disturbance. {_AGAIN}",
    ),
    (lambda _: True, "The Hub refused with status {fault.status}", _AGAIN),
)
