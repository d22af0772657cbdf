"""What the files of a shard hold, and in what two shards differ."""
