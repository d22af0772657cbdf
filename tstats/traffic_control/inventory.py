"""What the collector needs from Traffic Ops: caches, monitors and the stats to ask for."""

from collections.abc import Iterable

import msgspec

MONITOR_TYPE = "RASCAL"


class Cache(msgspec.Struct, frozen=True, kw_only=True):
    """What the inventory knows about a cache; its points are tagged with it."""

    cachegroup: str
    type: str


class ServerRecord(msgspec.Struct, kw_only=True, rename="camel"):
    """The fields in use of a record of GET servers.

    API versions before 5.0 say `cdnName` and `cachegroup` instead of `cdn` and `cacheGroup`.
    """

    host_name: str | None = None
    domain_name: str | None = None
    tcp_port: int | None = None
    type: str | None = None
    status: str | None = None
    cdn: str | None = None
    cdn_name: str | None = None
    cache_group: str | None = None
    cachegroup: str | None = None


class ParameterRecord(msgspec.Struct, kw_only=True):
    """The fields in use of a record of GET profiles/name/TRAFFIC_STATS/parameters."""

    name: str | None = None
    value: str | None = None


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot of Traffic Ops, which is also kept on disk for a start without Traffic Ops.

    Attributes:
        caches: every server that is not a monitor, by host name; a monitor reports only those of its own CDN.
        monitors: base URLs (`http://host.domain:port`) by CDN; those of one CDN are alternatives.
        cache_stats, ds_stats: the stats to ask for.
        problems: messages about servers that cannot be used.
    """

    caches: dict[str, Cache]
    monitors: dict[str, list[str]]
    cache_stats: list[str]
    ds_stats: list[str]
    problems: list[str] = []


def build_inventory(
    servers: Iterable[ServerRecord], parameters: Iterable[ParameterRecord], *, status: str
) -> Inventory:
    """Build the inventory from Traffic Ops' records, of any API version.

    Args:
        servers: all servers.
        parameters: the parameters of the profile TRAFFIC_STATS.
        status: the status of the monitors to ask; the others are left out.
    """
    caches: dict[str, Cache] = {}
    monitors: dict[str, list[str]] = {}
    problems: list[str] = []
    for server in servers:
        host = server.host_name or ""
        if server.type != MONITOR_TYPE:
            group = server.cache_group or server.cachegroup or ""
            caches[host] = Cache(cachegroup=group, type=server.type or "")
            continue
        if server.status != status:
            continue
        cdn = server.cdn or server.cdn_name
        if not (cdn and host and server.domain_name and server.tcp_port):
            problems.append(f"monitor {host!r} lacks a CDN, a domain or a port")
            continue
        monitors.setdefault(cdn, []).append(f"http://{host}.{server.domain_name}:{server.tcp_port}")
    stats: dict[str | None, list[str]] = {"CacheStats": [], "DsStats": []}
    for parameter in parameters:
        if parameter.name in stats and parameter.value:
            stats[parameter.name].append(parameter.value)
    return Inventory(
        caches=caches,
        monitors=monitors,
        cache_stats=stats["CacheStats"],
        ds_stats=stats["DsStats"],
        problems=problems,
    )
