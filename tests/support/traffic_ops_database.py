"""A database like that of Traffic Ops: stats_summary with duplicates, its trigger, its own migrations."""

from typing import Any

from tests.support.postgres import Postgres

OWNER = "traffic_ops"
DUPLICATE_OF_EVERY = 20
_SCHEMA = """
CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);
INSERT INTO schema_migrations VALUES (2024010200000000, false);
CREATE TABLE last_deleted (table_name text PRIMARY KEY, last_updated timestamptz NOT NULL DEFAULT now());
INSERT INTO last_deleted VALUES ('stats_summary', '2020-01-01T00:00:00Z');
CREATE FUNCTION on_delete_current_timestamp_last_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE last_deleted SET last_updated = now() WHERE table_name = TG_ARGV[0];
  RETURN NULL;
END $$;
CREATE TABLE stats_summary (
  id bigint NOT NULL,
  cdn_name text NOT NULL DEFAULT 'all',
  deliveryservice_name text NOT NULL,
  stat_name text NOT NULL,
  stat_value double precision NOT NULL,
  summary_time timestamptz NOT NULL DEFAULT now(),
  stat_date date,
  CONSTRAINT idx_89740_primary PRIMARY KEY (id)
);
CREATE SEQUENCE stats_summary_id_seq OWNED BY stats_summary.id;
ALTER TABLE stats_summary ALTER COLUMN id SET DEFAULT nextval('stats_summary_id_seq');
CREATE TRIGGER on_delete_current_timestamp AFTER DELETE ON stats_summary
  FOR EACH STATEMENT EXECUTE FUNCTION on_delete_current_timestamp_last_updated('stats_summary');
"""
# One in 20 rows is posted a second time: an hour later, at the same moment, or an hour earlier.
_ROWS = """
INSERT INTO stats_summary (cdn_name, deliveryservice_name, stat_name, stat_value, summary_time, stat_date)
SELECT 'cdn' || mod(original, 50), 'all',
       CASE WHEN mod(original, 2) = 0 THEN 'daily_maxgbps' ELSE 'daily_bytesserved' END, random(),
       '2026-01-01T00:00:00Z'::timestamptz + CASE WHEN number = original THEN interval '0'
         ELSE (mod(number, 3) - 1) * interval '1 hour' END,
       CASE WHEN mod(original, 1000) = 7 THEN NULL ELSE '2020-01-01'::date + original / 50 END
FROM (SELECT number, CASE WHEN mod(number, %(every)s) = 0 THEN number - 3 ELSE number END AS original
      FROM generate_series(1, %(rows)s) AS number) AS numbers
"""


def fill(server: Postgres, database: str, *, rows: int) -> None:
    """Create the tables, owned by the role `traffic_ops`; one row in 20 is a duplicate of another."""
    with server.connect() as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (OWNER,)).fetchone():
            connection.execute(f"CREATE ROLE {OWNER} LOGIN")
        connection.execute(f"ALTER DATABASE {database} OWNER TO {OWNER}")
    with server.connect(database) as connection:
        connection.execute(f"ALTER SCHEMA public OWNER TO {OWNER}")
    with server.connect(database, user=OWNER) as connection:
        connection.execute(_SCHEMA)
        connection.execute(_ROWS, {"every": DUPLICATE_OF_EVERY, "rows": rows})


def checksum(server: Postgres, database: str, table: str = "stats_summary") -> Any:  # noqa: ANN401 (a row)
    """Return the number of rows, and a number that depends on every bit of them."""
    with server.connect(database) as connection:
        return connection.execute(
            f"SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {table} AS t"
        ).fetchone()


def catalog(server: Postgres, database: str) -> list[tuple[Any, ...]]:
    """Return everything in the schema: relations, their columns and owners, triggers, constraints."""
    with server.connect(database) as connection:
        return connection.execute(
            """
            SELECT relname, relkind::text, pg_get_userbyid(relowner), attname,
                   format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid)
            FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
            LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
            WHERE relnamespace = 'public'::regnamespace
            UNION ALL
            SELECT tgname, 'trigger', pg_get_triggerdef(oid), '', '', true, '' FROM pg_trigger
            UNION ALL
            SELECT conname, 'constraint', pg_get_constraintdef(oid), '', '', true, '' FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace
            ORDER BY 1, 2, 4
            """
        ).fetchall()
