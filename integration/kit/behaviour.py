"""What the test_behaviours_* files build on: one broker per file, raw connections, a topic per test."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from calls import Client  # noqa: E402
from case import BrokerTest  # noqa: E402


class BehaviourTest(BrokerTest):
    def setUp(self):
        self.client = self.connect()
        self.name = self.id().rsplit("test_", 1)[1][:200].replace("_", "-")  # for the topic or group of this test

    def connect(self, seconds=30):
        client = Client(self.broker, seconds)
        self.addCleanup(client.socket.close)
        return client

    def restart_after_kill(self):
        """kill -9 and start again on the same port; the old connections are gone."""
        self.broker.kill()
        self.broker.start()
        self.client = self.connect()

    def assert_error(self, answer, error):
        self.assertEqual(answer["ErrorCode"], error, answer)
