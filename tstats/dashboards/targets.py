"""What panels ask, and how that stands in a dashboard: InfluxQL, PromQL, and arithmetic over both."""

import string
from collections.abc import Iterable
from dataclasses import dataclass

from grafana_foundation_sdk.builders import expr, prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from tstats.dashboards.data_sources import INFLUX, PROMETHEUS, DataSource

_EXPRESSION = DataSourceRef(type_val="__expr__", uid="__expr__")
_MIXED = DataSourceRef(type_val="datasource", uid="-- Mixed --")


@dataclass(frozen=True, slots=True, kw_only=True)
class Influx:
    """A question to a database of the catalog.

    Attributes:
        query: as `queries` makes it.
        database: the catalog's.
        alias: what its series are called; `$tag_cdn` is the value of the tag cdn.
        hidden: only an expression uses it.
    """

    query: str
    database: str
    alias: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A question to Prometheus; `alias` as `{{label}}`."""

    expression: str
    alias: str = ""
    instant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Math:
    """Arithmetic over the questions before it, `$A`, `$B`, …: Grafana joins series that have equal tags.

    Attributes:
        expression: the arithmetic.
        tag: the tag whose value is the name of a series.
    """

    expression: str
    tag: str


Question = Influx | Metric | Math


class _InfluxQL(Dataquery):
    """A raw InfluxQL query, as Grafana's data source influxdb takes it; the SDK has none."""

    def __init__(self, question: Influx, reference: str) -> None:
        self._json: dict[str, object] = {
            "refId": reference,
            "datasource": _reference(INFLUX[question.database]),
            "query": question.query,
            "rawQuery": True,
            "resultFormat": "time_series",
            "hide": question.hidden,
        }
        if question.alias:
            self._json["alias"] = question.alias

    def to_json(self) -> dict[str, object]:
        """What stands in the dashboard."""
        return self._json


class _Ready(Builder[Dataquery]):
    """A query that is built already, where the SDK wants a builder."""

    def __init__(self, query: Dataquery) -> None:
        self._query = query

    def build(self) -> Dataquery:
        """The query."""
        return self._query


def _reference(source: DataSource) -> DataSourceRef:
    return DataSourceRef(type_val=source.type, uid=source.uid)


def influx_reference(database: str) -> DataSourceRef:
    """How a variable refers to the data source of a database."""
    return _reference(INFLUX[database])


def targets(questions: Iterable[Question]) -> list[Builder[Dataquery]]:
    """The questions as a panel has them; they are called A, B, …, at most 26."""
    return [_target(question, number) for number, question in enumerate(questions)]


def _target(question: Question, number: int) -> Builder[Dataquery]:
    reference = string.ascii_uppercase[number]
    match question:
        case Influx():
            return _Ready(_InfluxQL(question, reference))
        case Metric():
            query = prometheus.Dataquery().expr(question.expression).ref_id(reference)
            query = query.datasource(_reference(PROMETHEUS)).legend_format(question.alias)
            return query.instant() if question.instant else query.range()
        case Math():
            return expr.TypeMath().datasource(_EXPRESSION).expression(question.expression).ref_id(reference)


def display_name(questions: Iterable[Question]) -> str:
    """What series are called where the question itself cannot say it; empty elsewhere."""
    tags = [question.tag for question in questions if isinstance(question, Math)]
    return f"${{__field.labels.{tags[0]}}}" if tags else ""


def datasource(questions: Iterable[Question]) -> DataSourceRef:
    """The data source of a panel that asks these."""
    sources = {
        INFLUX[question.database] if isinstance(question, Influx) else PROMETHEUS
        for question in questions
        if not isinstance(question, Math)
    }
    return _reference(sources.pop()) if len(sources) == 1 else _MIXED
