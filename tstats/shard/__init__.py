"""What shards hold and how two of them differ, from their files."""
