"""Stand-ins of the proof of compute that say on their standard output what they are told, a JSON line each."""
import json
import os
import queue
import socket
import subprocess
import sys
import threading

from conftest import SLOW

HERE = os.path.dirname(__file__)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Talker:
    """One of them at work; its first line is the port that it listens on."""

    def __init__(self, script, *arguments):
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, script), *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def next(self, path):
        """The next that was posted there."""
        while True:
            letter = self.lines.get(timeout=60 * SLOW)
            if letter["path"] == path:
                return letter

    def asked(self):
        """Paths of all that was posted so far and not asked for before."""
        found = []
        while not self.lines.empty():
            found.append(self.lines.get()["path"])
        return found

    def end(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.reader.join()
        self.process.stdout.close()
