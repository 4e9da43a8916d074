"""The file beside a target while it is being written, so that under the target's name there is never half of it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

_BEGIN_SYNC_AFTER = 32 * 2**20


class PartFile:
    """``<target>.part``. The methods block, are called in threads, and raise OSError.

    A cancelled awaiter leaves its thread running, so each method holds the lock and does nothing once all was given up.
    The file itself is locked too: what is found unlocked is left over from a process that died.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._path = target.parent / f"{target.name}.part"
        self._lock = threading.Lock()
        self._hash_lock = threading.Lock()
        self._hash = hashlib.sha256()
        self._unsynced = 0
        self._descriptor: int | None = None
        self._done = False

    @property
    def sha256(self) -> str:
        """Of what was hashed so far, in hex."""
        return self._hash.hexdigest()

    def open(self) -> None:
        """Create it, in the place of a stale one; never through a link, never over what another download writes."""
        with self._lock:
            if self._done:
                return
            try:
                self._descriptor = self._created()
            except FileExistsError:
                self._remove_stale()
                self._descriptor = self._created()
            with suppress(OSError):  # some network file systems have no locks
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _created(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)

    def _remove_stale(self) -> None:
        found = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(found).st_mode):
                raise FileExistsError(errno.EEXIST, "not a file of ours", str(self._path))
            fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._path.unlink()
        except BlockingIOError as error:
            raise FileExistsError(errno.EEXIST, "another download is writing it", str(self._path)) from error
        finally:
            os.close(found)

    def write(self, piece: bytes | memoryview) -> None:
        """Append. What is appended is to be hashed too, which another thread may do meanwhile."""
        with self._lock:
            rest = memoryview(piece)
            while rest and self._descriptor is not None:
                rest = rest[os.write(self._descriptor, rest) :]
            self._begin_sync(len(piece))

    def hash(self, piece: bytes | memoryview) -> None:
        """Hash what is appended, in its order."""
        with self._hash_lock:
            self._hash.update(piece)

    def _begin_sync(self, size: int) -> None:
        """Let the disk begin with what was written, so that ``sync`` finds little left."""
        self._unsynced += size
        if self._unsynced >= _BEGIN_SYNC_AFTER and self._descriptor is not None:
            self._unsynced = 0
            with suppress(OSError):  # advice that a file system does not take
                os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def restart(self) -> None:
        """Forget what was written."""
        with self._lock:
            if self._descriptor is not None:
                os.ftruncate(self._descriptor, 0)
                os.lseek(self._descriptor, 0, os.SEEK_SET)
        with self._hash_lock:
            self._hash = hashlib.sha256()

    def sync(self) -> None:
        """Wait until it is on the disk."""
        with self._lock:
            if self._descriptor is not None:
                os.fsync(self._descriptor)

    def commit(self) -> None:
        """Give it the target's name. Doing it again does nothing."""
        with self._lock:
            if self._descriptor is None:
                return
            if not self._is_ours(self._descriptor):
                raise OSError(errno.ESTALE, "somebody else replaced it", str(self._path))
            self._path.replace(self._target)
            self._close(self._descriptor)
            with suppress(OSError):  # the result is whole; only the rename may be forgotten in a power cut
                folder = os.open(self._target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)

    def discard(self) -> None:
        """Remove it, unless it was committed. Nothing follows; doing it again does nothing."""
        with self._lock:
            self._done = True
            if self._descriptor is not None:
                with suppress(OSError):
                    if self._is_ours(self._descriptor):
                        self._path.unlink()
                self._close(self._descriptor)

    def _is_ours(self, descriptor: int) -> bool:
        return os.path.samestat(os.fstat(descriptor), self._path.lstat())

    def _close(self, descriptor: int) -> None:
        self._descriptor = None
        os.close(descriptor)
