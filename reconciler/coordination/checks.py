"""Checks of the state directory: is it ours to write, on a disk of this machine with room, and who works on it."""

import os
import re
import tempfile
from pathlib import Path
from typing import Final

from reconciler.coordination.alone import holder_of
from reconciler.ports.checks import BlockingCheck, Sign, fail, ok, warn

FREE_WARN_BYTES: Final = 256 * 1024 * 1024
"""Some times what the journal ever takes."""
FREE_FAIL_BYTES: Final = 16 * 1024 * 1024
_MIB: Final = 1024 * 1024
_REMOTE: Final = re.compile(r"nfs\d?|cifs|smb.*|9p|afs|ceph|glusterfs|lustre|fuse\..*|fuse|virtiofs|beegfs|ocfs2|gfs2")
"""File systems that others may write at the same time, or whose locks hold on one machine alone."""
_MOUNTS: Final = Path("/proc/self/mountinfo")
_OTHERS: Final = 0o007
"""The group is nobody else's where a cluster gives the volume to one of its own."""


def state_checks(state: Path) -> tuple[BlockingCheck, ...]:
    """Return the checks of a state directory, which need not be there yet."""

    def look() -> tuple[Sign, ...]:
        there = _nearest(state)
        return (_writable(state, there), _room(there), local_sign(there, _file_system(there)), *_holder(state))

    return (BlockingCheck(about="state", look=look),)


def _nearest(path: Path) -> Path:
    """Return the path, or the directory that is there of those above it."""
    whole = path.absolute()
    return next(each for each in (whole, *whole.parents) if os.path.lexists(each))


def _writable(state: Path, there: Path) -> Sign:
    elsewhere = "Give it to this user, or name another directory with --state DIR."
    try:
        with tempfile.NamedTemporaryFile(dir=there, prefix=".doctor-"):
            pass
    except OSError as error:
        return fail("state", f"nothing can be written in {there}: {error.strerror}", elsewhere)
    if there != state.absolute():
        return ok("state", f"{state} is made at the first start, in {there}")
    mode = state.stat().st_mode
    if mode & _OTHERS:
        said = f"{state} has mode {mode & 0o777:04o}, so others of this machine may look into it; it may hold keys"
        return warn("state", said, f"chmod 0700 {state}")
    return ok("state", f"{state} can be written, and only by this user")


def _room(there: Path) -> Sign:
    disk = os.statvfs(there)
    # Some file systems have no bound of files, and say 0 of 0.
    has_files_left = disk.f_favail > 0 or disk.f_files == 0
    return room_sign(there, free_bytes=disk.f_bavail * disk.f_frsize, has_files_left=has_files_left)


def room_sign(there: Path, *, free_bytes: int, has_files_left: bool) -> Sign:
    """Return whether a disk has room for what is written down."""
    said = f"{free_bytes // _MIB} MiB are free at {there}"
    if not has_files_left:
        return fail("disk", f"{said}, and not one file more", "Delete files that nobody needs.")
    if free_bytes < FREE_FAIL_BYTES:
        return fail("disk", said, f"Make room: less than {FREE_FAIL_BYTES // _MIB} MiB hold no journal.")
    if free_bytes < FREE_WARN_BYTES:
        return warn("disk", said, "Make room: on a full disk nothing is written down, and no secret can be kept.")
    return ok("disk", said)


def local_sign(there: Path, kind: str) -> Sign:
    """Return whether a file system is one of this machine; "" where its kind is not known."""
    if _REMOTE.fullmatch(kind):
        said = f"{there} is on {kind}, where locks and the journal's database are not reliable"
        return warn("file system", said, "Name a directory on a disk of this machine with --state DIR.")
    return ok("file system", f"{kind or 'its kind is not known'} at {there}")


def _file_system(path: Path) -> str:
    """Return the kind of file system that a path is on; "" where it cannot be known."""
    device = path.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    found = ""
    try:
        lines = _MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        # Source: proc_pid_mountinfo(5). The third field is the device; the kind follows a hyphen.
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted and after:
            found = after.split()[0]
    return found


def _holder(state: Path) -> tuple[Sign, ...]:
    try:
        holder = holder_of(state)
    except OSError:
        # It cannot be opened, which is told already.
        return ()
    if holder is None:
        return (ok("lock", "nobody is at work on the state directory"),)
    verb = f", a `reconciler {holder.verb}`" if holder.verb else ""
    said = f"held by process {holder.pid}{verb}: another `run` or `relay` with this state directory is refused"
    return (ok("lock", said),)
