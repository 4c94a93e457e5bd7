"""A load generator: as many requests as a server answers, over connections that stay open."""

import selectors
import socket
import statistics
import time


class Connection:
    """One client, who asks anew as soon as it is answered."""

    def __init__(self, port, requests, first):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.requests, self.at = requests, first
        self.latencies, self.bad = [], []

    def ask(self):
        self.data, self.end = bytearray(), None
        self.sent_at = time.perf_counter()
        self.socket.sendall(self.requests[self.at % len(self.requests)])
        self.at += 1

    def hear(self):
        """Take what has come; whether the answer is complete."""
        part = self.socket.recv(262_144)
        if not part:
            raise ConnectionError("The server closed a connection.")
        self.data += part
        if self.end is None and (head := self.data.find(b"\r\n\r\n")) >= 0:
            fields = bytes(self.data[:head]).lower().split(b"\r\n")
            length = next(field for field in fields if field.startswith(b"content-length:"))
            self.end = head + 4 + int(length.partition(b":")[2])
        if self.end is None or len(self.data) < self.end:
            return False
        self.latencies.append(time.perf_counter() - self.sent_at)
        if self.data[9:10] != b"2":
            self.bad.append(bytes(self.data[:600]))
        return True


def request(method, path, sign_in, body):
    """The bytes of a request; `sign_in` is the header that says who asks."""
    head, content = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{sign_in}\r\n", body.encode()
    if content:
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return head.encode() + b"\r\n" + content


def load(port, requests, connections, seconds, least=1):
    """Ask for so many seconds, and for `least` answers: {count, rate, p50, p95}, times in milliseconds."""
    selector = selectors.DefaultSelector()
    clients = [Connection(port, requests, at * 37) for at in range(connections)]
    began = time.perf_counter()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.ask()
    waiting, answers = connections, 0
    while waiting:
        for key, _ in selector.select():
            if key.data.hear():
                answers += 1
                if answers < least or time.perf_counter() - began < seconds:
                    key.data.ask()
                else:
                    waiting -= 1
    took = time.perf_counter() - began
    for client in clients:
        client.socket.close()
    times = sorted(time for client in clients for time in client.latencies)
    bad = [answer for client in clients for answer in client.bad]
    if bad:
        raise RuntimeError(
            f"{len(bad)} of {len(times)} answers were no good: {bad[0].decode(errors='replace')}"
        )
    return {
        "count": len(times),
        "rate": len(times) / took,
        "p50": statistics.median(times) * 1000,
        "p95": times[int(len(times) * 0.95)] * 1000,
    }
