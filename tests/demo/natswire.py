"""A NATS client in a page: connect, publish, ask. Enough to build the demo's streams as the API container does."""
import json
import socket


class NatsError(Exception):
    """The server said no, or something that is not NATS answered."""


class Nats:
    """One connection; without `login` to a server without authentication, as the one inside the API container is.

    `login` is given what the server tells of itself and gives the members of CONNECT that log in.
    """

    def __init__(self, port, host="127.0.0.1", timeout_s=10, login=None):
        self.socket = socket.create_connection((host, port), timeout_s)
        self.file = self.socket.makefile("rb")
        self.inbox = 0
        told = self.file.readline()
        if not told.startswith(b"INFO "):
            raise NatsError(f"{host}:{port} is no NATS server")
        hello = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True, "lang": "python",
                 "version": "1", **(login(json.loads(told[5:])) if login else {})}
        self.socket.sendall(b"CONNECT " + json.dumps(hello).encode() + b"\r\nSUB _INBOX.demo.* 1\r\nPING\r\n")
        self._read_until(b"PONG")

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _line(self):
        line = self.file.readline()
        if not line:
            raise NatsError("the server closed the connection")
        if line.startswith(b"-ERR"):
            raise NatsError(line.decode(errors="replace").strip())
        if line.startswith(b"PING"):
            self.socket.sendall(b"PONG\r\n")
        return line

    def _read_until(self, word):
        """Reads up to a line that begins so; gives what the messages before it carried, by subject."""
        got = []
        while True:
            line = self._line()
            if line.startswith((b"MSG ", b"HMSG ")):
                words = line.split()
                body = self.file.read(int(words[-1]) + 2)[:-2]
                head = int(words[-2]) if line.startswith(b"HMSG ") else 0
                got.append((words[1].decode(), body[:head], body[head:]))
                if word == b"MSG":
                    return got
            elif word != b"MSG" and line.startswith(word):
                return got

    def request(self, subject, payload=b""):
        """The answer's body to one request."""
        self.inbox += 1
        reply = f"_INBOX.demo.{self.inbox}"
        self.socket.sendall(f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n")
        while True:
            for answered, head, body in self._read_until(b"MSG"):
                if answered == reply:
                    if head.startswith(b"NATS/1.0 503"):
                        raise NatsError(f"nobody answers on {subject}: is JetStream on?")
                    return body

    def ask(self, subject, value=None):
        """One question to the JetStream API; NatsError when it refuses."""
        answer = json.loads(self.request(subject, b"" if value is None else json.dumps(value).encode()))
        if "error" in answer:
            raise NatsError(f"{subject}: {answer['error'].get('description')}")
        return answer

    def publish_all(self, subject, bodies):
        """Publishes without waiting for each: JetStream keeps the order, and the closing PONG comes after them."""
        out = bytearray()
        for body in bodies:
            out += f"PUB {subject} {len(body)}\r\n".encode() + body + b"\r\n"
            if len(out) > 1 << 18:
                self.socket.sendall(out)
                out.clear()
        self.socket.sendall(out + b"PING\r\n")
        self._read_until(b"PONG")
