#!/usr/bin/python3
"""A server that misbehaves on demand, for test_kit_http: prints its port, ends when its standard input closes.

Given a path as argument it listens at that Unix socket instead.
"""
import os
import socket
import sys
import threading

JSON = b'{"height":"9007199254740993"}'


def answer(status, body=b"", *headers):
    head = [f"HTTP/1.1 {status}".encode(), b"Content-Length: %d" % len(body), b"Connection: close", *headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def serve(client, port):
    request = b""
    while b"\r\n\r\n" not in request:
        more = client.recv(65536)
        if not more:
            return
        request += more
    head, _, body = request.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            while len(body) < int(value):
                body += client.recv(65536)
    path = head.split(b" ")[1].decode()
    if path == "/json":
        client.sendall(answer("200 OK", JSON, b"Content-Type: application/json"))
    elif path == "/html":
        client.sendall(answer("200 OK", b"<html>bad gateway</html>", b"Content-Type: text/html"))
    elif path == "/500":
        client.sendall(answer("500 Internal Server Error", b"no such block"))
    elif path == "/echo":
        client.sendall(answer("200 OK", head + b"\r\n\r\n" + body))
    elif path == "/large":
        client.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 100000)
    elif path == "/cut":
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
    elif path == "/here":
        client.sendall(answer("302 Found", b"", b"Location: /json"))
    elif path == "/round":
        client.sendall(answer("302 Found", b"", b"Location: /round"))
    elif path == "/ftp":
        client.sendall(answer("302 Found", b"", b"Location: ftp://127.0.0.1/x"))
    elif path == "/https":
        client.sendall(answer("302 Found", b"", f"Location: https://127.0.0.1:{port}/json".encode()))
    elif path == "/file":
        client.sendall(answer("302 Found", b"", b"Location: file:///etc/passwd"))
    elif path == "/elsewhere":
        client.sendall(answer("302 Found", b"", f"Location: http://localhost:{port}/echo".encode()))
    elif path == "/range":
        start = next((int(line.split(b"=")[1].split(b"-")[0]) for line in head.split(b"\r\n")
                      if line.lower().startswith(b"range:")), 0)
        client.sendall(answer("206 Partial Content" if start else "200 OK", b"0123456789"[start:],
                              b"Content-Range: bytes %d-9/10" % start))
    elif path == "/stall":
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
        client.recv(1)  # until the caller hangs up
    client.close()


def main():
    if len(sys.argv) > 1:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(sys.argv[1])
        port = 0
    else:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    listener.listen(16)
    os.write(1, b"%d\n" % port)  # in one piece: who reads it closes the pipe

    def accept():
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, port), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


main()
