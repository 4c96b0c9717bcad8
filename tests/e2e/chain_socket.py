"""The websocket of a node's RPC (RFC 6455): subscriptions to new blocks."""
import base64
import hashlib
import json
import socket
import struct
import threading

from chain_rpc import Rpc, envelope

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


def frame(kind, body):
    if len(body) < 126:
        return struct.pack(">BB", 0x80 | kind, len(body)) + body
    if len(body) < 65536:
        return struct.pack(">BBH", 0x80 | kind, 126, len(body)) + body
    return struct.pack(">BBQ", 0x80 | kind, 127, len(body)) + body


def read_frame(stream):
    """(kind, body) of the next frame, (CLOSE, b"") at the end; each message must be one frame."""
    head = stream.read(2)
    if len(head) < 2:
        return CLOSE, b""
    length = head[1] & 127
    if length == 126:
        length = struct.unpack(">H", stream.read(2))[0]
    elif length == 127:
        length = struct.unpack(">Q", stream.read(8))[0]
    mask = stream.read(4) if head[1] & 128 else bytes(4)
    body = bytes(byte ^ mask[at % 4] for at, byte in enumerate(stream.read(length)))
    return head[0] & 15, body


class Conversation:
    """One websocket. Blocks are sent by threads of their own, so that whole frames need a lock."""

    def __init__(self, handler, node):
        self.handler = handler
        self.node = node
        self.sending = threading.Lock()
        self.over = threading.Event()

    def send(self, kind, body):
        with self.sending:
            self.handler.wfile.write(frame(kind, body))

    def send_json(self, value):
        self.send(TEXT, json.dumps(value, separators=(",", ":")).encode())

    def listen(self):
        """Answers until the other side ends it or goes away."""
        try:
            kind, body = read_frame(self.handler.rfile)
            while kind != CLOSE:
                if kind == PING:
                    self.send(PONG, body)
                elif kind == TEXT:
                    self.subscribe(json.loads(body))
                kind, body = read_frame(self.handler.rfile)
        finally:
            self.over.set()

    def subscribe(self, call):
        number = call.get("id", -1)
        with self.node.chain.changed:
            seen = self.node.view().height
        self.send_json(envelope({}, number))
        if call.get("method") == "subscribe" and "NewBlock" in json.dumps(call.get("params")):
            threading.Thread(target=self.publish, args=(number, seen), daemon=True).start()

    def publish(self, number, seen):
        """Sends each block after the one at height `seen` once the node has it; a dead node hangs up."""
        chain = self.node.chain
        try:
            while not self.over.is_set():
                with chain.changed:
                    chain.changed.wait(0.2)
                    view = self.node.view()
                    first, seen = seen + 1, max(seen, view.height)
                    rpc = Rpc(chain, self.node, view)
                    events = [rpc.new_block_event(at, number) for at in range(first, seen + 1)]
                if "dead" in self.node.manner:
                    self.handler.connection.shutdown(socket.SHUT_RDWR)
                    return
                for event in events:
                    self.send_json(event)
        except OSError:  # the subscriber went away
            self.over.set()


def converse(handler, node):
    """Speaks websocket on the handler's connection until it ends."""
    key = handler.headers.get("Sec-WebSocket-Key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    handler.send_response(101)
    handler.send_header("Upgrade", "websocket")
    handler.send_header("Connection", "Upgrade")
    handler.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
    handler.end_headers()
    handler.connection.settimeout(None)
    Conversation(handler, node).listen()
