"""What the test_behaviours_* files build on: one broker for all classes of a file, raw connections, a name per test."""

import os
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker import Broker, is_peer  # noqa: E402
from calls import Client  # noqa: E402

_shared = []  # the broker of the file that runs


def _start(settings):
    directory = tempfile.mkdtemp(prefix="thalweg-")
    unittest.addModuleCleanup(shutil.rmtree, directory, ignore_errors=True)
    broker = Broker(os.path.join(directory, "broker"), settings)
    unittest.enterModuleContext(broker)
    unittest.addModuleCleanup(_shared.clear)
    _shared.append(broker)


class BehaviourTest(unittest.TestCase):
    """The SETTINGS of the class that runs first are the broker's: a file keeps to one set of them."""

    SETTINGS = {}

    @classmethod
    def setUpClass(cls):
        if not _shared:
            _start(cls.SETTINGS)
        cls.broker = _shared[0]

    def setUp(self):
        self.client = self.connect()
        self.name = self.id().rsplit(".test_", 1)[1][:200].replace("_", "-")  # for the topic or group of this test

    def tearDown(self):
        # A broker that died during the test is that test's failure, not the next one's.
        self.assertTrue(self.broker.running(), f"the broker is gone:\n{self.broker.log()[-3000:]}")

    def connect(self, seconds=30):
        client = Client(self.broker, seconds)
        self.addCleanup(client.socket.close)
        return client

    def restart_after_kill(self):
        """kill -9 and start again on the same port; the old connections are gone."""
        self.broker.kill()
        self.broker.start()
        self.client = self.connect()
        until = time.monotonic() + 60
        while is_peer() and (self.client.list_offset(self.name, -1)["ErrorCode"] or
                             self.client.describe_group("any", 5)["ErrorCode"]):  # its parts come later than it
            self.assertLess(time.monotonic(), until)
            time.sleep(0.1)

    def assert_error(self, answer, error):
        self.assertEqual(answer["ErrorCode"], error, answer)
