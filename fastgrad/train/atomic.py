"""Files that are replaced as a whole: after a crash, a kill or a full disk a path holds the old file or the new one.

The new file is written beside the old one under a name of its own, `.name.0123456789abcdef.saving`, brought to the disk
(fsync), put in the old one's place (rename, which is atomic), and the folder is brought to the disk as well.

Whoever writes holds a lock (flock) on the temporary file, which the system takes away when the process ends, however it
ends. So a temporary file that can be locked belongs to nobody: the next save to the same path removes it, and never one
that is being written, by whichever process, thread or container.
"""

import errno
import fcntl
import os
import re
import secrets
import stat
from contextlib import contextmanager, suppress

__all__ = ["replacing"]

FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def replacing(path, who="save"):
    """A binary file to be written, which takes the place of the one at `path` at the end of the block.

    A block that raises, and a write that fails, leave the old file as it was and no temporary one. A symbolic link
    stays one, and the file it points to is replaced. A new file gets the permissions of any new file, another those of
    the old one. `who`: the function that is named in errors.
    Errors: OSError of the kind that fits (FileNotFoundError for a missing folder, IsADirectoryError, PermissionError
    for a read-only file or folder), naming the path and what to do.

    >>> import os, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = os.path.join(folder.name, "numbers")
    >>> with replacing(path) as file:
    ...     _ = file.write(b"1 2 3")
    >>> os.listdir(folder.name)
    ['numbers']
    >>> folder.cleanup()
    """
    target, old = destination(path, who)
    with told(who, path):
        remove_stale(target)
        fd, temporary = create(target, 0o666 if old is None else stat.S_IMODE(old.st_mode))
    file = os.fdopen(fd, "w+b")
    try:
        yield file
        with told(who, path):
            file.flush()
            if old is not None:
                keep_owner(fd, old)
            synchronize(fd)
            os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        with suppress(OSError):  # what is still in its buffer cannot be written either
            file.close()
        if isinstance(error, OSError):
            raise translated(error, who, path) from None
        raise
    file.close()
    try:
        synchronize_folder(os.path.dirname(target))
    except OSError as error:
        raise OSError(
            error.errno,
            f"{who}: {path} is written, but its folder could not be brought to the disk ({error.strerror}): a power "
            f"cut may bring the old file back",
        ) from None


def destination(path, who):
    """Where to write, and what is known of the file that is there, or None. Refuses what cannot be replaced."""
    target = os.path.realpath(os.fsdecode(path))
    folder = os.path.dirname(target)
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise NotADirectoryError(errno.ENOTDIR, f"{who}: {folder} is a file, not a folder; name a path in a folder")
    if not os.path.isdir(folder):
        home = os.fsdecode(path).startswith("~")
        cure = "give os.path.expanduser(path)" if home else f"make it first: os.makedirs({folder!r})"
        raise FileNotFoundError(errno.ENOENT, f"{who}: the folder {folder} does not exist; {cure}")
    with told(who, path):
        try:
            old = os.stat(target)
        except FileNotFoundError:
            return target, None
    if stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(
            errno.EISDIR, f"{who}: {path} is a folder; name a file in it, {os.path.join(target, 'model.fg')}"
        )
    if not stat.S_ISREG(old.st_mode):
        raise OSError(errno.EINVAL, f"{who}: {path} is no ordinary file (a device, pipe or socket); name another path")
    if not os.access(target, os.W_OK):
        raise PermissionError(
            errno.EACCES, f"{who}: {path} is read-only; save elsewhere, or allow it: chmod u+w {target}"
        )
    return target, old


# -- the temporary file ------------------------------------------------------------------------------------------------
def stem_of(target):
    """What the temporary files of a target begin with: its name, if that leaves room for more, or a part of it."""
    folder, name = os.path.split(target)
    room = 255 - len("..0123456789abcdef.saving")
    raw = os.fsencode(name)
    return folder, name if len(raw) <= room else os.fsdecode(raw[:room])


def create(target, mode):
    """A new locked file beside the target: its descriptor and path."""
    folder, stem = stem_of(target)
    while True:
        path = os.path.join(folder, f".{stem}.{secrets.token_hex(8)}.saving")
        fd = os.open(path, FLAGS, mode)
        try:
            if lock(fd) is not False and is_at(fd, path):
                return fd, path
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)  # somebody who cleans up was faster than the lock, and has removed it


def lock(fd):
    """Whether the file was locked; None where the file system has no locks."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def is_at(fd, path):
    """Whether the open file is the one of that path."""
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(fd), there)


def remove_stale(target):
    """Removes what processes that have died in a save to the same target have left."""
    folder, stem = stem_of(target)
    pattern = re.compile(rf"\.{re.escape(stem)}\.[0-9a-f]{{16}}\.saving")
    try:
        names = [name for name in os.listdir(folder) if pattern.fullmatch(name)]
    except PermissionError:  # a folder that may be written and not be read
        return
    for name in names:
        path = os.path.join(folder, name)
        with suppress(OSError):  # it has gone, or is somebody else's
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if lock(fd) and is_at(fd, path):
                    os.unlink(path)
            finally:
                os.close(fd)


def keep_owner(fd, old):
    """The permissions of the old file, and its owner and group where the process may give files away."""
    now = os.fstat(fd)
    if (now.st_uid, now.st_gid) != (old.st_uid, old.st_gid):
        with suppress(PermissionError):
            os.fchown(fd, old.st_uid, old.st_gid)
    os.fchmod(fd, stat.S_IMODE(old.st_mode))


# -- to the disk -------------------------------------------------------------------------------------------------------
def synchronize(fd):
    """To the disk itself: on macOS fsync reaches the disk's own memory only, and F_FULLFSYNC the disk."""
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        with suppress(OSError):
            fcntl.fcntl(fd, full)
            return
    os.fsync(fd)


def synchronize_folder(folder):
    """The entry of a file in its folder; some file systems do that by themselves and refuse the call."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        return
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(fd)


# -- errors ------------------------------------------------------------------------------------------------------------
@contextmanager
def told(who, path):
    """Errors of the system in the words of `translated`."""
    try:
        yield
    except OSError as error:
        raise translated(error, who, path) from None


def translated(error, who, path):
    """An error of the system, of its own kind, that names the path and what to do."""
    if error.errno is None or str(error.strerror).startswith(f"{who}: "):
        return error
    folder = os.path.dirname(os.path.realpath(os.fsdecode(path)))
    if error.errno in FULL:
        why, fix = f"the disk (or the quota) of {folder} is full", "make room or save elsewhere"
    elif error.errno == errno.EFBIG:
        why, fix = "the file is larger than this process may write", "raise the limit (ulimit -f) or save elsewhere"
    elif error.errno in (errno.EACCES, errno.EPERM):
        why, fix = f"the folder {folder} may not be written to", f"save elsewhere, or allow it: chmod u+w {folder}"
    elif error.errno == errno.EROFS:
        why, fix = f"{folder} is on a read-only file system", "save elsewhere"
    else:
        why, fix = error.strerror, "save elsewhere"
    return OSError(error.errno, f"{who}: {path} was not written: {why}; {fix}. What was there before is unchanged")
