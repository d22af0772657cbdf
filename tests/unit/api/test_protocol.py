"""Connections of slow clients are closed, and others are not."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from tstats.api.http import protocol
from tstats.api.http.protocol import LimitedHttpProtocol

LARGE = 64 << 20  # larger than the system's buffers
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    """Send a response that does not fit into any buffer."""
    del scope, receive
    headers = [(b"content-length", str(LARGE).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": bytes(LARGE)})


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait only a tenth of a second for the head of a request."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)


@asynccontextmanager
async def serving(*, idle: float = 30) -> AsyncIterator[uvicorn.Server]:
    config = uvicorn.Config(
        large,
        host="127.0.0.1",
        port=0,
        http=LimitedHttpProtocol,
        lifespan="off",
        log_config=None,
        ws="none",
        timeout_keep_alive=idle,  # type: ignore[arg-type]  # a fraction of a second works
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())  # noqa: SLF001 (`serve` would capture the signals of the tests)
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.01)
    try:
        yield server
    finally:
        server.should_exit = server.force_exit = True
        await task


def read_all(connection: socket.socket) -> int:
    """Return the number of bytes until the end of the connection."""
    received = 0
    connection.settimeout(30)
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1 << 20):
            received += len(part)
    return received


def address(server: uvicorn.Server) -> tuple[str, int]:
    host, port = server.servers[0].sockets[0].getsockname()
    return host, port


async def ended(reader: asyncio.StreamReader) -> bool:
    """Return once the server has closed the connection."""
    try:
        async with asyncio.timeout(30):
            while await reader.read(1 << 20):
                pass
    except ConnectionResetError:
        return True
    return True


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "begun", [b"", b"GET / HT", REQUEST[:-2]], ids=["nothing", "a word", "all but the end"]
)
def test_an_incomplete_head_times_out(begun: bytes) -> None:
    async def dribble() -> bool:
        async with serving() as server:
            reader, writer = await asyncio.open_connection(*address(server))
            writer.write(begun)
            await writer.drain()
            try:
                return await ended(reader)
            finally:
                writer.close()

    assert asyncio.run(dribble())


@pytest.mark.usefixtures("impatient")
def test_a_complete_request_may_take_longer() -> None:
    async def ask() -> int:
        async with serving() as server:
            reader, writer = await asyncio.open_connection(*address(server))
            writer.write(REQUEST)
            await asyncio.sleep(0.3)  # three times the limit for the head
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(LARGE)
            writer.close()
            return len(body) if head.startswith(b"HTTP/1.1 200") else 0

    assert asyncio.run(ask()) == LARGE


def test_an_endless_head_is_cut_off_by_its_size() -> None:
    async def pour() -> bool:
        async with serving() as server:
            reader, writer = await asyncio.open_connection(*address(server))
            writer.write(b"GET / HTTP/1.1\r\n")
            with contextlib.suppress(ConnectionError):
                for number in range(100_000):
                    writer.write(b"X-%d: %s\r\n" % (number, b"x" * 1_000))
                    await writer.drain()
            try:
                return await ended(reader)
            finally:
                writer.close()

    assert asyncio.run(pour())


def test_a_response_that_nobody_reads_is_dropped() -> None:
    async def do_not_read() -> int:
        async with serving(idle=0.1) as server:
            with socket.create_connection(address(server)) as slow:
                slow.sendall(REQUEST)
                connections = server.server_state.connections
                async with asyncio.timeout(30):
                    for connected in (True, False):
                        while bool(connections) != connected:  # noqa: ASYNC110 (the same)
                            await asyncio.sleep(0.01)
                return await asyncio.to_thread(read_all, slow)

    assert asyncio.run(do_not_read()) < LARGE


def test_a_response_that_is_read_slowly_arrives_in_full() -> None:
    async def sip() -> int:
        async with serving(idle=0.5) as server:
            reader, writer = await asyncio.open_connection(*address(server), limit=1 << 16)
            writer.write(REQUEST)
            await reader.readuntil(b"\r\n\r\n")
            received = 0
            while received < LARGE:
                received += len(await reader.read(4 << 20))
                await asyncio.sleep(0.002)
            writer.close()
            return received

    assert asyncio.run(sip()) == LARGE
