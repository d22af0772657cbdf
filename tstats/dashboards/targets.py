"""The targets of a panel, as the SDK takes them."""

from collections.abc import Iterable

from grafana_foundation_sdk.builders import expr, prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from tstats.dashboards.data_sources import INFLUX, PROMETHEUS, DataSource
from tstats.dashboards.queries import REF_IDS, InfluxQuery, MathExpression, PrometheusQuery, Target

_EXPRESSION = DataSourceRef(type_val="__expr__", uid="__expr__")
_MIXED = DataSourceRef(type_val="datasource", uid="-- Mixed --")


class _InfluxTarget(Builder[Dataquery], Dataquery):
    """A raw InfluxQL query for Grafana's data source influxdb, which the SDK does not know."""

    def __init__(self, query: InfluxQuery, ref_id: str) -> None:
        self._json: dict[str, object] = {
            "refId": ref_id,
            "datasource": reference(INFLUX[query.database]),
            "query": query.text,
            "rawQuery": True,
            "resultFormat": "time_series",
            "hide": query.hidden,
        }
        if query.legend:
            self._json["alias"] = query.legend

    def build(self) -> Dataquery:
        """Return the target itself."""
        return self

    def to_json(self) -> dict[str, object]:
        """Return the target as it stands in a JSON model."""
        return self._json


def reference(source: DataSource) -> DataSourceRef:
    """Return how a panel or variable refers to a data source."""
    return DataSourceRef(type_val=source.type, uid=source.uid)


def build(targets: Iterable[Target]) -> list[Builder[Dataquery]]:
    """Return the targets of a panel, at most 26 of them, which Grafana calls A, B and so on."""
    return [_target(target, REF_IDS[number]) for number, target in enumerate(targets)]


def _target(target: Target, ref_id: str) -> Builder[Dataquery]:
    match target:
        case InfluxQuery():
            return _InfluxTarget(target, ref_id)
        case PrometheusQuery():
            query = prometheus.Dataquery().expr(target.expression).ref_id(ref_id)
            query = query.datasource(reference(PROMETHEUS)).legend_format(target.legend)
            return query.instant() if target.instant else query.range()
        case MathExpression():
            return expr.TypeMath().datasource(_EXPRESSION).expression(target.expression).ref_id(ref_id)


def display_name(targets: Iterable[Target]) -> str:
    """Return the name of series that an expression computes, which has no alias; else an empty text."""
    tags = [target.tag for target in targets if isinstance(target, MathExpression)]
    return f"${{__field.labels.{tags[0]}}}" if tags else ""


def data_source(targets: Iterable[Target]) -> DataSourceRef:
    """Return the data source of a panel with these targets."""
    sources = {
        INFLUX[target.database] if isinstance(target, InfluxQuery) else PROMETHEUS
        for target in targets
        if not isinstance(target, MathExpression)
    }
    return reference(sources.pop()) if len(sources) == 1 else _MIXED
