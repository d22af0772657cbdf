"""The settings: every key of the configuration with its type, bounds and default."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tstats.core.secret import Secret

# At most 11 days: the system calls for waiting have an upper bound.
Seconds = Annotated[int, Meta(ge=0, le=1_000_000)]
Count = Annotated[int, Meta(ge=0)]


class KafkaConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The second sink of Go's traffic_stats; accepted so that its file can be used as it is.

    Attributes:
        enable: Must be false: Kafka is not supported.
        brokers: Ignored.
        topic: Ignored.
        required_acks: Ignored.
        enable_tls: Ignored.
        root_ca: Ignored.
        client_cert: Ignored.
        client_cert_key: Ignored.
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
        error: Failures that need attention.
        warning: Problems that tstats works around.
        info: Normal operation.
        debug: Details for troubleshooting.
        event: A level of Go's traffic_stats; unused.
    """

    error: str | None = "stderr"
    warning: str | None = "stderr"
    info: str | None = "stderr"
    debug: str | None = None
    event: str | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Every key of the file, in the order of Go's; intervals and timeouts are whole seconds, 0 = default.

    Attributes:
        to_user: User name at Traffic Ops.
        to_passwd: Password of that user; better kept in a file or in the environment.
        to_passwd_file: A file whose first line is the password, instead of toPasswd.
        to_url: URL of Traffic Ops: `https://host`.
        to_request_timeout: Timeout of a request to Traffic Ops, in seconds.
        to_insecure: Do not verify the certificate of Traffic Ops.
        to_ca_cert: A file of certificates (PEM) to trust for Traffic Ops instead of the system's.
        disable_influx: A key of Go's traffic_stats; must be false, since InfluxDB is the only sink.
        influx_user: User name at each InfluxDB; empty for servers without authentication.
        influx_password: Password of that user; better kept in a file or in the environment.
        influx_password_file: A file whose first line is the password, instead of influxPassword.
        influx_urls: The InfluxDB servers: `http(s)://host:port`, or `udp://host:port` for a UDP listener.
        influx_write_mode: `any`: write each batch to one of the servers; `all`: to each of them.
        influx_timeout: Timeout of a request to InfluxDB, in seconds.
        influx_insecure: Do not verify the certificates of the InfluxDB servers.
        influx_ca_cert: A file of certificates (PEM) to trust for InfluxDB instead of the system's.
        polling_interval: Seconds between two polls of the monitors.
        publishing_interval: Seconds between two deliveries to InfluxDB.
        config_interval: Seconds between two inventories of Traffic Ops.
        daily_summary_polling_interval: Seconds between two checks for finished days.
        max_publish_size: Most points per write request.
        status_to_mon: Status, in Traffic Ops, of the monitors to poll.
        cache_retention_policy: Retention policy of the points of caches; empty for the database's default.
        ds_retention_policy: Retention policy of the points of delivery services; empty for the database's
            default.
        daily_summary_retention_policy: Retention policy of the daily points; empty for the database's
            default.
        rollup_mode: What computes the rollups: the continuous queries of `influxdb`, or `tstats` itself.
        spool_directory: Directory of the batches not yet accepted by InfluxDB, and of the last inventory.
        spool_max_bytes: Most bytes in the spool; when it is full, the oldest batches are dropped. At least
            1 MiB.
        metrics_bind: `host:port` for /metrics and /healthz of the collector; empty for none.
        log_format: Format of the log, one line per event: `text` or `json`.
        summary_sink: Where the daily summaries go in addition to InfluxDB.
        database_url: SQLAlchemy URL of the SQL database for the summaries; may contain a password. Empty for
            the SQLite file `tstats.db` in the parent directory of the spool.
        summarize_delivery_services: Also summarize the days of each delivery service.
        summary_settle_minutes: Minutes to wait after the end of a day before summarizing it.
        api_auth: Who has access to the API: users with a session of Traffic Ops, holders of `tokens` made by
            tstats token, or everybody (`none`, on a loopback address only).
        api_auth_cache_seconds: Seconds for which a valid session is cached.
        api_tokens_file: The file of the tokens' hashes. Empty for `tstats-tokens.json` in the parent
            directory of the spool.
        api_tls_cert: Certificate of the API (PEM) for https; requires apiTlsKey. Empty for http.
        api_tls_key: Private key of that certificate (PEM), without a passphrase.
        api_max_points: Most buckets or records in a response.
        api_query_timeout: Timeout of a query to InfluxDB or to the SQL database, in seconds.
        api_max_body_bytes: Most bytes in the body of a request.
        kafka_config: The second sink of Go's traffic_stats; see below.
        logs: Where each level of the log goes; see below.
        seelog_config: A key of Go's traffic_stats; ignored with a warning.
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
        """The URL of the SQL database: databaseUrl, or else a SQLite file beside the spool."""
        return self.database_url or Secret(f"sqlite:///{Path(self.spool_directory).parent / 'tstats.db'}")

    @property
    def tokens_file(self) -> Path:
        """The file of the API's tokens: apiTokensFile, or else a file beside the spool."""
        return Path(self.api_tokens_file or Path(self.spool_directory).parent / "tstats-tokens.json")
