"""What people build from a sorted set of Redis: a script moves what is due to a list, over and over.

Everything is given to one connection in pipelines, as a program would that wants speed. Redis runs with
`appendfsync always`, which is what our timers promise.
"""

import socket
import time

SCRIPT = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(due) do
  redis.call('RPUSH', KEYS[2], id)
  redis.call('HGET', KEYS[3], id)
  redis.call('HDEL', KEYS[3], id)
  redis.call('ZREM', KEYS[1], id)
end
return due
"""


class Redis:
    """A connection that speaks as much of the protocol as is needed."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.reader = self.socket.makefile("rb")

    @staticmethod
    def encode(*words):
        parts = [b"*%d\r\n" % len(words)]
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            parts.append(b"$%d\r\n%b\r\n" % (len(word), word))
        return b"".join(parts)

    def answer(self):
        line = self.reader.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b"$":
            length = int(rest)
            return None if length < 0 else self.reader.read(length + 2)[:-2]
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        return rest

    def ask(self, *words):
        self.socket.sendall(self.encode(*words))
        return self.answer()

    def pipeline(self, commands):
        self.socket.sendall(b"".join(self.encode(*words) for words in commands))
        for _ in commands:
            self.answer()


def schedule(redis, dues, size, first=0, batch=256):
    """Sets timers; answers how many a second."""
    payload = b"x" * size
    begun = time.monotonic()
    for at in range(0, len(dues), batch):
        commands = []
        for n, due in enumerate(dues[at : at + batch], first + at):
            commands += [("HSET", "payload", n, payload), ("ZADD", "due", due, n)]
        redis.pipeline(commands)
    return len(dues) / (time.monotonic() - begun)


def move(redis, dues, first=0):
    """Moves what is due, until all have been; answers how late each was, in milliseconds."""
    script = redis.ask("SCRIPT", "LOAD", SCRIPT)
    late, left = [], len(dues)
    while left:
        now = time.time() * 1000
        moved = redis.ask("EVALSHA", script, 3, "due", "fired", "payload", int(now), 1000)
        after = time.time() * 1000
        late += [after - dues[int(one) - first] for one in moved]
        left -= len(moved)
        if not moved:
            time.sleep(0.0005)
    return late


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]
