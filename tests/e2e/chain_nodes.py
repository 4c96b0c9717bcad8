"""The nodes of the simulated chain: their ports, what each claims, and the ways in which one can misbehave."""
import hashlib
import selectors
import socket
import threading

MANNERS = {"good", "dead", "slow", "trickle", "html", "stale", "catching_up", "wrong_chain", "half", "garbage",
           "redirect",
           "cut", "huge", "blocked", "p2p_dead", "lying_height", "numbers", "strings", "amino", "nested"}


class Door:
    """One listening port. Shut, the port stays this one's and refuses connections."""

    def __init__(self, doorman, host, serve, opened=True):
        self.doorman = doorman
        self.host = host
        self.serve = serve  # called with each connection, in a thread of its own
        self.socket = None
        self.port = 0
        self.opened = None
        self.turn(opened)

    def turn(self, opened):
        if opened == self.opened:
            return
        if self.socket is not None:
            if self.opened:
                self.doorman.selector.unregister(self.socket)
            self.socket.close()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((self.host, self.port))
        self.port = self.socket.getsockname()[1]
        self.opened = opened
        if opened:
            self.socket.listen(256)
            self.socket.setblocking(False)
            self.doorman.selector.register(self.socket, selectors.EVENT_READ, self)


class Doorman:
    """Accepts for all doors in one thread, so that hundreds of nodes cost no thread each."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while True:
            for key, _ in self.selector.select(0.05):
                try:
                    connection, _ = key.data.socket.accept()
                except OSError:  # shut in between, or the caller gone again
                    continue
                connection.setblocking(True)
                threading.Thread(target=key.data.serve, args=(connection,), daemon=True).start()


def hold(connection):
    """A P2P port that is open and silent: waits until the other side has enough."""
    with connection:
        try:
            while connection.recv(4096):
                pass
        except OSError:
            pass


class View:
    """What a node says about the chain when asked now."""

    def __init__(self, height, time, catching_up, chain_id):
        self.height = height
        self.time = time
        self.catching_up = catching_up
        self.chain_id = chain_id


class Node:
    """One node of the chain with its ports: proxy, RPC, REST and P2P."""

    def __init__(self, chain, number, host, serve):
        self.chain = chain
        self.number = number
        self.host = host
        self.node_id = hashlib.sha256(f"{chain.world.chain_id} node {number}".encode()).hexdigest()[:40]
        self.manner = {"good"}
        self.words = {}  # what came with the manner: seconds, blocks, part, to, broken (texts in paths that get a 502),
        #                  lies (text in a path -> what is said instead, merged into the answer)
        self.frozen_at = 0
        self.peer_limit = 1000
        self.connected_ns = 3600 * 10**9  # how long it has had its peers, by its own word
        self.claimed_peers = []  # raw entries that net_info shows after the real ones
        self.listen = None  # claimed listen_addr, None for the real port
        self.proxy = Door(chain.doorman, host, lambda connection: serve(self, "proxy", connection))
        self.rpc = Door(chain.doorman, host, lambda connection: serve(self, "rpc", connection))
        self.rest = Door(chain.doorman, host, lambda connection: serve(self, "rest", connection))
        self.p2p = Door(chain.doorman, host, hold)

    def addresses(self):
        return {"number": self.number, "node_id": self.node_id, "host": self.host,
                "proxy": f"http://{self.host}:{self.proxy.port}", "rpc": f"http://{self.host}:{self.rpc.port}",
                "rest": f"http://{self.host}:{self.rest.port}", "p2p_port": self.p2p.port,
                "p2p": f"tcp://{self.host}:{self.p2p.port}"}

    def listen_addr(self):
        return f"tcp://0.0.0.0:{self.p2p.port}" if self.listen is None else self.listen

    def behave(self, manners, words):
        """From now on in these manners only; ValueError names one that there is not."""
        unknown = set(manners) - MANNERS
        if unknown:
            raise ValueError(f"no such manner: {', '.join(sorted(unknown))}; there are {', '.join(sorted(MANNERS))}")
        self.manner = set(manners)
        self.words = words
        self.frozen_at = self.chain.world.height
        self.peer_limit = words.get("peers", self.peer_limit)
        self.connected_ns = words.get("connected_ns", self.connected_ns)
        self.claimed_peers = words.get("claimed_peers", self.claimed_peers)
        self.listen = words.get("listen_addr", self.listen)
        self.node_id = words.get("node_id", self.node_id)
        alive = "dead" not in self.manner
        for door in (self.proxy, self.rpc, self.rest):
            door.turn(alive)
        self.p2p.turn(alive and "p2p_dead" not in self.manner)

    def view(self):
        """To be called with the world's lock held."""
        world = self.chain.world
        height = world.height
        if "stale" in self.manner:
            height = self.frozen_at - self.words.get("blocks", 0)
        elif "catching_up" in self.manner:
            height = max(1, world.height - self.words.get("blocks", 5000))
        elif "lying_height" in self.manner:
            height += self.words.get("blocks", 1000000)
        chain_id = self.words.get("chain_id", "gonka-testnet") if "wrong_chain" in self.manner else world.chain_id
        return View(height, world.time_of(min(height, world.height)), "catching_up" in self.manner, chain_id)
