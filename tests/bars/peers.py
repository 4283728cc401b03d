"""The brokers beside which Vanus is measured: NATS and Redis as Debian has them."""

import json
import os
import shutil
import socket
import subprocess
import time

from common import TARGET, Short, cargo, free_port, say

PACKAGES = {"nats-server": "nats-server", "redis-server": "redis-server"}


def install():
    """Installs what is missing."""
    missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    if not missing:
        return
    say(f"installing {' '.join(missing)}")
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", *missing]):
        subprocess.run([*sudo, "apt-get", *command], env=env, check=True, stdout=subprocess.DEVNULL)


def load_generator():
    cargo("build", "--release", "-p", "vanus-tests", "--bin", "peer-bench")
    return TARGET / "release" / "peer-bench"


class Server:
    """A broker of our own on a loopback port of its own, ended by its process id."""

    def __init__(self, name, place, port, command):
        self.name = name
        self.address = f"127.0.0.1:{port}"
        self.log = place / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    text = self.log.read_text(errors="replace")[-2000:]
                    raise Short(f"{name} did not start:\n{text}") from None
                time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def nats(place):
    """JetStream with its default: files, synced every two minutes."""
    port = free_port()
    place.mkdir()
    (place / "store").mkdir()
    config = place / "nats.conf"
    config.write_text(
        f'listen: 127.0.0.1:{port}\njetstream {{ store_dir: "{place / "store"}" }}\n'
    )
    return Server("NATS", place, port, ["nats-server", "-c", str(config)])


def redis(place, appendfsync):
    """An append-only file that is synced `always` or `everysec`, and no snapshots."""
    port = free_port()
    place.mkdir()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(place)]
    command += ["--appendonly", "yes", "--appendfsync", appendfsync, "--save", ""]
    return Server(f"Redis, {appendfsync}", place, port, command)


def measure(generator, server, row, events, window):
    """One run of one row; answers the figures."""
    kind = "nats" if server.name == "NATS" else "redis"
    command = [generator, "--peer", kind, "--address", server.address, "--row", row]
    command += ["--events", events, "--window", window]
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=600
    )
    if done.returncode != 0:
        raise Short(f"{server.name}, {row}: {done.stderr[-500:]}")
    return json.loads(done.stdout)


def versions():
    def first(command):
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()

    redis_version = first(["redis-server", "--version"]).split("v=")[1].split()[0]
    return {
        "NATS": first(["nats-server", "--version"]).split()[-1].lstrip("v"),
        "Redis": redis_version,
    }
