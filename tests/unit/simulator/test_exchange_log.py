"""What was served is known as soon as a client can have read it."""

import threading

from tstats.simulator.exchange_log import Record, Served

SERVED = Served(cdn="cdn1", monitor="m", feed="CacheStats", served_at=0.0, newest_ms=0, body=None)


def test_who_asks_what_was_served_waits_for_an_answer_of_which_the_last_piece_is_on_its_way() -> None:
    record, sent, asks = Record(), threading.Event(), threading.Event()

    def serve() -> None:
        with record.finishing():
            sent.set()  # from here on a client may have it all
            asks.wait(5)
            record.add_served(SERVED)

    server = threading.Thread(target=serve)
    server.start()
    sent.wait(5)
    threading.Timer(0.05, asks.set).start()
    assert record.served == (SERVED,)
    server.join()


def test_a_client_that_does_not_read_keeps_nobody_waiting() -> None:
    record, asked = Record(), threading.Event()

    def stand_still() -> None:
        with record.finishing():
            asked.wait(10)

    server = threading.Thread(target=stand_still)
    server.start()
    assert record.served == ()
    asked.set()
    server.join()
