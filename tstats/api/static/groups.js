// Cache groups, from the last values of their caches.

/** The cache groups, fullest first: {name, caches, kbps, capacity, connections, used, newest}. */
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
    // A cache that has stopped reporting carries no traffic now, whatever its last value was.
    for (const cache of group.caches.filter((member) => group.newest - member.time < 300)) {
      group.kbps += cache.kbps ?? 0;
      group.capacity += cache.capacity ?? 0;
      group.connections += cache.connections ?? 0;
    }
    group.used = group.capacity ? group.kbps / group.capacity : null;
  }
  return [...found.values()].sort((a, b) => (b.used ?? 0) - (a.used ?? 0));
}
