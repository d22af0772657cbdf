"""Read what one side of a sync has: retention policies, measurements, and when they may have points."""

from collections.abc import Iterable

from tstats.influx.client import Influx
from tstats.influx.measurements import Shape, read_extent, read_shapes, read_shards
from tstats.schema.spec import DatabaseSpec
from tstats.sync.options import SyncOptions
from tstats.sync.plan import Contents, Held, asked_policies, is_asked


def read_contents(influx: Influx, schema: Iterable[DatabaseSpec], options: SyncOptions) -> Contents:
    """Read what a server has of the retention policies that are asked for.

    Args:
        influx: the server.
        schema: its databases, as read from it.
        options: what is asked.

    Raises:
        TstatsError: the server cannot say what it has.
    """
    durations = {
        (database.name, policy.name): policy.duration for database in schema for policy in database.policies
    }
    shards = read_shards(influx)

    def held(database: str, policy: str, measurement: str, shape: Shape) -> Held:
        if shards is not None:
            extents = tuple(shards.get((database, policy), ()))
        else:
            extent = read_extent(influx, database, policy, measurement, shape.fields)
            extents = () if extent is None else (extent,)
        return Held(fields=shape.fields, tags=shape.tags, extents=extents)

    measurements = {
        place: {
            name: held(*place, name, shape) if is_asked(name, options) else Held()
            for name, shape in read_shapes(influx, *place).items()
        }
        for place in asked_policies(options)
        if place in durations
    }
    return Contents(durations=durations, measurements=measurements)
