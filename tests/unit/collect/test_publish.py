"""The publisher writes each waiting batch, sets it aside or leaves it for later, and logs which."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import CapturingLogger, LogCapture

from tstats.collect.batch import Batch
from tstats.collect.metrics import CollectorMetrics
from tstats.collect.publish import Publisher
from tstats.collect.spool import Spool, queue_name
from tstats.errors import RefusedError, ServerError, UnreachableError

Answer = Callable[["Request"], None]


@dataclass(frozen=True)
class Request:
    """A write request."""

    lines: list[str]
    database: str
    policy: str | None
    precision: str


@dataclass
class Server:
    """A fake server: `answer` raises its refusals; what it accepts is in `taken`."""

    url: str = "http://a:8086"
    answer: Answer = lambda _request: None
    requests: list[Request] = field(default_factory=list)
    taken: list[Request] = field(default_factory=list)
    closed: bool = False

    def write(self, lines: bytes, *, database: str, policy: str | None, precision: str) -> None:
        request = Request(lines.decode().split("\n"), database, policy, precision)
        self.requests.append(request)
        self.answer(request)
        self.taken.append(request)

    def close(self) -> None:
        self.closed = True

    @property
    def lines(self) -> list[str]:
        """Every line that it has taken."""
        return sorted(line for request in self.taken for line in request.lines)


def unreachable(_request: Request) -> None:
    raise UnreachableError("http://a:8086/write cannot be reached: Connection refused")


def refused(status: int, words: str = "no", *, only: str = "") -> Answer:
    """Return an answer that refuses requests to a database or with a line; without `only`, all of them."""

    def answer(request: Request) -> None:
        if not only or only == request.database or only in request.lines:
            raise RefusedError(f"http://a:8086/write refused with {status}: {words}", status=status)

    return answer


@dataclass
class Bench:
    """A spool with metrics, a log and publishers."""

    spool: Spool
    metrics: CollectorMetrics
    log: LogCapture

    def publisher(self, *servers: Server, target: str = "any") -> Publisher:
        log = structlog.wrap_logger(
            CapturingLogger(), processors=[self.log], wrapper_class=structlog.stdlib.BoundLogger
        )
        return Publisher(spool=self.spool, target=target, writers=servers, metrics=self.metrics, log=log)

    def put(self, *lines: str, database: str = "x", policy: str = "") -> None:
        content = "\n".join(lines).encode()
        self.spool.put(
            [Batch(database=database, policy=policy, precision="ms", points=len(lines), lines=content)]
        )

    def events(self, name: str) -> list[dict[str, Any]]:
        return [dict(entry) for entry in self.log.entries if entry["event"] == name]

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def set_aside(self) -> list[tuple[str, str]]:
        """Return the lines and the reason of each batch that was set aside."""
        kept = sorted((self.spool.directory / "rejected").glob("*.lines"))
        return [(path.read_text(), path.with_suffix(".reason").read_text().strip()) for path in kept]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    spool = Spool(tmp_path, ["any", "other"], max_bytes=1 << 30)
    yield Bench(spool, CollectorMetrics(), LogCapture())
    spool.close()


# --- delivered


def test_waiting_batches_are_delivered_unchanged_and_counted(bench: Bench) -> None:
    server = Server()
    bench.put("1", "2", database="cache_stats", policy="daily")
    bench.put("3")
    assert bench.publisher(server).drain()
    assert bench.spool.depth("any") == 0
    assert sorted(server.taken, key=lambda request: request.lines) == [
        Request(["1", "2"], "cache_stats", "daily", "ms"),
        Request(["3"], "x", None, "ms"),
    ]
    assert bench.count("tstats_published_points_total", target="any") == 3
    assert bench.count("tstats_publish_seconds_count", target="any") == 2
    (logged,) = bench.events("published")
    assert (logged["points"], logged["waiting_batches"], logged["target"]) == (3, 0, "any")


def test_with_nothing_to_deliver_nothing_is_logged(bench: Bench) -> None:
    assert bench.publisher(Server()).drain()
    assert bench.log.entries == []


def test_the_oldest_batches_go_first(bench: Bench) -> None:
    server = Server()
    for number in range(40):
        bench.put(f"{number:02d}")
    bench.publisher(server).drain()
    order = [request.lines[0] for request in server.requests]
    assert all(abs(int(line) - place) < 4 for place, line in enumerate(order))


def test_several_requests_are_in_flight_at_once(bench: Bench) -> None:
    together = threading.Barrier(4)
    for number in range(8):
        bench.put(str(number))

    def wait_for_three_others(_request: Request) -> None:
        together.wait(timeout=10)

    assert bench.publisher(Server(answer=wait_for_three_others)).drain()


def test_a_drain_makes_no_request_after_its_deadline_or_a_stop(bench: Bench) -> None:
    server = Server()
    bench.put("1")
    assert not bench.publisher(server).drain(until=time.monotonic() - 1)
    stop = threading.Event()
    stop.set()
    assert not bench.publisher(server).drain(stop=stop)
    assert (server.requests, bench.spool.depth("any")) == ([], 1)


def test_a_drain_that_is_stopped_keeps_the_rest(bench: Bench) -> None:
    stop = threading.Event()
    server = Server(answer=lambda _request: stop.set())
    for number in range(20):
        bench.put(str(number))
    assert not bench.publisher(server).drain(stop=stop)
    assert len(server.taken) + bench.spool.depth("any") == 20
    assert bench.spool.depth("any") > 0


def test_closing_closes_the_connections(bench: Bench) -> None:
    servers = [Server("http://a:8086"), Server("http://b:8086")]
    bench.publisher(*servers).close()
    assert all(server.closed for server in servers)


# --- left for later


def test_an_unreachable_server_costs_one_round_and_everything_stays(bench: Bench) -> None:
    server = Server(answer=unreachable)
    for number in range(40):
        bench.put(str(number))
    assert not bench.publisher(server).drain()
    assert bench.spool.depth("any") == 40
    assert len(server.requests) <= 4
    assert bench.events("unreachable")[0]["remedy"] == "none needed: the points wait on disk"
    server.answer = lambda _request: None
    assert bench.publisher(server).drain()
    assert len(server.lines) == 40


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (404, "run create_ts_databases"),
        (0, "check influxUser and influxPassword, the address and the certificate"),
        (401, "check influxUser and influxPassword"),
        (403, "check influxUser and influxPassword"),
    ],
)
def test_a_refused_database_holds_back_only_its_own_batches(bench: Bench, status: int, remedy: str) -> None:
    server = Server(answer=refused(status, "database not found", only="missing"))
    for number in range(20):
        bench.put(f"m{number}", database="missing")
        bench.put(f"x{number:02d}")
    assert not bench.publisher(server).drain()
    assert len(server.lines) == 20
    assert bench.spool.depth("any") == 20
    (logged,) = bench.events("refused")
    assert (logged["database"], logged["log_level"]) == ("missing", "error")
    assert remedy in logged["remedy"]
    assert "database not found" in logged["error"]
    assert bench.set_aside() == []


def test_a_refusal_is_logged_once_per_drain(bench: Bench) -> None:
    publisher = bench.publisher(Server(answer=refused(401)))
    for database in ("x", "x", "y"):
        bench.put("1", database=database)
    for drains in (1, 2):
        assert not publisher.drain()
        assert len(bench.events("refused")) == 2 * drains


# --- set aside or dropped


def test_a_batch_refused_for_its_content_is_set_aside_and_the_next_is_delivered(bench: Bench) -> None:
    words = 'partial write: field type conflict: input field "value" on measurement "m"'
    server = Server(answer=refused(400, words, only="bad"))
    for line in ("1", "bad", "2"):
        bench.put(line)
    publisher = bench.publisher(server)
    assert publisher.drain()
    assert server.lines == ["1", "2"]
    assert bench.set_aside() == [("bad", f"http://a:8086/write refused with 400: {words}")]
    assert bench.count("tstats_dropped_batches_total", target="any", reason="rejected") == 1
    assert publisher.lost == 1
    (logged,) = bench.events("rejected")
    assert words in logged["reason"]
    assert Path(logged["kept"]).read_text() == "bad"
    assert bench.spool.depth("other") == 3


def test_points_outside_the_retention_policy_are_dropped_counted_and_logged(bench: Bench) -> None:
    words = "partial write: points beyond retention policy dropped=1"
    bench.put("old", "new")
    publisher = bench.publisher(Server(answer=refused(400, words)))
    assert publisher.drain()
    assert bench.set_aside() == []
    assert bench.count("tstats_dropped_batches_total", target="any", reason="retention") == 1
    assert publisher.lost == 1
    (logged,) = bench.events("dropped")
    assert (logged["reason"], logged["points"]) == ("points older than the retention policy keeps", 2)
    assert words in logged["answer"]


def test_a_damaged_file_is_set_aside_and_the_next_is_delivered(bench: Bench) -> None:
    server = Server()
    bench.put("1")
    bench.put("2")
    (name, _) = bench.spool.waiting("any", 2)
    (bench.spool.directory / "queue" / queue_name("any") / name).write_bytes(b"garbage")
    publisher = bench.publisher(server)
    assert publisher.drain()
    assert server.lines == ["2"]
    ((content, reason),) = bench.set_aside()
    assert content == "garbage"
    assert "is damaged" in reason
    assert publisher.lost == 1


def test_a_batch_that_was_evicted_meanwhile_is_not_an_error(bench: Bench) -> None:
    def evict(_request: Request) -> None:
        for name in bench.spool.waiting("any", 99):
            bench.spool.done("any", name)

    for number in range(9):
        bench.put(str(number))
    assert bench.publisher(Server(answer=evict)).drain()
    assert {entry["log_level"] for entry in bench.log.entries} <= {"info"}


# --- too large


def at_most(lines: int, then: Answer = lambda _request: None) -> Answer:
    def answer(request: Request) -> None:
        if len(request.lines) > lines:
            raise RefusedError("http://a:8086/write refused with 413: Request Entity Too Large", status=413)
        then(request)

    return answer


@pytest.mark.parametrize("points", [1, 2, 3, 7, 100])
def test_a_batch_too_large_for_a_server_is_sent_in_halves(bench: Bench, points: int) -> None:
    lines = [f"{number:03d}" for number in range(points)]
    server = Server(answer=at_most(2))
    bench.put(*lines)
    assert bench.publisher(server).drain()
    assert server.lines == lines
    assert bench.count("tstats_published_points_total", target="any") == points


def test_batches_are_halved_between_lines_whatever_their_length(bench: Bench) -> None:
    lines = ["1", "2" * 500, "3", "4" * 50, "5" * 1000]
    server = Server(answer=at_most(1))
    bench.put(*lines)
    assert bench.publisher(server).drain()
    assert server.lines == lines


def test_a_single_line_too_large_is_set_aside_and_blocks_nothing(bench: Bench) -> None:
    server = Server(answer=at_most(0))
    bench.put("1")
    publisher = bench.publisher(server)
    assert publisher.drain()
    assert bench.set_aside() == [("1", "http://a:8086/write refused with 413: Request Entity Too Large")]


@pytest.mark.parametrize("bad", ["1", "3", "4"])
def test_a_refused_part_does_not_keep_the_other_parts_from_the_server(bench: Bench, bad: str) -> None:
    server = Server(answer=at_most(1, refused(400, "field type conflict", only=bad)))
    bench.put("1", "2", "3", "4")
    assert bench.publisher(server).drain()
    assert server.lines == sorted({"1", "2", "3", "4"} - {bad})
    assert [lines for lines, _ in bench.set_aside()] == ["1\n2\n3\n4"]


@pytest.mark.parametrize("order", [("old", "bad"), ("bad", "old")])
def test_a_part_outside_the_retention_policy_does_not_hide_a_refused_part(
    bench: Bench, order: tuple[str, str]
) -> None:
    def answer(request: Request) -> None:
        refused(400, "partial write: points beyond retention policy dropped=1", only="old")(request)
        refused(400, "field type conflict", only="bad")(request)

    bench.put(*order)
    assert bench.publisher(Server(answer=at_most(1, answer))).drain()
    ((_, reason),) = bench.set_aside()
    assert "field type conflict" in reason


def test_an_outage_between_two_parts_keeps_the_whole_batch(bench: Bench) -> None:
    server = Server(
        answer=at_most(1, lambda request: unreachable(request) if request.lines == ["2"] else None)
    )
    bench.put("1", "2", "3")
    assert not bench.publisher(server).drain()
    assert bench.spool.depth("any") == 1


# --- several servers behind one target: `any`


def test_a_server_that_is_down_is_replaced_by_the_next(bench: Bench) -> None:
    down, up = Server("http://a:8086", unreachable), Server("http://b:8086")
    for number in range(40):
        bench.put(str(number))
    publisher = bench.publisher(down, up)
    assert publisher.drain()
    assert len(up.lines) == 40
    assert len(down.requests) <= 4, "a server that answered is asked first"
    assert bench.log.entries == bench.events("published")
    bench.put("again")
    publisher.drain()
    assert len(down.requests) <= 4


@pytest.mark.parametrize("failures", [(refused(404), unreachable), (unreachable, refused(404))])
def test_a_refused_database_blocks_no_other_while_another_server_is_down(
    bench: Bench, failures: tuple[Answer, Answer]
) -> None:
    def only_x_is_refused(answer: Answer) -> Answer:
        return answer if answer is unreachable else refused(404, only="missing")

    servers = [
        Server(f"http://{number}", only_x_is_refused(answer)) for number, answer in enumerate(failures)
    ]
    for number in range(20):
        bench.put("1", database="missing")
        bench.put(f"{number}")
    assert not bench.publisher(*servers).drain()
    assert sum(len(server.taken) for server in servers) == 20
    assert bench.spool.depth("any") == 20


@pytest.mark.parametrize("status", [401, 404])
def test_a_server_that_lacks_the_database_is_replaced_by_one_that_has_it(bench: Bench, status: int) -> None:
    lacking, having = Server("http://a:8086", refused(status)), Server("http://b:8086")
    bench.put("1")
    assert bench.publisher(lacking, having).drain()
    assert having.lines == ["1"]


def test_content_refused_by_one_server_is_not_tried_on_the_next(bench: Bench) -> None:
    first, second = Server("http://a:8086", refused(400, "field type conflict")), Server("http://b:8086")
    bench.put("1")
    assert bench.publisher(first, second).drain()
    assert second.requests == []
    assert len(bench.set_aside()) == 1


# --- several targets: `all`


def test_each_target_is_served_independently(bench: Bench) -> None:
    up, down = Server("http://a:8086"), Server("http://b:8086", unreachable)
    publishers = [bench.publisher(up, target="any"), bench.publisher(down, target="other")]
    bench.put("1")
    assert [publisher.drain() for publisher in publishers] == [True, False]
    assert (bench.spool.depth("any"), bench.spool.depth("other")) == (0, 1)
    down.answer = lambda _request: None
    assert publishers[1].drain()
    assert (up.lines, down.lines, bench.spool.bytes) == (["1"], ["1"], 0)


def test_any_other_failure_of_a_server_keeps_the_batch(bench: Bench) -> None:
    def strange(_request: Request) -> None:
        raise ServerError("http://a:8086/write returned an unusable response")

    bench.put("1")
    assert not bench.publisher(Server(answer=strange)).drain()
    assert bench.spool.depth("any") == 1
