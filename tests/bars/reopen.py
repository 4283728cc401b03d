"""How long a daemon takes until it is ready: after a clean stop, and after the power went amid publishing."""

import subprocess
import time

from bench import KIB_EVENT, metric, output_of
from common import Daemon, Short
from volume import Volume, forget_cache

EVENTBUS = "reopened"
EVENTLOGS = 8
# How long it is watched how full the log gets, and how long the power may wait for that to come again.
WATCHED, WAITED = 5.0, 20.0
# Room for what is published meanwhile.
AMID_LOAD_GIB = 12


def reopening(bench, gib):
    """Fills a data directory with so much and opens it twice; answers figures by name.

    Nothing of the data is in the page cache when it is opened. The data is on an ext4 file system in a
    file; the power of that goes while events are published as fast as they are taken, when the log holds
    as many files as it ever does: the file system is shut down (nothing more is written, the journal
    neither), the daemon ends by kill -9, and the file system is mounted again.
    """
    events = gib * 2**30 // KIB_EVENT
    with Volume(bench.place, gib + AMID_LOAD_GIB) as volume:
        daemon = Daemon(volume.folder / "data", "--log-level=warn")
        daemon.log = bench.place / "reopened.log"
        with daemon:
            daemon.create_eventbus(EVENTBUS, EVENTLOGS)
            publish = ["publish", "--eventbus", EVENTBUS, "--count", str(events), "--durability", "page-cache"]
            bench.ours(*publish, daemon=daemon)
            daemon.stop()
            forget_cache()
            clean = daemon.start()
            counted(bench, daemon, events)
            files = cut_amid_load(bench, daemon, volume)
            volume.unmount()
            forget_cache()
            volume.mount()
            lost_power = daemon.start()
            counted(bench, daemon, events)
    return {"clean_s": clean, "power_s": lost_power, "wal_files": files, "gib": gib}


def counted(bench, daemon, least):
    """Every event of the filling is there."""
    command = [bench.vsctl, "--endpoint", f"127.0.0.1:{daemon.quic}", "--format", "json"]
    info = output_of([*command, "eventbus", "info", "--name", EVENTBUS])
    found = sum(log["end_offset"] for log in info["logs"])
    if found < least:
        raise Short(f"{found} of {least} events were there when it was open again")


def cut_amid_load(bench, daemon, volume):
    """Cuts the power when the log is full; answers how many files it had."""
    publish = ["publish", "--eventbus", EVENTBUS, "--duration", "60s"]
    command = bench.command(*publish, daemon=daemon)
    load = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        begun, most = time.monotonic(), 0
        while True:
            files, waited = metric(daemon, "wal_files"), time.monotonic() - begun
            if load.poll() is not None:
                raise Short("the publisher ended before the power went")
            if (waited > WATCHED and files >= most) or waited > WATCHED + WAITED:
                volume.cut_power()
                daemon.process.kill()
                daemon.process.wait()
                return files
            most = max(most, files)
            time.sleep(0.01)
    finally:
        load.kill()
        load.wait()

