"""What the bars over sweeps of the storage tests share."""

import os
import subprocess
import sys
import time

from common import ROOT, Short, say


def sweep(test, stride):
    """Runs an ignored test of vanus-storage over its slice; answers what it printed.

    The slice moves by one case each day, so that runs for every change meet every case in the end.
    """
    full = "--full" in sys.argv[1:]
    seed = int(os.environ.get("BARS_SEED", time.time() // 86400))
    environment = {**os.environ, "VANUS_SWEEP": str(stride[full]), "VANUS_SEED": str(seed)}
    if full:
        # Half a million openings of a store: worth a build of their own.
        environment["CARGO_PROFILE_TEST_OPT_LEVEL"] = "2"
    command = ["cargo", "test", "-p", "vanus-storage", "--test", "it", test]
    command += ["--", "--ignored", "--nocapture", "--test-threads=1"]
    say(f"{test}: every {stride[full]}, seed {seed}")
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    for line in done.stdout.splitlines():
        if line.startswith(("bits of", "lengths of", "verify of", "calls,")):
            say(line)
    if done.returncode != 0 or "test result: ok. 0 passed" in done.stdout:
        raise Short(f"{' '.join(command)} (seed {seed}):\n{done.stdout[-6000:]}")
    return done.stdout
