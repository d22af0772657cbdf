"""Grafana's data sources: one for each database of the catalog, and the Prometheus that scrapes tstats."""

from dataclasses import dataclass
from typing import Literal

from tstats import catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """A data source as the dashboards know it.

    Attributes:
        uid: what panels refer to.
        name: what people read; unique in a Grafana.
        type: of the plugin.
        database: in InfluxDB; empty for Prometheus.
    """

    uid: str
    name: str
    type: Literal["influxdb", "prometheus"]
    database: str = ""


def _of(database: str) -> DataSource:
    uid = f"tstats-{database.replace('_', '-')}"
    return DataSource(uid=uid, name=f"tstats {database}", type="influxdb", database=database)


INFLUX = {database.name: _of(database.name) for database in catalog.DATABASES}
PROMETHEUS = DataSource(uid="tstats-prometheus", name="tstats metrics", type="prometheus")
ALL = (*INFLUX.values(), PROMETHEUS)


def settings(
    source: DataSource, *, influx_url: str, influx_user: str, prometheus_url: str, password: str
) -> dict[str, object]:
    """A data source as Grafana's provisioning and its API take it.

    Args:
        source: which.
        influx_url: where Grafana's server reaches InfluxDB.
        influx_user: empty for an InfluxDB without authentication.
        prometheus_url: where Grafana's server reaches Prometheus.
        password: of that user, or the variable of Grafana's environment that holds it.
    """
    common: dict[str, object] = {
        "name": source.name,
        "uid": source.uid,
        "type": source.type,
        "access": "proxy",
        "isDefault": False,
    }
    if source.type == "prometheus":
        return common | {
            "url": prometheus_url,
            "jsonData": {"httpMethod": "POST", "timeInterval": "15s"},
        }
    influx = common | {
        "url": influx_url,
        "user": influx_user,
        # No interval is finer than the minute of the rollups; POST has room for any number of names.
        "jsonData": {"dbName": source.database, "httpMode": "POST", "timeInterval": "1m"},
    }
    return influx | {"secureJsonData": {"password": password}} if influx_user else influx
