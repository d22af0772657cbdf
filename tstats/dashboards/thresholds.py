"""Which values are good, to be looked at, and bad."""

from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import Threshold, ThresholdsMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From which value on it is to be looked at, and from which on it is bad."""

    warning: float
    bad: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Least:
    """Below which value it is bad."""

    good: float


def thresholds(limits: Limits | Least | None) -> dashboard.ThresholdsConfig:
    """The colours that a panel gives to values; None makes all of them green."""
    steps = [Threshold(value=None, color="green")]
    match limits:
        case Limits():
            steps += [
                Threshold(value=limits.warning, color="orange"),
                Threshold(value=limits.bad, color="red"),
            ]
        case Least():
            steps = [Threshold(value=None, color="red"), Threshold(value=limits.good, color="green")]
        case None:
            pass
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
