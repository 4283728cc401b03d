"""A disk in a file, whose power can be cut."""

import fcntl
import os
import pathlib
import struct
import subprocess

from common import Short, say

# EXT4_IOC_SHUTDOWN of Linux, and its flag that says: nothing more is written, not even the journal.
SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2


def run(*command):
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": PATH})
    if done.returncode != 0:
        raise Short(f"{' '.join(command)}: {done.stderr}")
    return done.stdout.strip()


PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


class Volume:
    """An ext4 file system in a file on the disk that is measured, on a loop device that does not cache."""

    def __init__(self, place, gib):
        self.image, self.folder = pathlib.Path(place) / "volume.img", pathlib.Path(place) / "volume"
        self.device, self.mounted = None, False
        self.gib = gib

    def __enter__(self):
        with open(self.image, "wb") as image:
            image.truncate(self.gib * 2**30)
        run("mkfs.ext4", "-q", "-F", self.image)
        self.folder.mkdir(exist_ok=True)
        self.mount()
        return self

    def mount(self):
        self.device = run("losetup", "--direct-io=on", "--find", "--show", self.image)
        run("mount", "-t", "ext4", self.device, self.folder)
        self.mounted = True

    def unmount(self):
        if self.mounted:
            run("umount", self.folder)
            self.mounted = False
        if self.device is not None:
            run("losetup", "--detach", self.device)
            self.device = None

    def cut_power(self):
        """From here on nothing reaches the disk; what was not synced is gone when it is mounted again."""
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(folder)

    def __exit__(self, kind, _value, _trace):
        try:
            self.unmount()
        except Short as short:
            say(f"note: {short}")
        self.image.unlink(missing_ok=True)


def forget_cache():
    """Empties the page cache, so that what comes next is read from the disk."""
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("3")
