// Cache groups, out of the last values of their caches.

/** Each cache group: {name, caches, kbps, capacity, connections, used, newest}, the fullest first. */
export function groups(caches) {
  const found = new Map();
  for (const cache of caches) {
    const group = found.get(cache.cachegroup) ?? { name: cache.cachegroup, cdns: new Set(), caches: [], kbps: 0, capacity: 0, connections: 0, newest: 0 };
    group.caches.push(cache);
    group.cdns.add(cache.cdn);
    group.newest = Math.max(group.newest, cache.time);
    found.set(cache.cachegroup, group);
  }
  for (const group of found.values()) {
    // A cache that has gone carries nothing now, whatever its last value was.
    for (const cache of group.caches.filter((one) => group.newest - one.time < 300)) {
      group.kbps += cache.kbps ?? 0;
      group.capacity += cache.capacity ?? 0;
      group.connections += cache.connections ?? 0;
    }
    group.used = group.capacity ? group.kbps / group.capacity : null;
  }
  return [...found.values()].sort((one, other) => (other.used ?? 0) - (one.used ?? 0));
}
