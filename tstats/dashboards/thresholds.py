"""Thresholds: the colours that panels give to values."""

from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import Threshold, ThresholdsMode


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A base colour, and the value from which each further colour applies."""

    base: str = "green"
    steps: tuple[tuple[float, str], ...] = ()

    def build(self) -> dashboard.ThresholdsConfig:
        """Return the thresholds as the SDK takes them."""
        steps = [Threshold(value=None, color=self.base)]
        steps += [Threshold(value=value, color=color) for value, color in self.steps]
        return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def at_most(*, warning: float, critical: float) -> Thresholds:
    """Return thresholds for values that should be low: orange from `warning`, red from `critical`."""
    return Thresholds("green", ((warning, "orange"), (critical, "red")))


def at_least(good: float) -> Thresholds:
    """Return thresholds for values that should be high: red below `good`."""
    return Thresholds("red", ((good, "green"),))


# Traffic Ops calls 0.85 of the caches' maximum the capacity of a CDN.
CAPACITY = at_most(warning=0.7, critical=0.85)
