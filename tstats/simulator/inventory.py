"""The inventory of the simulated Traffic Ops, as each API version returns it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count

from tstats.errors import TstatsError
from tstats.simulator.world import EDGE, MID, CacheServer, World

_MONITOR = "RASCAL"
_INFRA = "infra"  # the cachegroup of servers that are not caches
_CACHE_PORT = 80
_TYPE_IDS = {EDGE: 11, MID: 12, _MONITOR: 15}
_STATUS_IDS = {"ONLINE": 1, "OFFLINE": 2, "REPORTED": 3, "ADMIN_DOWN": 4}
_CHANGED = "2026-01-02T03:04:05Z"
_CHANGED_BEFORE_5 = "2026-01-02 03:04:05+00"


@dataclass(frozen=True, slots=True, kw_only=True)
class _InventoryServer:
    host: str
    domain: str
    type: str
    status: str
    port: int
    cdn: str
    cachegroup: str


def split_address(address: str, position: int) -> tuple[str, str]:
    """Split an IPv4 address into a host name and a domain name that a dot joins again.

    Clients make a monitor's URL of these two, so this is how monitors on loopback get into an inventory. The
    place of the split depends on `position`, so that the monitors of a CDN have different names.
    """
    labels = address.split(".")
    at = 1 + position % (len(labels) - 1)
    return ".".join(labels[:at]), ".".join(labels[at:])


class SimulatedInventory:
    """The inventory of a world whose monitors listen on `address` and the given ports."""

    def __init__(self, world: World, *, address: str, ports: Mapping[str, int]) -> None:
        """Take the world and the port of each monitor by its name.

        Raises:
            TstatsError: a monitor has no port.
        """
        self._world = world
        self._servers = tuple(self._list_servers(address, ports))
        self._group_ids = {name: number for number, name in enumerate((_INFRA, *world.cachegroups), 1)}
        self._cdn_ids = {
            name: number for number, name in enumerate(("ALL", *(c.name for c in world.cdns)), 1)
        }

    @property
    def routes(self) -> dict[str, Callable[[str], list[dict[str, object]]]]:
        """The function for each path; it takes the API version and returns the records."""
        return {
            "servers": self.servers,
            "cdns": self.cdns,
            "deliveryservices": self.delivery_services,
            "profiles/name/TRAFFIC_STATS/parameters": self.parameters,
        }

    def servers(self, version: str) -> list[dict[str, object]]:
        """Return the records of all servers; 5.0 has cdn and cacheGroup, others cdnName and cachegroup."""
        return [self._server(number, server, version) for number, server in enumerate(self._servers, 1)]

    def cdns(self, version: str) -> list[dict[str, object]]:
        """Return the records of all CDNs and of ALL, which is not a CDN."""
        domains = {"ALL": "-"} | {cdn.name: cdn.domain for cdn in self._world.cdns}
        return [
            {
                "dnssecEnabled": False,
                "domainName": domain,
                "id": self._cdn_ids[name],
                "lastUpdated": _changed(version),
                "name": name,
            }
            for name, domain in domains.items()
        ]

    def delivery_services(self, version: str) -> list[dict[str, object]]:
        """Return the records of all delivery services, with the keys that tstats reads."""
        number = count(1)
        return [
            {
                "active": "ACTIVE" if _is_5(version) else True,
                "cdnId": self._cdn_ids[cdn.name],
                "cdnName": cdn.name,
                "displayName": service.xml_id,
                "id": next(number),
                "lastUpdated": _changed(version),
                "routingName": "cdn",
                "tenant": "root",
                "tenantId": 1,
                "type": service.type,
                "xmlId": service.xml_id,
            }
            for cdn in self._world.cdns
            for service in cdn.delivery_services
        ]

    def parameters(self, version: str) -> list[dict[str, object]]:
        """Return the parameters of the profile TRAFFIC_STATS: the stats to ask the monitors for."""
        pairs = [("CacheStats", stat) for stat in self._world.cache_stats]
        pairs += [("DsStats", stat) for stat in self._world.ds_stats]
        return [
            {
                "configFile": "traffic_stats.config",
                "id": number,
                "lastUpdated": _changed(version),
                "name": name,
                "secure": False,
                "value": stat,
            }
            for number, (name, stat) in enumerate(pairs, 18)
        ]

    def _list_servers(self, address: str, ports: Mapping[str, int]) -> list[_InventoryServer]:
        servers = []
        for cdn in self._world.cdns:
            servers += [_cache_server(cache, cdn.domain) for cache in (*cdn.caches, cdn.offline_cache)]
            for position, monitor in enumerate(cdn.monitors):
                if monitor.name not in ports:
                    raise TstatsError(f"the simulated monitor {monitor.name} has no port")
                host, domain = split_address(address, position)
                servers.append(
                    _InventoryServer(
                        host=host,
                        domain=domain,
                        type=_MONITOR,
                        status="ONLINE",
                        port=ports[monitor.name],
                        cdn=cdn.name,
                        cachegroup=_INFRA,
                    )
                )
            servers.append(
                _InventoryServer(
                    host=f"{cdn.name}-monitor-offline",
                    domain=cdn.domain,
                    type=_MONITOR,
                    status="OFFLINE",
                    port=_CACHE_PORT,
                    cdn=cdn.name,
                    cachegroup=_INFRA,
                )
            )
        return servers

    def _server(self, number: int, server: _InventoryServer, version: str) -> dict[str, object]:
        profile = f"{server.type}_{server.cdn}"
        cdn_id, group_id = self._cdn_ids[server.cdn], self._group_ids[server.cachegroup]
        status_id, type_id = _STATUS_IDS[server.status], _TYPE_IDS[server.type]
        record: dict[str, object] = {
            "domainName": server.domain,
            "hostName": server.host,
            "id": number,
            "interfaces": [],
            "lastUpdated": _changed(version),
            "offlineReason": None if server.status != "OFFLINE" else "out of service",
            "status": server.status,
            "tcpPort": server.port,
            "type": server.type,
        }
        if _is_5(version):
            return record | {
                "cacheGroup": server.cachegroup,
                "cacheGroupID": group_id,
                "cdn": server.cdn,
                "cdnID": cdn_id,
                "physicalLocation": "loc1",
                "profiles": [profile],
                "statusID": status_id,
                "typeID": type_id,
            }
        profiles: dict[str, object] = {"profileNames": [profile]}
        if version.startswith("3."):
            profiles = {"profile": profile, "profileDesc": profile, "profileId": 1}
        return (
            record
            | profiles
            | {
                "cachegroup": server.cachegroup,
                "cachegroupId": group_id,
                "cdnId": cdn_id,
                "cdnName": server.cdn,
                "fqdn": f"{server.host}.{server.domain}",
                "physLocation": "loc1",
                "statusId": status_id,
                "typeId": type_id,
            }
        )


def _cache_server(cache: CacheServer, domain: str) -> _InventoryServer:
    return _InventoryServer(
        host=cache.host,
        domain=domain,
        type=cache.type,
        status=cache.status,
        port=_CACHE_PORT,
        cdn=cache.cdn,
        cachegroup=cache.cachegroup,
    )


def _is_5(version: str) -> bool:
    return version.startswith("5.")


def _changed(version: str) -> str:
    return _CHANGED if _is_5(version) else _CHANGED_BEFORE_5
