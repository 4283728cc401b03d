"""What the bars share: building, starting and stopping the real daemon, and talking to it."""

import http.client
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
CACHE = TARGET / "bars"
SUITES = pathlib.Path(os.environ.get("VANUS_SUITES", ROOT.parent / "shared" / "suites"))
STARTED_WITHIN = 30.0
STOPPED_WITHIN = 30.0


class Short(Exception):
    """The bar falls short; the text says of what."""


def say(text):
    print(text, flush=True)


def finish(bar, run):
    """Runs a bar: its figure is the last line, and its exit code says whether it is reached."""
    try:
        figure = run()
    except Short as short:
        say(f"bar {bar} falls short: {short}")
        sys.exit(1)
    say(f"bar {bar} reached: {figure}")


def cargo(*arguments, env=None):
    """Runs cargo in the repository; its output is shown only when it fails."""
    command = ["cargo", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        raise Short(f"{' '.join(command)}:\n{done.stdout[-6000:]}")


def vanus_binary():
    """The daemon: `BARS_DAEMON`, or built here for release."""
    given = os.environ.get("BARS_DAEMON")
    if given:
        return pathlib.Path(given)
    cargo("build", "--release", "--bin", "vanus")
    return TARGET / "release" / "vanus"


def tool_binary(name):
    """A program of the tests: from the folder `BARS_TOOLS`, or built here."""
    given = os.environ.get("BARS_TOOLS")
    if given:
        return pathlib.Path(given) / name
    cargo("build", "-p", "vanus-tests", "--bin", name)
    return TARGET / "debug" / name


def python_with(name, packages):
    """The interpreter of a folder of its own into which packages of PyPI are installed."""
    folder = CACHE / name
    python = folder / "bin" / "python"
    stamp = folder / "installed"
    if not stamp.exists() or stamp.read_text() != repr(packages):
        pip = [python, "-m", "pip", "install", "--quiet", *packages]
        for command in [[sys.executable, "-m", "venv", "--clear", folder], pip]:
            done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
            if done.returncode != 0:
                raise Short(f"{name}: {done.stderr[-3000:]}")
        stamp.write_text(repr(packages))
    return python


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    """A Vanus daemon of our own on loopback ports of its own, ended by its process id."""

    def __init__(self, data_dir, *more):
        self.http = free_port()
        self.quic = free_port(socket.SOCK_DGRAM)
        self.metrics = free_port()
        self.data_dir = pathlib.Path(data_dir)
        self.log = self.data_dir.parent / f"{self.data_dir.name}.log"
        self.command = [
            str(vanus_binary()),
            "start",
            f"--data-dir={self.data_dir}",
            f"--http=127.0.0.1:{self.http}",
            f"--quic=127.0.0.1:{self.quic}",
            f"--metrics=127.0.0.1:{self.metrics}",
            *more,
        ]
        self.process = None

    def start(self):
        """Starts it; answers in how many seconds it was ready."""
        said = "nothing"
        with open(self.log, "ab") as log:
            begun = time.monotonic()
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        while time.monotonic() - begun < STARTED_WITHIN:
            if self.process.poll() is not None:
                raise Short(f"the daemon ended with {self.process.returncode}:\n{self.tail()}")
            try:
                status, said = self.probe("/readyz", timeout=1)
            except OSError as error:
                status, said = None, str(error)
            if status == 200:
                return time.monotonic() - begun
            time.sleep(0.005)
        self.stop()
        raise Short(f"not ready in {STARTED_WITHIN} s: {said}\n{self.tail()}")

    def probe(self, path, timeout=10):
        """Status and text of a health page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def ready(self):
        try:
            return self.probe("/readyz", timeout=1)[0] == 200
        except OSError:
            return False

    def stop(self):
        """Asks it to drain and end, and sees to it that it does."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Short("the daemon did not end on SIGTERM") from None

    def tail(self):
        return self.log.read_text(errors="replace")[-3000:]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, _value, _trace):
        if kind is None:
            self.stop()
        else:
            self.process.kill()
            self.process.wait()

    def ask(self, method, path, body=None, headers=None):
        """A request; answers the status and the body, decoded where it is JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=30)
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("content-type", "application/json")
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if "json" in (answer.getheader("content-type") or "") and data:
            return answer.status, json.loads(data)
        return answer.status, data

    def must(self, method, path, body=None):
        """The same, for a request that must succeed."""
        status, answer = self.ask(method, path, body)
        if status >= 300:
            raise Short(f"{method} {path}: {status} {answer}")
        return answer

    def create_eventbus(self, name, eventlogs=1):
        spec = {"name": name, "eventlogs": eventlogs}
        return self.must("POST", "/api/v1/namespaces/default/eventbuses", spec)

    def create_subscription(self, name, eventbus, sink, **config):
        config = {"start_from": "earliest", **config}
        spec = {"name": name, "namespace": "default", "eventbus": eventbus, "sink": sink}
        return self.must("POST", "/api/v1/subscriptions", {**spec, "config": config})

    def read_eventbus(self, name):
        """Every event that an eventbus still has: (eventlog, offset, event in JSON)."""
        path = f"/api/v1/namespaces/default/eventbuses/{name}"
        events = []
        for log in self.must("GET", path)["logs"]:
            eventlog, offset = log["id"], log["start_offset"]
            while True:
                query = f"eventlog={eventlog}&offset={offset}&number=500"
                answer = self.must("GET", f"{path}/events?{query}")
                for item in answer["events"]:
                    events.append((item["eventlog"], item["offset"], item["event"]))
                if not answer["events"]:
                    break
                offset = answer["next_offset"]
        return events


class Workplace:
    """A folder for one run, removed afterwards unless the run fails."""

    def __init__(self, name):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=f"vanus-{name}-"))

    def __enter__(self):
        return self.path

    def __exit__(self, kind, _value, _trace):
        if kind is None:
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            say(f"left for a look: {self.path}")


class Sink:
    """An HTTP sink that keeps every request it gets: (method, headers in order, body)."""

    def __init__(self):
        requests = self.requests = []
        arrived = self.arrived = threading.Condition()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                with arrived:
                    requests.append((self.command, self.headers.items(), body))
                    arrived.notify_all()
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, done, seconds=30.0):
        """Waits until `done(requests)`; answers whether it came to that."""
        with self.arrived:
            return self.arrived.wait_for(lambda: done(self.requests), seconds)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def wait_until(done, what, seconds=30.0):
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            raise Short(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.02)
