#!/usr/bin/env python3
"""The process itself: what it refuses to start with, how it ends, and that an end loses nothing."""

import os
import shutil
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "kit"))
import clients  # noqa: E402
from broker import Broker, binary, in_bucket, is_peer  # noqa: E402
from case import FreshBrokerTest, create_topic, run_tests  # noqa: E402
from ports import free_port  # noqa: E402


@unittest.skipIf(is_peer(), "about the thalweg program")
class Config(FreshBrokerTest):
    def data(self):
        return os.path.join(self.directory, "data")

    def serve(self, *arguments, listen=None, **environment):
        """Runs it to its end, which must come by itself."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("THALWEG_")}
        address = listen or f"127.0.0.1:{free_port()}"
        return subprocess.run([binary(), "serve", "--data", self.data(), "--listen", address, *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30, check=False,
                              env={**inherited, **environment})

    def test_an_unknown_environment_variable_is_refused_by_name(self):
        done = self.serve(THALWEG_NUM_PARTITION="3")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("THALWEG_NUM_PARTITION", done.stdout)

    def test_an_unknown_key_is_refused_by_name(self):
        done = self.serve("--set", "no.such.key=1")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no.such.key", done.stdout)

    def test_a_value_of_the_wrong_type_is_refused_by_key(self):
        done = self.serve("--set", "num.partitions=many")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("num.partitions", done.stdout)

    def test_an_address_that_cannot_be_bound_is_refused_by_name(self):
        with Broker(os.path.join(self.directory, "first")) as broker:
            done = self.serve(listen=broker.bootstrap)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(str(broker.port), done.stdout)

    @unittest.skipIf(in_bucket(), "about the lock of a directory; that of a bucket: test_takeover")
    def test_a_second_process_on_the_same_directory_is_refused(self):
        with Broker(self.directory) as broker:
            done = self.serve()
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("data", done.stdout)
            self.assertTrue(broker.running())

    @unittest.skipIf(in_bucket(), "about the log in a directory; that of a bucket: test_s3")
    def test_a_log_that_is_gone_is_refused_and_not_made_anew(self):
        with Broker(self.directory) as broker:
            create_topic(broker, "kept")
            clients.kcat(broker, "-t", "kept", "-P", stdin="one\n")
            broker.kill()
            log, aside = os.path.join(self.data(), "log"), os.path.join(self.directory, "aside")
            os.rename(log, aside)
            done = self.serve()
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("mount or restore log/", done.stdout)
            self.assertFalse(os.path.exists(os.path.join(log, "incarnation")))
            shutil.rmtree(log)
            os.rename(aside, log)
            broker.start()
            self.assertEqual(clients.kcat(broker, "-t", "kept", "-C", "-e", "-q", "-o", "beginning"), "one\n")

    def test_sigterm_ends_it_with_0_and_loses_nothing(self):
        with Broker(self.directory) as broker:
            create_topic(broker, "kept")
            clients.kcat(broker, "-t", "kept", "-P", stdin="one\ntwo\n")
            self.assertEqual(broker.stop(), 0)
            broker.start()
            read = clients.kcat(broker, "-t", "kept", "-C", "-e", "-q", "-o", "beginning")
            self.assertEqual(read, "one\ntwo\n")
            broker.process.send_signal(signal.SIGINT)
            self.assertEqual(broker.process.wait(30), 0)


if __name__ == "__main__":
    run_tests()
