"""A feed is in the log as soon as a client can have read it."""

import threading

from tstats.simulator.exchange_log import ExchangeLog, ServedFeed

SERVED = ServedFeed(cdn="cdn1", monitor="m", feed="CacheStats", served_at=0.0, newest_ms=0, body=None)


def test_reading_the_log_waits_for_a_response_whose_last_piece_is_being_sent() -> None:
    log, sent, reading = ExchangeLog(), threading.Event(), threading.Event()

    def serve() -> None:
        with log.sending():
            sent.set()  # from here on a client may have it all
            reading.wait(5)
            log.add_served(SERVED)

    server = threading.Thread(target=serve)
    server.start()
    sent.wait(5)
    threading.Timer(0.05, reading.set).start()
    assert log.served == (SERVED,)
    server.join()


def test_a_client_that_does_not_read_delays_nobody() -> None:
    log, read = ExchangeLog(), threading.Event()

    def stand_still() -> None:
        with log.sending():
            read.wait(10)

    server = threading.Thread(target=stand_still)
    server.start()
    assert log.served == ()
    read.set()
    server.join()
