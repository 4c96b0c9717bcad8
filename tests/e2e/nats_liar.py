#!/usr/bin/python3
"""A NATS server with a JetStream API that lies, in a process of its own. Ends when its standard input closes.

Its first argument says how: `ignore` accepts updates and changes nothing, `late` changes and answers an update never,
`garbage` answers with no JSON, `error` with an error code. `sparse` is honest, but as old as 2.8: it finds a message by its
exact number only, and its three messages lie far apart. It has one stream, txs_to_send, without a lifetime, and a field
that nobody has heard of.
"""
import datetime
import json
import os
import socket
import sys
import threading

MANNER = sys.argv[1]
CONFIG = {"name": "txs_to_send", "subjects": ["txs_to_send"], "retention": "limits", "max_consumers": -1, "max_msgs": -1,
          "max_bytes": -1, "max_age": 0, "max_msgs_per_subject": -1, "max_msg_size": -1, "discard": "old", "storage": "file",
          "num_replicas": 1, "duplicate_window": 120000000000, "unheard_of": 9007199254740993}
STATE = {"messages": 0, "bytes": 0, "first_seq": 1, "first_ts": "0001-01-01T00:00:00Z", "last_seq": 0,
         "last_ts": "0001-01-01T00:00:00Z", "consumer_count": 0}
MESSAGES = {1: 10, 1000: 9, 2000: 0}  # of `sparse`: number and age in days
if MANNER == "sparse":
    STATE.update({"messages": 3, "bytes": 300, "first_seq": 1, "last_seq": 2000})


def days_ago(days):
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def find(body):
    """A message as a server of old finds it."""
    number = json.loads(body)["seq"]
    if number not in MESSAGES:
        return {"type": "x", "error": {"code": 404, "err_code": 10037, "description": "no message found"}}
    return {"type": "x", "message": {"subject": "txs_to_send", "seq": number, "data": "", "time": days_ago(MESSAGES[number])}}


def info(kind):
    if MANNER == "sparse":
        STATE.update({"first_ts": days_ago(10), "last_ts": days_ago(0)})
    return {"type": f"io.nats.jetstream.api.v1.{kind}", "config": CONFIG, "created": "2026-01-01T00:00:00Z", "state": STATE}


def answer(subject, body):
    """The answer of the API as an object, None for none."""
    call = subject.removeprefix("$JS.API.")
    if MANNER == "error":
        return {"type": "x", "error": {"code": 503, "err_code": 10008, "description": "JetStream system temporarily unavailable"}}
    if call == "STREAM.LIST":
        return {"type": "x", "total": 1, "offset": 0, "limit": 256, "streams": [info("stream_info")]}
    if call == "STREAM.NAMES":
        return {"type": "x", "total": 1, "offset": 0, "limit": 1024, "streams": ["txs_to_send"]}
    if call == "STREAM.INFO.txs_to_send":
        return info("stream_info_response")
    if call == "STREAM.UPDATE.txs_to_send":
        with open(sys.argv[2], "w", encoding="utf-8") as out:  # what was asked, for the test to look at
            out.write(body)
        if MANNER == "late":
            CONFIG.update(json.loads(body))
            return None
        return {**info("stream_update_response"), "config": json.loads(body)}
    if call == "STREAM.MSG.GET.txs_to_send":
        return find(body)
    if call.startswith("CONSUMER.") and MANNER == "sparse":
        return {"type": "x", "total": 1, "offset": 0, "limit": 256, "consumers": [
            {"name": "slow", "num_pending": 3, "num_ack_pending": 0, "delivered": {"stream_seq": 0}, "ack_floor": {"stream_seq": 0}}]}
    if call.startswith("CONSUMER."):
        return {"type": "x", "total": 0, "offset": 0, "limit": 256, "consumers": []}
    return {"type": "x", "error": {"code": 404, "err_code": 10059, "description": "stream not found"}}


def serve(client, port):
    stream = client.makefile("rb")
    client.sendall(b'INFO {"server_id":"LIAR","version":"2.9.10","proto":1,"headers":true,"max_payload":1048576,'
                   b'"jetstream":true,"host":"127.0.0.1","port":%d}\r\n' % port)
    subscriptions = []
    for line in stream:
        words = line.split()
        if not words:
            continue
        if words[0] == b"PING":
            client.sendall(b"PONG\r\n")
        elif words[0] == b"SUB":
            subscriptions.append((words[1].decode(), words[-1]))
        elif words[0] in (b"PUB", b"HPUB"):
            body = stream.read(int(words[-1]) + 2)[:-2].decode()
            reply = words[2].decode() if len(words) > (3 if words[0] == b"PUB" else 4) else ""
            text = answer(words[1].decode(), body)
            if text is None or not reply:
                continue
            data = b"<html>" if MANNER == "garbage" else json.dumps(text).encode()
            number = next(sid for pattern, sid in subscriptions
                          if pattern == reply or pattern.endswith("*") and reply.startswith(pattern[:-1])
                          or pattern.endswith(">") and reply.startswith(pattern[:-1]))
            client.sendall(b"MSG %s %s %d\r\n%s\r\n" % (reply.encode(), number, len(data), data))


def main():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    port = listener.getsockname()[1]
    os.write(1, b"%d\n" % port)

    def accept():
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, port), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


main()
