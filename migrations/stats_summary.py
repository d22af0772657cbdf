"""Changes to stats_summary that several revisions make. Frozen: released revisions depend on it as it is."""

from sqlalchemy import Connection, text

# Of the rows with the same (cdn, delivery service, stat, date) the newest stays, then the one inserted last.
_DUPLICATES = """
    SELECT id, kept FROM (
        SELECT id, first_value(id) OVER (
            PARTITION BY cdn_name, deliveryservice_name, stat_name, stat_date
            ORDER BY summary_time DESC, id DESC
        ) AS kept
        FROM stats_summary WHERE stat_date IS NOT NULL
    ) AS ranked WHERE id <> kept
"""
COLUMNS = "id, cdn_name, deliveryservice_name, stat_name, stat_value, summary_time, stat_date"
_INTO_ARCHIVE = f"INSERT INTO tstats_archived_summary ({COLUMNS}, reason)"


def archive_duplicates(connection: Connection) -> int:
    """Move every duplicate to the archive; return how many there were."""
    if connection.dialect.name == "postgresql":
        # One statement archives exactly what it deletes, even if others change the table meanwhile.
        return connection.execute(
            text(
                f"""
                WITH duplicates AS ({_DUPLICATES}), moved AS (
                    DELETE FROM stats_summary USING duplicates
                    WHERE stats_summary.id = duplicates.id
                    RETURNING stats_summary.*, duplicates.kept
                )
                {_INTO_ARCHIVE} SELECT {COLUMNS}, 'duplicate of ' || kept FROM moved
                """
            )
        ).rowcount
    moved = connection.execute(
        text(
            f"""
            {_INTO_ARCHIVE}
            SELECT row.id, cdn_name, deliveryservice_name, stat_name, stat_value, summary_time, stat_date,
                   'duplicate of ' || kept
            FROM stats_summary AS row JOIN ({_DUPLICATES}) AS duplicates ON row.id = duplicates.id
            """
        )
    ).rowcount
    connection.execute(text("DELETE FROM stats_summary WHERE id IN (SELECT id FROM tstats_archived_summary)"))
    return moved
