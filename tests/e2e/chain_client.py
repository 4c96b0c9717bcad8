"""How a test starts the chain stand-in and the `inferenced` stand-in, and tells them what to do."""
import base64
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))


class ChainStandin:
    """A running chain stand-in. As a context manager it is ended at the end."""

    def __init__(self, **options):
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "chain_standin.py"), json.dumps(options)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        start = json.loads(self.process.stdout.readline())
        self.control = start["control"]
        self.chain_id = start["chain_id"]
        self.nodes = start["nodes"]
        self.validators = start["validators"]

    def __enter__(self):
        return self

    def __exit__(self, *_what):
        self.close()

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def ask(self, do, **words):
        """The answer to one command, whether it was carried out or not."""
        self.process.stdin.write(json.dumps({"do": do, **words}).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def do(self, do, **words):
        """The answer to a command that must be carried out."""
        answer = self.ask(do, **words)
        assert answer["ok"], answer
        return answer

    def get(self, path, node=0, entrance="proxy", timeout_s=10):
        """(status, body as text) of a request to one node; redirections are not followed."""
        try:
            with OPENER.open(self.nodes[node][entrance] + path, timeout=timeout_s) as reply:
                return reply.status, reply.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(errors="replace")

    def json(self, path, node=0, entrance="proxy"):
        """The body of an answer that must be a good one."""
        status, body = self.get(path, node, entrance)
        assert status == 200, (path, status, body)
        return json.loads(body)


class Unmoved(urllib.request.HTTPRedirectHandler):
    """Leaves redirections to the test."""

    def redirect_request(self, *_what):
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), Unmoved)


class Inferenced:
    """An `inferenced` in a folder; its configuration can be changed between calls."""

    def __init__(self, folder, chain, **config):
        self.path = os.path.join(str(folder), "inferenced")
        self.record = os.path.join(str(folder), "inferenced.calls")
        shutil.copy(os.path.join(HERE, "inferenced_standin.py"), self.path)
        os.chmod(self.path, 0o755)
        self.config = {"control": chain.control, "record": self.record, "password": "correct horse",
                       "keys": {"cold": chain.validators[0]["account"], "warm": chain.validators[0]["warm"]},
                       "node_key": chain.validators[0]["key"], "node": chain.nodes[0]["rpc"]}
        self.configure(**config)

    def configure(self, **config):
        self.config.update(config)
        with open(self.path + ".json", "w", encoding="utf-8") as out:
            json.dump(self.config, out)

    def run(self, *argv, stdin=""):
        """The finished process of one call."""
        return subprocess.run([self.path, *argv], input=stdin, capture_output=True, text=True, timeout=60, check=False)

    def calls(self):
        """What was recorded so far, oldest first."""
        if not os.path.exists(self.record):
            return []
        with open(self.record, encoding="utf-8") as file:
            return [json.loads(line) for line in file]


def some_key(number):
    """An ed25519 public key in base64 that no validator of the stand-in has."""
    return base64.b64encode(bytes([number]) * 32).decode()
