"""The backup port of InfluxDB 1.x and its TSM files: shards read, compared and extended without a query.

To compare a shard of two servers, and read what differs:

    port = BackupPort(BackupAddress.parse("localhost:8088"))
    backup = port.backup(7, folder, most_bytes=10**10)     # rpc: a copy of the shard's files
    with ShardFiles(backup) as left, ShardFiles(other_backup) as right:
        compared = compare(left.keys(), right.keys())      # in byte order, in bounded memory
        differing = (each for pair in compared if pair.verdict is KeyVerdict.DIFFERENT)
        for batch in batches(differing):                   # some megabytes of blocks
            lefts = decode_keys([pair.left for pair in batch])   # times and values, as arrays of numpy
            rights = decode_keys([pair.right for pair in batch])
            diffs = map(diff_points, lefts, rights)              # which points, by their places

A key is a series and a field. `keys.split_key` gives both, the series as bytes, and `keys.parse_series` its
measurement and tags; all fields of a series follow one another. `KeyVerdict.EQUAL` is exact: the blocks were
compared byte by byte. Where `overlaps` or `Backup.tombstones` is set, queries may return other values than
the blocks hold: compare such keys and shards by queries.

To extend a shard by keys that it does not have:

    with path.open("wb") as file:
        writer = TsmWriter(file)
        for key in missing:                                # in byte order, and without overlaps
            writer.add(key.key, key.kind, ((located.block, located.bytes) for located in key.blocks))
        writer.finish()
    name = next_name(file.name for file in target_backup.files)
    target_port.update(target_path, [BackupFile(name=name, path=path, size=path.stat().st_size)])

The server takes what it gets. Before an upload, all of this has to be true, or points can be lost:
- `name` is above all names of the target's own, fresh backup, and was never sent before: a file of the
  same name is replaced with all its points;
- each field has the type that it has in the target, in all of its policies;
- nobody writes to the target's shard, and its times are those of the source's shard;
- a point of each measurement and field was written to that shard over HTTP, without which it stays
  invisible on servers of 1.6 and 1.8 with the index `tsi1`;
- the source's shard has no tombstones: deleted points would come back.
Afterwards only a new backup says whether the server took it.

Modules: `rpc` (the port), `archive` and `archive_stream` (what it sends), `files` (the copies); `tsm` and
`writer` (TSM files), `keys`, `blocks` with `integers`, `floats`, `simple8b` and `varint` (what is in them),
`shard` (several files as one), `compare`, `decode`, `points`. All but the first four are pure.
"""
