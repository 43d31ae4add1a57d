"""A proxy in front of one S3 server, which does on request what object stores do on bad days.

    with S3Proxy(server, seed=7) as proxy:
        proxy.url("bucket") ...
        proxy.faults = Faults(slow_down=0.1)     # from the next request on; Faults() = none
        proxy.done["slow_down"]                  # how often it was done
        proxy.done["requests"], proxy.done["puts"], len(proxy.nonces)    # the last: of puts that are no repetition

Requests and answers are passed on as they are, Host included: that is what clients sign. It runs in a thread of the
test. Which request is hit is drawn from the seed, in the order the requests arrive.
"""

import asyncio
import collections
import dataclasses
import email.utils
import math
import os
import random
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from ports import free_port  # noqa: E402

HEAD_BYTES_MAX = 64 << 10
PIECE_BYTES = 16 << 10
LATE_SECONDS = (0.05, 3)
# Medians and 99th percentiles in ms, of PUT and of everything else.
LATENCIES = {"standard": ((60, 195), (40, 78)), "express": ((6, 15), (4, 10))}
SLOW_DOWN = (b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown</Code>"
             b"<Message>Please reduce your request rate.</Message></Error>")


@dataclasses.dataclass(frozen=True)
class Faults:
    """Shares are of requests, 0 to 1; a request suffers one of them at most, and every delay."""

    slow_down: float = 0  # answered 503, not done
    lost: float = 0  # done, and the connection closed instead of an answer
    late: float = 0  # a change: answered 503 or not at all, done later
    reset: float = 0  # the connection is reset: before it is done, or within the answer
    truncate: float = 0  # the end of the answer is missing
    flip: float = 0  # one bit of an object that is read is another
    latency: str = ""  # of LATENCIES
    stall: float = 0  # waits stall_seconds first
    stall_seconds: float = 3
    clock_ahead: int = 0  # seconds, in the Date of answers
    bytes_per_second: int = 0  # of all connections together, each way; 0 = no limit


@dataclasses.dataclass
class Message:
    """A request or an answer: the head up to its empty line, and the body as it travels."""

    head: bytes
    body: bytes

    def line(self):
        return self.head.split(b"\r\n", 1)[0].decode("latin-1")

    def field(self, name):
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name:
                return value.strip()
        return b""


class Throttle:
    """Bytes of everybody, one after the other."""

    def __init__(self):
        self.free_at = 0

    async def spend(self, count, bytes_per_second):
        if not bytes_per_second:
            return
        now = asyncio.get_running_loop().time()
        self.free_at = max(self.free_at, now) + count / bytes_per_second
        await asyncio.sleep(self.free_at - now)


class S3Proxy:
    def __init__(self, server, seed=1):
        self.server = server
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.faults = Faults()
        self.done = collections.Counter()
        self.nonces = set()
        self.random = random.Random(seed)
        self.throttles = (Throttle(), Throttle())
        self.idle = []  # connections to the server
        self.late = set()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.listening = threading.Event()

    def __enter__(self):
        self.thread.start()
        assert self.listening.wait(10)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.ended.set)
        self.thread.join()

    def url(self, bucket, prefix=""):
        return f"s3://{bucket}/{prefix}?endpoint={self.endpoint}"

    def run(self):
        self.loop.run_until_complete(self.serve())
        self.loop.close()

    async def serve(self):
        self.ended = asyncio.Event()
        await asyncio.start_server(self.connection, "127.0.0.1", self.port, limit=HEAD_BYTES_MAX)
        self.listening.set()
        await self.ended.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def connection(self, reader, writer):
        try:
            while True:
                request = await self.read(reader, self.throttles[0])
                await self.answer(request, writer)
        except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # either side is gone, or this is the end
        finally:
            writer.transport.abort()

    async def read(self, reader, throttle=None, bodiless=False):
        """One message. Its body is read as slowly as the faults say, so that the sender feels it."""
        message = Message(await reader.readuntil(b"\r\n\r\n"), b"")
        if message.line().startswith("HTTP/1.1 1"):
            return await self.read(reader, throttle, bodiless)
        if bodiless or message.line().split(" ")[1] in ("204", "304"):
            return message
        parts = []
        if message.field(b"transfer-encoding") == b"chunked":
            while True:
                size = await reader.readuntil(b"\r\n")
                parts += [size, await reader.readexactly(int(size, 16) + 2)]
                if int(size, 16) == 0:
                    break
        else:
            left = int(message.field(b"content-length") or 0)
            while left:
                piece = min(left, PIECE_BYTES) if self.faults.bytes_per_second else left
                parts.append(await reader.readexactly(piece))
                left -= piece
                if throttle:
                    await throttle.spend(piece, self.faults.bytes_per_second)
        message.body = b"".join(parts)
        return message

    def draw(self, request):
        """The fault of one request, or ""."""
        faults, chance = self.faults, self.random.random()
        method, target = request.line().split(" ")[:2]
        is_object = method == "GET" and "list-type" not in target
        applies = {"late": method in ("PUT", "DELETE", "POST"), "flip": is_object}
        for name in ("slow_down", "lost", "late", "reset", "truncate", "flip"):
            chance -= getattr(faults, name)
            if chance < 0:
                return name if applies.get(name, True) else ""
        return ""

    async def delay(self, request):
        faults = self.faults
        if faults.latency:
            median, high = LATENCIES[faults.latency][0 if request.line().startswith("PUT") else 1]
            spread = math.log(high / median) / 2.326  # a normal's 99th percentile
            await asyncio.sleep(self.random.lognormvariate(math.log(median), spread) / 1000)
        if self.random.random() < faults.stall:
            self.done["stall"] += 1
            await asyncio.sleep(faults.stall_seconds)

    async def answer(self, request, writer):
        self.done["requests"] += 1
        if request.line().startswith("PUT"):
            self.done["puts"] += 1
            self.nonces.add(request.field(b"x-amz-meta-thalweg-nonce"))
        fault = self.draw(request)
        if fault:
            self.done[fault] += 1
        await self.delay(request)
        if fault in ("slow_down", "late"):
            if fault == "late":
                self.later(request)
                if self.random.random() < 0.5:
                    raise EOFError
            await self.write(writer, Message(
                b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: "
                + str(len(SLOW_DOWN)).encode() + b"\r\n\r\n", b"" if request.line().startswith("HEAD") else SLOW_DOWN))
            return
        if fault == "reset" and self.random.random() < 0.5:
            self.reset(writer)
        answer = await self.forward(request)
        if fault == "lost":
            raise EOFError
        if fault == "flip" and answer.body:
            at = self.random.randrange(len(answer.body))
            changed = bytearray(answer.body)
            changed[at] ^= 1 << self.random.randrange(8)
            answer.body = bytes(changed)
        if fault in ("reset", "truncate"):
            whole = answer.head + answer.body
            low = len(answer.head) if fault == "truncate" and answer.body else 0
            writer.write(whole[:self.random.randrange(low, len(whole))])
            await writer.drain()
            if fault == "reset":
                self.reset(writer)
            writer.close()
            await writer.wait_closed()
            raise EOFError
        await self.write(writer, answer)

    def reset(self, writer):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        raise EOFError

    def later(self, request):
        async def apply():
            await asyncio.sleep(self.random.uniform(*LATE_SECONDS))
            await self.forward(request)
        task = self.loop.create_task(apply())
        self.late.add(task)
        task.add_done_callback(self.forget)

    def forget(self, task):
        self.late.discard(task)
        if not task.cancelled():
            task.exception()  # a server that is away

    async def forward(self, request):
        """To the server and back, over a connection of its own. A server that is away ends the client's connection."""
        reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection(
            "127.0.0.1", self.server.port, limit=HEAD_BYTES_MAX)
        try:
            writer.write(request.head + request.body)
            await writer.drain()
            answer = await self.read(reader, bodiless=request.line().startswith("HEAD"))
        except BaseException:
            writer.transport.abort()
            raise
        if answer.field(b"connection").lower() == b"close":
            writer.close()
        else:
            self.idle.append((reader, writer))
        return answer

    async def write(self, writer, answer):
        if self.faults.clock_ahead:
            date = email.utils.formatdate(time.time() + self.faults.clock_ahead, usegmt=True).encode()
            answer.head = answer.head.replace(b"Date: " + answer.field(b"date"), b"Date: " + date)
        whole = answer.head + answer.body
        step = PIECE_BYTES if self.faults.bytes_per_second else len(whole)
        for at in range(0, len(whole), step):
            await self.throttles[1].spend(min(step, len(whole) - at), self.faults.bytes_per_second)
            writer.write(whole[at:at + step])
            await writer.drain()
