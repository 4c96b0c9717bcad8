"""The embedded demo host: a deploy directory and a NATS server with a backlog, as they are on a host half a year old.

    world.py make DEPLOY_DIR             make the directory, and the streams in DEPLOY_DIR/.dapi/.nats
    world.py look DEPLOY_DIR PORT        what is there now, as JSON
    world.py compare BEFORE AFTER        two such files side by side, for people; 1 when the chores were not done
    world.py recreate PORT STREAM        delete a stream, create it without a lifetime, wait until it has one again
    world.py settled COMMAND...          repeat `gonka-agent status --json ...` until every task has had its first run
"""
import datetime
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import deploy  # noqa: E402
import streams  # noqa: E402

HOMES = (".inference", ".dapi")


def show_name(name):
    """A file's name with what cannot be printed as \\xNN."""
    return "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in os.fsencode(name))


def measure(path):
    """What kind of thing it is, its length, and the room that it takes on the disk."""
    if os.path.islink(path):
        return {"kind": "symlink", "bytes": 0, "disk_bytes": 0}
    if not os.path.isdir(path):
        return {"kind": "file", "bytes": os.path.getsize(path), "disk_bytes": os.stat(path).st_blocks * 512}
    size = disk = 0
    for folder, _, names in os.walk(path):
        for name in names:
            state = os.lstat(os.path.join(folder, name))
            size += state.st_size
            disk += state.st_blocks * 512
    return {"kind": "folder", "bytes": size, "disk_bytes": disk}


def look(deploy_dir, port):
    """All that the demo's chores may change, and the data that they must not."""
    folders = {}
    for home in HOMES:
        for name in sorted(os.listdir(os.path.join(deploy_dir, home))):
            if name.startswith("data") or "data-backup" in name:
                folders[f"{home}/{show_name(name)}"] = measure(os.path.join(deploy_dir, home, name))
    return {"at": time.time(), "streams": streams.look(port), "folders": folders}


def size_text(count):
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def span_text(seconds):
    if seconds >= 2 * 86400:
        return f"{seconds / 86400:.1f} d"
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def first_age(stream, at):
    if not stream["messages"]:
        return "-"
    text = stream["first"].split(".")[0].rstrip("Z")
    first = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return span_text(at - first.timestamp())


def compare_streams(before, after, out):
    out.write(f"{'stream':<26}{'messages':>16}{'size':>22}{'oldest message':>20}{'lifetime':>16}\n")
    for name, old in before["streams"].items():
        new = after["streams"][name]
        age = [span_text(s["max_age_ns"] / 1e9) if s["max_age_ns"] else "none" for s in (old, new)]
        out.write(f"{name:<26}{old['messages']:>7} -> {new['messages']:>5}"
                  f"{size_text(old['bytes']):>11} -> {size_text(new['bytes']):>7}"
                  f"{first_age(old, before['at']):>10} -> {first_age(new, after['at']):>6}{age[0]:>7} -> {age[1]:>5}\n")


def compare_folders(before, after, out):
    out.write(f"\n{'folder':<40}{'length':>10}{'on disk':>10}   after\n")
    freed = freed_disk = 0
    for name, old in before["folders"].items():
        gone = name not in after["folders"]
        what = "gone" if gone else "changed" if after["folders"][name] != old else "as before"
        out.write(f"{name:<40}{size_text(old['bytes']):>10}{size_text(old['disk_bytes']):>10}   {what}"
                  f"{'' if old['kind'] == 'folder' else ', a ' + old['kind']}\n")
        freed += old["bytes"] if gone else 0
        freed_disk += old["disk_bytes"] if gone else 0
    for name in after["folders"]:
        if name not in before["folders"]:
            out.write(f"{name:<60}   new\n")
    out.write(f"{len(before['folders'])} -> {len(after['folders'])} entries, {size_text(freed)} gone "
              f"({size_text(freed_disk)} on disk: the demo's databases are mostly holes)\n")


def faults(before, after):
    """What the chores left undone, or did beyond their task."""
    found = [f"stream {name} has no lifetime" for name, stream in after["streams"].items() if not stream["max_age_ns"]]
    if not set(before["folders"]) - set(after["folders"]):
        found.append("no old backup is gone")
    for name, old in before["folders"].items():
        if after["folders"].get(name) != old and (old["kind"] != "folder" or name.endswith("/data")):
            found.append(f"{name} was touched")
    return found + [f"{name} was left behind" for name in after["folders"] if name not in before["folders"]]


def recreate(port, name, deadline_s=30):
    """What the API container does when its store was lost. Gives the seconds until the lifetime is back."""
    with streams.Nats(port) as nats:
        nats.ask(f"$JS.API.STREAM.DELETE.{name}")
        nats.ask(f"$JS.API.STREAM.CREATE.{name}", {"name": name, "subjects": [name], "storage": "file"})
        begun = time.monotonic()
        while time.monotonic() < begun + deadline_s:
            if nats.ask(f"$JS.API.STREAM.INFO.{name}")["config"].get("max_age"):
                return time.monotonic() - begun
            time.sleep(0.005)
    raise RuntimeError(f"{name} has no lifetime {deadline_s} s after it was re-created")


def unsettled(status):
    """Tasks that run by themselves and have neither ended once nor (resident ones) begun to serve. Those that only an
    event starts may never run."""
    return [f"{plugin['name']} {task['name']}" for plugin in status["plugins"] for task in plugin["tasks"]
            if task["trigger"].startswith(("always", "every")) and not task["last"]
            and not (task["trigger"].startswith("always") and task["state"] == "running" and status["ready"])]


def settle(command, deadline_s=120):
    """Waits; says what it waits for when that changes."""
    until = time.monotonic() + deadline_s
    told = None
    while True:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
        waits = unsettled(json.loads(done.stdout))
        if waits != told:
            print(f"waiting for: {', '.join(waits)}" if waits else "every task has had its first run", flush=True)
            told = waits
        if not waits:
            return
        if time.monotonic() > until:
            raise RuntimeError(f"no first run within {deadline_s} s: {', '.join(waits)}")
        time.sleep(0.1)


def main(words):
    if len(words) == 2 and words[0] == "make":
        deploy.make(words[1])
        streams.build(os.path.join(words[1], ".dapi", ".nats"))
    elif len(words) == 3 and words[0] == "look":
        json.dump(look(words[1], int(words[2])), sys.stdout, indent=1)
    elif len(words) == 3 and words[0] == "compare":
        with open(words[1], encoding="utf-8") as old, open(words[2], encoding="utf-8") as new:
            before, after = json.load(old), json.load(new)
        compare_streams(before, after, sys.stdout)
        compare_folders(before, after, sys.stdout)
        for fault in faults(before, after):
            print(f"not as it should be: {fault}")
        return 1 if faults(before, after) else 0
    elif len(words) == 3 and words[0] == "recreate":
        print(f"{words[2]} was re-created without a lifetime, and had it again {recreate(int(words[1]), words[2]):.2f} s later")
    elif len(words) >= 2 and words[0] == "settled":
        settle(words[1:])
    else:
        sys.stderr.write(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
