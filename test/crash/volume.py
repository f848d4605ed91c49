"""volume.py - a file system of the test's own, which goes with it. For root."""

import os
import pathlib
import shutil
import subprocess
import tempfile

SIZE_MB = 400


class Missing(Exception):
    """The machine has not what the test needs: it is skipped."""


def needs(*programs):
    if os.geteuid() != 0:
        raise Missing("only root may mount")
    for program in programs:
        if shutil.which(program) is None:
            raise Missing(f"{program} is missing")


def call(*words):
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


class Volume:
    """`kind`: ext4 or xfs in a file, or tmpfs."""

    def __init__(self, kind, size_mb=SIZE_MB):
        self.kind = kind
        self.size_mb = size_mb
        self.folder = tempfile.mkdtemp(prefix="largetable-volume-")
        self.image = os.path.join(self.folder, "image")
        self.path = os.path.join(self.folder, "mount")
        self.mounted = False

    def __enter__(self):
        try:
            os.mkdir(self.path)
            if self.kind != "tmpfs":
                with open(self.image, "wb") as file:
                    file.truncate(self.size_mb << 20)
                call(f"mkfs.{self.kind}", "-q", self.image)
            self.mount()
        except BaseException as error:
            self.__exit__()
            if isinstance(error, subprocess.CalledProcessError):
                raise Missing(f"{self.kind} cannot be made and mounted here") from error
            raise
        return self

    def __exit__(self, *_):
        try:
            self.unmount()
        finally:
            if not self.mounted:
                shutil.rmtree(self.folder)

    def mount(self):
        if self.kind == "tmpfs":
            call("mount", "-t", "tmpfs", "-o", f"size={self.size_mb}m", "largetable", self.path)
        else:
            call("mount", "-o", "loop", self.image, self.path)
        self.mounted = True

    def unmount(self):
        if self.mounted:
            call("umount", self.path)
            self.mounted = False

    def lose_power(self):
        """Nothing is written any more, and the log of the file system is not flushed."""
        call("xfs_io", "-x", "-c", "shutdown", self.path)

    def free_mb(self):
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_bsize >> 20

    def fill(self, leave_mb):
        """A file that takes all room but some."""
        call("fallocate", "-l", f"{self.free_mb() - leave_mb}M", os.path.join(self.path, "ballast"))

    def make_room(self):
        pathlib.Path(self.path, "ballast").unlink()
