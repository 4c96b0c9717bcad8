#!/usr/bin/python3
"""HTTPS servers with good and bad certificates, for test_kit_http_tls: one folder is its argument.

Makes there the authority of the test (ca.pem) and prints the ports of its servers, in one line: a good certificate, one
of an authority nobody knows, one for another name, one that has expired, and plain HTTP. Each answers /hits with how
many other requests came to it, /to-http with a redirect to http on its own port, /to-plain with one to the plain port
and all else with "secret answer". Ends when its standard input closes.
"""
import os
import socket
import ssl
import subprocess
import sys
import threading

CA_CONFIG = """[ca]
default_ca = test
[test]
database = {folder}/index-{name}.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
certificate = {folder}/{name}.pem
private_key = {folder}/{name}.key
[any]
commonName = supplied
"""
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
WHEN = {"valid": ("20200101000000Z", "20991231235959Z"), "expired": ("20200101000000Z", "20200102000000Z")}


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


def make_authority(folder, name):
    openssl("req", "-x509", *NEW_KEY, "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem",
            "-subj", f"/CN={name} of the test", "-days", "3650")
    with open(f"{folder}/index-{name}.txt", "w", encoding="ascii"):
        pass
    with open(f"{folder}/{name}.conf", "w", encoding="ascii") as config:
        config.write(CA_CONFIG.format(folder=folder, name=name))


def make_certificate(folder, name, authority, alternative, when):
    start, end = WHEN[when]
    openssl("req", *NEW_KEY, "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr", "-subj", f"/CN={name}",
            "-addext", f"subjectAltName={alternative}")
    openssl("ca", "-batch", "-notext", "-config", f"{folder}/{authority}.conf", "-in", f"{folder}/{name}.csr",
            "-out", f"{folder}/{name}.pem", "-startdate", start, "-enddate", end)


class Server:
    """One listening port; `context` is None for plain HTTP."""

    def __init__(self, context, plain_port=0):
        self.context = context
        self.plain_port = plain_port
        self.hits = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def answer(self, path):
        if path == "/hits":
            return b"200 OK", b"", b"%d" % self.hits
        self.hits += 1
        if path == "/to-http":
            return b"302 Found", b"Location: http://127.0.0.1:%d/secret\r\n" % self.port, b""
        if path == "/to-plain":
            return b"302 Found", b"Location: http://127.0.0.1:%d/secret\r\n" % self.plain_port, b""
        return b"200 OK", b"", b"secret answer"

    def serve(self, client):
        try:
            if self.context:
                client = self.context.wrap_socket(client, server_side=True)
            with client:
                request = b""
                while b"\r\n\r\n" not in request:
                    more = client.recv(65536)
                    if not more:
                        return
                    request += more
                    if not request.startswith(b"GET "[:len(request)]):  # TLS on the plain port: as web servers do
                        client.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                        return
                status, header, body = self.answer(request.split(b" ")[1].decode("ascii"))
                client.sendall(b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n%s"
                               % (status, len(body), header, body))
        except OSError:
            client.close()  # who does not trust the certificate hangs up: that is what the tests want

    def run(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def start(self):
        threading.Thread(target=self.run, daemon=True).start()
        return self.port


def tls(folder, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/{name}.pem", f"{folder}/{name}.key")
    return context


def main():
    folder = sys.argv[1]
    make_authority(folder, "ca")
    make_authority(folder, "stranger-ca")
    make_certificate(folder, "good", "ca", "IP:127.0.0.1", "valid")
    make_certificate(folder, "unknown-issuer", "stranger-ca", "IP:127.0.0.1", "valid")
    make_certificate(folder, "other-name", "ca", "DNS:elsewhere.example", "valid")
    make_certificate(folder, "expired", "ca", "IP:127.0.0.1", "expired")
    plain = Server(None)
    servers = [Server(tls(folder, name), plain.port) for name in ("good", "unknown-issuer", "other-name", "expired")]
    ports = [server.start() for server in [*servers, plain]]
    os.write(1, (" ".join(map(str, ports)) + "\n").encode("ascii"))  # in one piece: who reads it closes the pipe
    sys.stdin.read()
    os._exit(0)


main()
