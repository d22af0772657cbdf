"""Sync by whole shards: their blocks are compared byte by byte, and what is missing goes over as blocks.

`pairs` decides which shards can be synced this way; everything else goes by queries.
"""
