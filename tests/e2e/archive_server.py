"""A host of archives that can misbehave: cuts, lies about ranges, changes its file, redirects."""
import hashlib
import http.server
import io
import os
import tarfile
import threading
import time
import zipfile


class ArchiveServer:
    """Serves files by name. `manner` of a name: good, cut, no_ranges, range_lie, range_garbage, redirect, circle,
    missing. As a context manager it is ended at the end."""

    def __init__(self):
        self.files = {}
        self.manners = {}
        self.cut_at = {}  # name: bytes after which the connection ends, each time
        self.pace = {}  # name: bytes per second
        self.requests = []  # (name, Range or "")
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.serve(self)

            def log_message(self, *_what):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_what):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def base(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def put(self, name, data, manner="good"):
        """The URL of a file, with its checksum, as a plan names it."""
        self.files[name] = data
        self.manners[name] = manner
        return f"{self.base}/{name}?checksum=sha256:{hashlib.sha256(data).hexdigest()}"

    def serve(self, request):
        name = request.path.split("?")[0].lstrip("/")
        self.requests.append((name, request.headers.get("Range", "")))
        manner = self.manners.get(name, "missing")
        if manner == "redirect":
            return self.head(request, 302, {"Location": f"{self.base}/to/{name}", "Content-Length": "0"})
        if manner == "circle":
            return self.head(request, 302, {"Location": f"{self.base}/{name}", "Content-Length": "0"})
        if manner == "weaker":
            return self.head(request, 302, {"Location": f"ftp://127.0.0.1/{name}", "Content-Length": "0"})
        if name.startswith("to/") and name[3:] in self.files:
            name, manner = name[3:], "good"
        if manner == "missing":
            return self.head(request, 404, {"Content-Length": "4"}, b"none")
        return self.send(request, name, manner)

    def send(self, request, name, manner):
        data = self.files[name]
        start = 0
        asked = request.headers.get("Range", "")
        if asked.startswith("bytes=") and manner != "no_ranges":
            start = int(asked[6:].split("-")[0])
        if start and start >= len(data):
            return self.head(request, 416, {"Content-Range": f"bytes */{len(data)}", "Content-Length": "0"})
        body = data[start:]
        headers = {"Content-Length": str(len(body))}
        if start:
            said = start + 7 if manner == "range_lie" else start
            headers["Content-Range"] = f"bytes {said}-{len(data) - 1}/{len(data)}"
        if start and manner == "range_garbage":
            body = bytes(len(body))
        if manner == "endless":
            del headers["Content-Length"]
            headers["Connection"] = "close"
        return self.head(request, 206 if start else 200, headers, self.part(name, manner, start, body), name)

    def part(self, name, manner, start, body):
        if manner == "cut" and start < self.cut_at[name]:
            return body[:self.cut_at[name] - start]
        return body

    def head(self, request, status, headers, body=b"", name=None):
        request.send_response(status)
        for key, value in headers.items():
            request.send_header(key, value)
        request.end_headers()
        pace = self.pace.get(name)
        try:
            for at in range(0, len(body), 65536):
                request.wfile.write(body[at:at + 65536])
                if pace:
                    time.sleep(min(len(body) - at, 65536) / pace)
        except OSError:
            pass
        if len(body) != int(headers.get("Content-Length", len(body))):
            request.close_connection = True


def zipped(entries, method=zipfile.ZIP_DEFLATED):
    """A zip of (name, data) pairs, names as they are."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries:
            info = zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0))
            info.external_attr = 0o100755 << 16
            info.compress_type = method
            archive.writestr(info, data)
    return out.getvalue()


def zipped_link(name, target):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0))
        info.create_system = 3
        info.external_attr = 0o120777 << 16
        archive.writestr(info, target)
    return out.getvalue()


def tarred(entries, links=()):
    """A tar.gz of (name, data) pairs, and of (name, target, type) links."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, target, kind in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def sha256_of(path_or_data):
    if isinstance(path_or_data, bytes):
        return hashlib.sha256(path_or_data).hexdigest()
    with open(os.fspath(path_or_data), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
