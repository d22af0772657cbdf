"""Grafana's data sources: one per database of the catalog, and the Prometheus that scrapes tstats."""

from dataclasses import dataclass
from typing import Literal

from tstats import catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where Grafana's server reaches InfluxDB and Prometheus.

    Attributes:
        influx: the URL of InfluxDB.
        influx_user: empty for an InfluxDB without authentication.
        prometheus: the URL of Prometheus.
    """

    influx: str
    influx_user: str = ""
    prometheus: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """A data source as the dashboards know it.

    Attributes:
        uid: what panels refer to.
        name: what people read; unique in a Grafana.
        type: the id of the plugin.
        database: the database in InfluxDB; empty for Prometheus.
    """

    uid: str
    name: str
    type: Literal["influxdb", "prometheus"]
    database: str = ""

    def settings(self, addresses: Addresses, *, password: str) -> dict[str, object]:
        """Return the data source as Grafana's provisioning and its API take it.

        Args:
            addresses: where Grafana's server reaches InfluxDB and Prometheus.
            password: the password of the InfluxDB user, or a reference to the variable that holds it in
                Grafana's environment.
        """
        common: dict[str, object] = {
            "name": self.name,
            "uid": self.uid,
            "type": self.type,
            "access": "proxy",
            "isDefault": False,
        }
        if self.type == "prometheus":
            return common | {
                "url": addresses.prometheus,
                "jsonData": {"httpMethod": "POST", "timeInterval": "15s"},
            }
        influx = common | {
            "url": addresses.influx,
            "user": addresses.influx_user,
            # No interval is finer than the minute of the rollups; POST has room for any number of names.
            "jsonData": {"dbName": self.database, "httpMode": "POST", "timeInterval": "1m"},
        }
        return influx | {"secureJsonData": {"password": password}} if addresses.influx_user else influx


def _influx(database: str) -> DataSource:
    uid = f"tstats-{database.replace('_', '-')}"
    return DataSource(uid=uid, name=f"tstats {database}", type="influxdb", database=database)


INFLUX = {database.name: _influx(database.name) for database in catalog.DATABASES}
PROMETHEUS = DataSource(uid="tstats-prometheus", name="tstats metrics", type="prometheus")
ALL = (*INFLUX.values(), PROMETHEUS)
