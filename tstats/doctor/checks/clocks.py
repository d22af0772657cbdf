"""The check of the clocks: those of the servers around us against ours."""

from collections.abc import Callable, Iterator, Mapping

from tstats.doctor.diagnosis import Finding, Verdict, age, counted, graded, shown, worst
from tstats.doctor.examine import Check, examine
from tstats.transport.server_clock import seconds_ahead

_AREA = "clocks"
_WARNING, _WRONG = 5.0, 60.0  # seconds
_TOGETHER = 2.5  # two servers whose difference is below this have the same time, as far as a Date tells
_NTP = "let NTP set them (timedatectl, chronyc tracking)"

Servers = Mapping[str, bool | str]
"""URLs, and how their certificates are verified, as `requests` takes it."""


def clocks_check(
    servers: Callable[[], Servers], *, after: list[Check], seconds: float, clock: Callable[[], float]
) -> Check:
    """The check; a server that does not answer has a check of its own, and is left out.

    Args:
        servers: whom to ask, known when `after` has ended.
        after: the checks that find the servers.
        seconds: for all of it.
        clock: ours, in seconds since the epoch.
    """

    def look() -> Iterator[Finding]:
        ahead: dict[str, float] = {}

        def asked(url: str, verify: bool | str) -> Check:  # noqa: FBT001 (as requests has it)
            def ask() -> Iterator[Finding]:
                apart = seconds_ahead(url, seconds=seconds / 2, verify=verify, clock=clock)
                if apart is not None:
                    ahead[url] = apart
                yield made.finding(Verdict.OK, "told")

            made = Check(area=_AREA, name=url, look=ask, remedy=_NTP)
            return made

        examine([asked(url, verify) for url, verify in servers().items()], seconds=seconds * 0.9)
        yield _judged(check, ahead)

    check = Check(area=_AREA, name="apart", look=look, remedy=_NTP, after=after)
    return check


def _judged(check: Check, ahead: Mapping[str, float]) -> Finding:
    if not ahead:
        return check.finding(Verdict.NOT_CHECKED, "no server told its time")
    details = [f"{url}: {_words(seconds)}" for url, seconds in ahead.items()]
    verdicts = {url: graded(abs(apart), warning=_WARNING, wrong=_WRONG) for url, apart in ahead.items()}
    verdict = worst(verdicts.values())
    servers = counted(len(ahead), "server")
    if verdict is Verdict.OK:
        most = max(map(abs, ahead.values()))
        return check.finding(
            Verdict.OK, f"{servers}, at most {most:.1f} s from this machine's", details=details
        )
    spread = max(ahead.values()) - min(ahead.values())
    if len(ahead) > 1 and spread < _TOGETHER:
        text = f"all {servers} agree, and are {_words(min(ahead.values(), key=abs))}"
        return check.finding(verdict, text, f"it is this machine's clock that is wrong: {_NTP}", details)
    apart = [f"{url} is {_words(ahead[url])}" for url, one in verdicts.items() if one is not Verdict.OK]
    return check.finding(verdict, shown(apart), f"set the clocks of these machines: {_NTP}", details)


def _words(ahead: float) -> str:
    return f"{age(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} this machine"
