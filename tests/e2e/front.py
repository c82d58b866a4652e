# SPDX-License-Identifier: MIT
"""What the tests of the front end "umlaut" share: calling it, also on a terminal."""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

from umlaut import LINUX, PATIENCE, Skip, tmp

TIOCGPTN = 0x80045430        # termios has no name for it
UMLAUT = os.path.join(os.path.dirname(LINUX), "umlaut")


def place():
    return tmp("machines")


def env():
    return {**os.environ, "UML_DIR": place(), "UMLAUT_KERNEL": LINUX}


def umlaut(*args, timeout=40, stdin=subprocess.DEVNULL, **more):
    if not os.access(UMLAUT, os.X_OK):
        raise Skip("umlaut is not built")
    return subprocess.run([UMLAUT, *args], capture_output=True, stdin=None if "input" in more else stdin, text=True,
                          timeout=timeout * PATIENCE, check=False, env=env(), **more)


def sh(text, *options, root="-", **more):
    return umlaut("run", *options, root, "sh", "-c", text, **more)


def slave_name(master):
    return "/dev/pts/%d" % struct.unpack("i", fcntl.ioctl(master, TIOCGPTN, b"\0\0\0\0"))


def on_terminal(args, keys, timeout=15, modes=None):
    """The program on a terminal: what it wrote, its status. modes: gets the settings before and after."""
    pid, fd = pty.fork()
    if not pid:
        os.execve(UMLAUT, [UMLAUT, *args], env())
    slave = os.open(slave_name(fd), os.O_RDWR | os.O_NOCTTY) if modes is not None else -1
    if modes is not None:
        modes.append(termios.tcgetattr(slave))
    out, seen, end, keys = b"", 0, time.monotonic() + timeout * PATIENCE, list(keys)
    while time.monotonic() < end:
        if keys and keys[0][0].encode() in out[seen:]:
            seen = len(out)
            time.sleep(0.3)
            os.write(fd, keys.pop(0)[1].encode())
        if modes is not None and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            modes.append(termios.tcgetattr(slave))
            os.close(slave)
            modes = None
        if select.select([fd], [], [], 0.1)[0]:
            try:
                data = os.read(fd, 4096)
            except OSError:
                break
            if not data:
                break
            out += data
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(fd)
    return out.decode(errors="replace"), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
