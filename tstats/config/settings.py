"""The settings themselves: every key with its type, bounds and default. config.py reads them from a file."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tstats.core.secret import Secret

# 11 days: the system's calls for waiting take no number of any size.
Seconds = Annotated[int, Meta(ge=0, le=1_000_000)]
Count = Annotated[int, Meta(ge=0)]


class KafkaConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Go's second sink: read, so that its file can stay, but not served.

    Attributes:
        enable: True is an error.
        brokers: Not used.
        topic: Not used.
        required_acks: Not used.
        enable_tls: Not used.
        root_ca: Not used.
        client_cert: Not used.
        client_cert_key: Not used.
    """

    enable: bool = False
    brokers: str = ""
    topic: str = ""
    required_acks: int = 0
    enable_tls: bool = False
    root_ca: str = msgspec.field(default="", name="rootCA")
    client_cert: str = ""
    client_cert_key: str = ""


class Logs(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Where each level of the log goes: `stderr`, `stdout`, a path, or null for nowhere.

    Attributes:
        error: What failed and needs somebody.
        warning: What is wrong, and goes on.
        info: What happens.
        debug: For who looks for a fault.
        event: Go's; takes nothing.
    """

    error: str | None = "stderr"
    warning: str | None = "stderr"
    info: str | None = "stderr"
    debug: str | None = None
    event: str | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Every key of the file, in the file's order; intervals and timeouts are whole seconds, 0 = default.

    Attributes:
        to_user: The user at Traffic Ops.
        to_passwd: Its password; better in a file or in the environment.
        to_passwd_file: A file that holds the password, instead of the key above.
        to_url: Traffic Ops: `https://host`.
        to_request_timeout: Seconds for one request to Traffic Ops.
        to_insecure: Do not verify Traffic Ops' certificate.
        to_ca_cert: A file (PEM) whose certificates are trusted for Traffic Ops, instead of the system's.
        disable_influx: Go's; true is an error, since InfluxDB is the only sink.
        influx_user: The user at each InfluxDB; empty for servers without users.
        influx_password: Its password; better in a file or in the environment.
        influx_password_file: A file that holds the password, instead of the key above.
        influx_urls: The InfluxDBs: `http(s)://host:port`, or `udp://host:port` for a UDP listener.
        influx_write_mode: `any`: each batch goes to one of them; `all`: each batch goes to each of them.
        influx_timeout: Seconds for one request to an InfluxDB.
        influx_insecure: Do not verify the InfluxDBs' certificates.
        influx_ca_cert: A file (PEM) whose certificates are trusted for InfluxDB, instead of the system's.
        polling_interval: Seconds from one poll of the monitors to the next.
        publishing_interval: Seconds from one delivery to InfluxDB to the next.
        config_interval: Seconds from one inventory of Traffic Ops to the next.
        daily_summary_polling_interval: Seconds from one look for finished days to the next.
        max_publish_size: The most points in a write request.
        status_to_mon: The status, in Traffic Ops, of the monitors that are asked.
        cache_retention_policy: Where the points of caches go; empty is the database's default.
        ds_retention_policy: Where the points of delivery services go; empty is the database's default.
        daily_summary_retention_policy: Where the points of days go; empty is the database's default.
        rollup_mode: Who computes the rollups as time goes on: `influxdb`, by continuous queries, or `tstats`.
        spool_directory: Batches wait here on disk until InfluxDB has them; the last inventory is here, too.
        spool_max_bytes: Room of the spool; when it is full, its oldest batches go. At least 1 MiB.
        metrics_bind: `host:port` for /metrics and /healthz of the collector; empty: none.
        log_format: One line an event, as `text` or `json`.
        summary_sink: Where the daily summaries go beside InfluxDB.
        database_url: The SQL database of the summaries, as SQLAlchemy names it; may hold a password. Empty is
            the SQLite file `tstats.db` beside the spool.
        summarize_delivery_services: Summarize the days of each delivery service, too.
        summary_settle_minutes: Minutes after its end at which a day is summarized.
        api_auth: Who may ask the API: the sessions of Traffic Ops, `tokens` of our own, or everybody (`none`,
            on loopback only).
        api_auth_cache_seconds: Seconds for which a good session is remembered.
        api_tokens_file: What is kept of the tokens. Empty is the file `tstats-tokens.json` beside the spool.
        api_tls_cert: The API's certificate (PEM); with its key for https, none of them for http.
        api_tls_key: The key of that certificate (PEM), without a password.
        api_max_points: The most buckets or records in an answer.
        api_query_timeout: Seconds for one read of InfluxDB or of the SQL database.
        api_max_body_bytes: The largest body of a request.
        kafka_config: Go's second sink; see below.
        logs: Where each level of the log goes; see below.
        seelog_config: Go's; ignored with a warning.
    """

    to_user: str = ""
    to_passwd: Secret = msgspec.field(default_factory=Secret)
    to_passwd_file: str = ""
    to_url: str = ""
    to_request_timeout: Seconds = 10
    to_insecure: bool = False
    to_ca_cert: str = ""
    disable_influx: bool = False
    influx_user: str = ""
    influx_password: Secret = msgspec.field(default_factory=Secret)
    influx_password_file: str = ""
    influx_urls: list[str] = []
    influx_write_mode: Literal["any", "all"] = "any"
    influx_timeout: Seconds = 30
    influx_insecure: bool = False
    influx_ca_cert: str = ""
    polling_interval: Seconds = 10
    publishing_interval: Seconds = 30
    config_interval: Seconds = 300
    daily_summary_polling_interval: Seconds = 60
    max_publish_size: Count = 10_000
    status_to_mon: str = "ONLINE"
    cache_retention_policy: str = ""
    ds_retention_policy: str = ""
    daily_summary_retention_policy: str = ""
    rollup_mode: Literal["influxdb", "tstats"] = "influxdb"
    spool_directory: str = "tstats-spool"
    spool_max_bytes: Annotated[int, Meta(ge=0)] = 1 << 30
    metrics_bind: str = ""
    log_format: Literal["text", "json"] = "text"
    summary_sink: Literal["database", "trafficOps", "both"] = "database"
    database_url: Secret = msgspec.field(default_factory=Secret)
    summarize_delivery_services: bool = False
    summary_settle_minutes: Annotated[int, Meta(ge=0, le=1_000)] = 10
    api_auth: Literal["trafficOps", "tokens", "none"] = "trafficOps"
    api_auth_cache_seconds: Annotated[int, Meta(ge=0, le=3_600)] = 30
    api_tokens_file: str = ""
    api_tls_cert: str = ""
    api_tls_key: str = ""
    api_max_points: Annotated[int, Meta(ge=0, le=10_000_000)] = 100_000
    api_query_timeout: Annotated[int, Meta(ge=0, le=3_600)] = 30
    api_max_body_bytes: Annotated[int, Meta(ge=0, le=64 << 20)] = 64 << 10
    kafka_config: KafkaConfig = KafkaConfig()
    logs: Logs = Logs()
    seelog_config: str | None = None

    @property
    def summary_database(self) -> Secret:
        """The URL of the SQL database: databaseUrl, or else that of a SQLite file beside the spool."""
        return self.database_url or Secret(f"sqlite:///{Path(self.spool_directory).parent / 'tstats.db'}")

    @property
    def tokens_file(self) -> Path:
        """What is kept of the API's tokens: apiTokensFile, or else a file beside the spool."""
        return Path(self.api_tokens_file or Path(self.spool_directory).parent / "tstats-tokens.json")
