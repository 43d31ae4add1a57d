#!/usr/bin/env python3
"""A transactional producer is refused at its first request, for good, in the broker's own words; none tries on."""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import clients  # noqa: E402
from broker import is_peer  # noqa: E402
from case import BrokerTest, run_tests  # noqa: E402

# Far below what a client spends on an error it retries: max.block.ms is 30 s in ours, the time-out below 30 s too.
REFUSED_SECONDS_MAX = 10
MESSAGE = "Transactions are not supported by this broker yet."


@unittest.skipIf(is_peer(), "Kafka has transactions")
class Transactions(BrokerTest):
    def test_librdkafka_gives_up_at_once(self):
        import confluent_kafka
        client = confluent_kafka.Producer({
            "bootstrap.servers": self.broker.bootstrap, "transactional.id": "transact", "log_level": 0})
        for what in (lambda: client.init_transactions(30), client.begin_transaction):
            began = time.monotonic()
            with self.assertRaises(confluent_kafka.KafkaException) as raised:
                what()
            error = raised.exception.args[0]
            self.assertTrue(error.fatal(), error)
            self.assertFalse(error.retriable())
            self.assertLess(time.monotonic() - began, REFUSED_SECONDS_MAX)
            self.assertIn(MESSAGE, error.str())

    def refuse_java(self, client):
        began = time.monotonic()
        said = clients.call(client, "transact", self.broker.bootstrap)
        self.assertLess(time.monotonic() - began, REFUSED_SECONDS_MAX)
        first, second = filter(None, said.splitlines())
        self.assertTrue(first.startswith("TransactionalIdAuthorizationException:"), said)
        self.assertIn("in an error state", second)  # fatal: the client will not ask again

    def test_java_4_3_gives_up_at_once(self):
        self.refuse_java("java-4.3")

    def test_java_3_9_gives_up_at_once(self):
        self.refuse_java("java-3.9")


if __name__ == "__main__":
    run_tests()
