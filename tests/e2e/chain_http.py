"""How one node answers HTTP: the proxy's routes, the plain ports, the websocket of its RPC, and its bad manners."""
import http.server
import json
import time
import urllib.parse

import chain_dialects
import chain_socket
from chain_dapi import Dapi, DapiError
from chain_rest import Gateway, Refusal
from chain_rpc import Failure, Rpc, envelope

NGINX = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n" \
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"


def part_of(entrance, path):
    """(part, path without its prefix) of a request: part is `rpc`, `rest`, `dapi`, or `proxy` for the proxy's own."""
    if entrance != "proxy":
        return entrance, path.removeprefix("/")
    for prefix, part in (("/chain-rpc/", "rpc"), ("/chain-api/", "rest"), ("/v1/", "dapi"), ("/api/v1/", "dapi")):
        if path.startswith(prefix):
            return part, path.removeprefix(prefix)
    return "proxy", path


def merged(answer, lie):
    """The answer with what the node claims instead, member by member."""
    if not isinstance(answer, dict) or not isinstance(lie, dict):
        return lie
    return {**answer, **{name: merged(answer.get(name), entry) for name, entry in lie.items()}}


class Handler(http.server.BaseHTTPRequestHandler):
    """The requests of one connection; `server` is the pair of a node and the entrance it came in by."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *_words):
        """Nothing: standard error is for what is wrong with the stand-in itself."""

    def do_GET(self):
        self.take(None)

    def do_POST(self):
        self.take(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def take(self, body):
        node, entrance = self.server
        target = urllib.parse.urlsplit(self.path)
        part, path = part_of(entrance, target.path)
        if entrance == "proxy" and target.path == "/control" and body is not None:
            self.write(200, "application/json", json.dumps(node.chain.commands.carry_out(json.loads(body))).encode())
            return
        if self.misbehave(node, part):
            self.close_connection = True
            return
        query = dict(urllib.parse.parse_qsl(target.query))
        if part == "proxy":
            self.answer_proxy(path)
        elif part == "rpc" and path == "websocket" and "websocket" in self.headers.get("Upgrade", "").lower():
            chain_socket.converse(self, node)
            self.close_connection = True
        elif part == "rpc":
            self.send(node, *(self.rpc(node, path, query) if body is None else self.rpc_call(node, body)))
        elif body is not None:
            self.send(node, 501, {"code": 12, "message": "Method Not Allowed", "details": []})
        else:
            self.send(node, *self.ask(node, part, path, query))

    # answers

    def answer_proxy(self, path):
        if path == "/health":
            self.write(200, "text/plain", b"healthy\n")
        elif path in ("/chain-rpc", "/chain-api"):
            self.write(301, "text/html", NGINX.format("301 Moved Permanently").encode(), {"Location": path + "/"})
        else:
            self.write(200, "text/html", b"<!doctype html><html><body>dashboard</body></html>")

    def rpc(self, node, path, query):
        with node.chain.world.lock:
            try:
                result = Rpc(node.chain, node, node.view()).answer(path, query)
            except Failure as failure:
                return failure.status, failure.body
        return (404, None) if result is None else (200, envelope(result))

    def rpc_call(self, node, body):
        """A call by POST, as CometBFT's own client makes it."""
        try:
            call = json.loads(body)
            query = {name: str(value) for name, value in (call.get("params") or {}).items()}
            status, answer = self.rpc(node, call["method"], query)
        except (ValueError, KeyError, AttributeError) as error:
            return 500, Failure(-32700, "Parse error. Invalid JSON", str(error)).body
        if answer is None:
            answer = Failure(-32601, "Method not found", "").body
        return (200 if status == 404 else status), {**answer, "id": call.get("id", -1)}

    def ask(self, node, part, path, query):
        with node.chain.world.lock:
            view = node.view()
            source = Gateway(node.chain, view) if part == "rest" else Dapi(node.chain, view)
            try:
                return 200, source.answer(path, query)
            except (Refusal, DapiError) as refusal:
                return refusal.status, refusal.body

    # manners

    def misbehave(self, node, part):
        """True when a bad manner has taken the place of the answer."""
        manner, words = node.manner, node.words
        if "dead" in manner or "half" in manner and part == words.get("part", "rest"):
            return True
        if "slow" in manner:
            time.sleep(words.get("seconds", 30))
        if any(part_of_path in self.path for part_of_path in words.get("broken", ())):
            self.write(502, "text/html", NGINX.format("502 Bad Gateway").encode())
            return True
        if "blocked" in manner and part in ("rpc", "rest"):
            self.write(403, "text/html", NGINX.format("403 Forbidden").encode())
        elif "html" in manner:
            status = words.get("status", 502)
            self.write(status, "text/html", NGINX.format(f"{status} Bad Gateway").encode())
        elif "garbage" in manner:
            self.write(200, "application/json", bytes(range(256)) * 4)
        elif "redirect" in manner:
            to = words.get("to") or f"http://{node.chain.nodes[0].host}:{node.chain.nodes[0].proxy.port}"
            self.write(302, "text/html", NGINX.format("302 Found").encode(), {"Location": to + self.path})
        elif "huge" in manner:
            self.flood(words.get("bytes", 256 << 20))
        else:
            return False
        return True

    def flood(self, size):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(b'{"jsonrpc":"2.0","id":-1,"result":{"filler":"'.ljust(size % 65536 + 65536, b"x"))
        for _ in range(size // 65536 - 1):
            self.wfile.write(b"x" * 65536)

    def send(self, node, status, answer):
        if answer is None:
            self.write(404, "text/plain; charset=utf-8", b"404 page not found\n")
            return
        for part_of_path, lie in node.words.get("lies", {}).items():
            answer = merged(answer, lie) if part_of_path in self.path else answer
        for name, dialect in chain_dialects.ALL.items():
            answer = dialect(answer) if name in node.manner else answer
        body = json.dumps(answer, separators=(",", ":")).encode()
        if "cut" in node.manner:
            self.close_connection = True
            self.write(status, "application/json", body[:len(body) // 2], length=len(body))
        elif "trickle" in node.manner:
            self.trickle(status, body, node.words.get("seconds", 0.5))
        else:
            self.write(status, "application/json", body)

    def trickle(self, status, body, pause_s):
        """The whole answer, a byte at a time."""
        self.write(status, "application/json", b"", length=len(body))
        for at in range(len(body)):
            self.wfile.write(body[at:at + 1])
            self.wfile.flush()
            time.sleep(pause_s)

    def write(self, status, kind, body, headers=None, length=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def serve(node, entrance, connection):
    """Answers all requests of one connection."""
    with connection:
        try:
            Handler(connection, connection.getsockname(), (node, entrance))
        except OSError:  # the other side went away
            pass
