"""What the bars about speed share: the tools that measure, the servers beside which Vanus is measured, and
the servers and folders of one run."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

from common import TARGET, Daemon, Short, cargo, free_port, say

ROUNDS = 3
SECONDS = {True: 9, False: 2}
PEER_EVENTS = {True: 600_000, False: 80_000}
ONE_EVENTS = {True: 9_000, False: 2_000}
KIB_EVENT = 1024


def installed(program, package):
    if shutil.which(program) is None and not pathlib.Path("/usr/sbin", program).exists():
        say(f"installing {package}")
        subprocess.run(["apt-get", "install", "-y", "-qq", package], check=True, capture_output=True)
    return shutil.which(program) or f"/usr/sbin/{program}"


def binary(package, name):
    """A release program: from the folder `BARS_RELEASE`, or built here."""
    folder = os.environ.get("BARS_RELEASE")
    if folder:
        return str(pathlib.Path(folder) / name)
    cargo("build", "--release", "-p", package, "--bin", name)
    return str(TARGET / "release" / name)


def output_of(command):
    """What a program prints, which is JSON."""
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Short(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def say_figures(what, figures):
    """One line, so that a run is followed while it goes on."""
    say(f"{what}: {json.dumps(figures)}")


class Peer:
    """A server of somebody else, on a port of its own, ended by its process id."""

    def __init__(self, command, port, log):
        self.port = port
        with open(log, "wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        time.sleep(1.0)
        self.alive = self.process.poll() is None

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


def start_peers(place):
    """Debian's redis-server with both policies, and its nats-server as far as it knows them."""
    peers = {}
    for policy in ("always", "everysec"):
        folder, port = place / f"redis-{policy}", free_port()
        folder.mkdir()
        command = [installed("redis-server", "redis-server"), "--port", str(port), "--dir", str(folder)]
        command += ["--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--appendfsync", policy]
        peers[f"Redis {policy}"] = ("redis", Peer(command, port, place / f"redis-{policy}.log"))
    for name, sync in (("NATS default", ""), ("NATS always", "sync_interval: always")):
        port, folder = free_port(), place / name.replace(" ", "-")
        config = place / f"{folder.name}.conf"
        # By default it closes the connection of a consumer that has 64 MB to come.
        text = f'listen: "127.0.0.1:{port}"\nmax_pending: 2GB\njetstream {{ store_dir: "{folder}"\n{sync} }}\n'
        config.write_text(text)
        command = [installed("nats-server", "nats-server"), "-c", str(config)]
        peer = Peer(command, port, place / f"{folder.name}.log")
        if peer.alive:
            peers[name] = ("nats", peer)
        else:
            say(f"note: this nats-server does not know \"{sync}\"; {name} is left out")
    return peers


class Bench:
    """One run: its folder, and what is started when it is first needed and ended at the end."""

    def __init__(self, place, full):
        self.place, self.full = pathlib.Path(place), full
        self.seconds = f"{SECONDS[full]}s"
        self.vsctl = binary("vsctl", "vsctl")
        self.peer_bench = binary("vanus-tests", "peer-bench")
        self.running, self.peers = None, None
        # Whoever ends a run early ends its servers too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.running is not None:
            self.running.stop()
        for _, peer in (self.peers or {}).values():
            peer.stop()

    def daemon(self):
        if self.running is None:
            self.running = Daemon(self.place / "data", "--log-level=warn")
            self.running.start()
        return self.running

    def command(self, *words, daemon=None):
        """The command line of `vsctl bench` against a daemon."""
        endpoint = f"127.0.0.1:{(daemon or self.daemon()).quic}"
        return [self.vsctl, "--endpoint", endpoint, "bench", *words, "--json"]

    def ours(self, *words, daemon=None):
        return output_of(self.command(*words, daemon=daemon))

    def alone(self, *words):
        """The same where no daemon is measured."""
        return output_of([self.vsctl, "bench", *words, "--json"])

    def embedded(self, what, *words):
        return self.alone(what, *words, "--embedded", str(self.place / "embedded"))

    def peer(self, name, row):
        kind, peer = self.peers[name]
        events = {"one": ONE_EVENTS[self.full], "latency": 5_000 * SECONDS[self.full]}
        command = [self.peer_bench, "--peer", kind, "--address", f"127.0.0.1:{peer.port}", "--row", row]
        return output_of([*command, "--events", str(events.get(row, PEER_EVENTS[self.full]))])

    def side_by_side(self, ours, row, peers):
        """Measures ours and each peer in turn; answers (rate, p50, p99) by who, and our reports."""
        if self.peers is None:
            self.peers = start_peers(self.place)
        figures, reports = {}, []
        for _ in range(ROUNDS):
            reports.append(self.ours(*ours))
            mine = reports[-1]["rows"][-1]
            told = (mine["events_per_s"], mine["p50_us"], mine["p99_us"])
            figures.setdefault("Vanus", []).append(told)
            for peer in peers:
                if peer not in self.peers:
                    continue
                his = self.peer(peer, row)
                told = (his["rate"], his.get("p50_us"), his.get("p99_us"))
                figures.setdefault(peer, []).append(told)
        return {who: medians(rounds) for who, rounds in figures.items()}, reports

    def limits(self):
        """What disk and loopback do at best, in MB/s and µs."""
        disk = self.alone("disk", "--dir", str(self.place), "--writes", "400", "--sequential-mib", "128")
        network = self.alone("loopback", "--duration", "500ms")
        return disk["rows"], network["rows"]


def row_of(report, name):
    """The first row of this name."""
    return next(row for row in report["rows"] if name in row["name"])


def medians(rounds):
    columns = zip(*rounds)
    return [statistics.median(c) if None not in c else None for c in map(list, columns)]


def median_of(reports, name, key):
    return statistics.median(row_of(report, name)[key] for report in reports)


def resident(pid):
    """What a process has in memory now, and the most it ever had, in MB."""
    sizes = {}
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, rest = line.partition(":")
        if key in ("VmRSS", "VmHWM"):
            sizes[key] = int(rest.split()[0]) * 1024 / 1e6
    return sizes["VmRSS"], sizes["VmHWM"]


def metric(daemon, name):
    """A figure of the store, as the daemon tells it at /metrics."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.metrics, timeout=5)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    found = re.search(rf"^vanus_segment_server_{name} (\d+)", text, re.MULTILINE)
    if found is None:
        raise Short(f"the daemon does not tell its {name}")
    return int(found[1])


def asked_for(flag):
    """The value of a flag of the command line, if it was given."""
    words = sys.argv[1:]
    for index, word in enumerate(words):
        if word == flag and index + 1 < len(words):
            return words[index + 1]
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
    return None
