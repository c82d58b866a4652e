# SPDX-License-Identifier: MIT
"""What the end-to-end tests share: cases, roots, guests, host processes.

A test file is a list of functions marked with @case; main() runs all of them, or those named on
the command line, and prints a line for each. UMLAUT names the kernel (default build/linux),
UMLAUT_DEBIAN a Debian root (default: build/debian-root, made when it is missing and can be), UMLAUT_IMAGE
a disk with a Debian (build/debian.img likewise).
"""
import atexit
import os
import pty
import shutil
import signal
import struct
import fcntl
import subprocess
import sys
import tempfile
import termios
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
LINUX = os.path.abspath(os.environ.get("UMLAUT", os.path.join(TOP, "build", "linux")))
BUILD = os.path.join(TOP, "build", "e2e")
BUSYBOX = os.environ.get("BUSYBOX", "/bin/busybox")
# A console that only speaks: input from nowhere, output to standard output.
SPEAK = ["quiet", "con=null", "con0=null,fd:1"]
SKIPPED = 77
# Everything is slower on a busy machine.
PATIENCE = float(os.environ.get("E2E_PATIENCE", "1"))

cases = []
_tmp = None


class Skip(Exception):
    """This case cannot be judged here."""


def case(fn):
    cases.append(fn)
    return fn


def main():
    topic = os.path.basename(sys.argv[0]).removesuffix(".py")
    if not os.access(LINUX, os.X_OK):
        print("no kernel: " + LINUX)
        sys.exit(SKIPPED)
    wanted = [c for c in cases if len(sys.argv) < 2 or c.__name__ in sys.argv[1:]]
    failed = 0
    for c in wanted:
        started = time.monotonic()
        try:
            c()
            print(f"ok {topic}.{c.__name__}", end="")
        except Skip as e:
            print(f"skip {topic}.{c.__name__}: {e}", end="")
        except Exception as e:      # pylint: disable=broad-except
            failed += 1
            where = traceback.extract_tb(e.__traceback__)
            line = next((f.lineno for f in where if f.filename == os.path.abspath(sys.argv[0])), 0)
            text = " ".join(str(e).split()) or type(e).__name__
            print(f"FAIL {topic}.{c.__name__}: line {line}: {text[:1500]}", end="")
        print("" if os.environ.get("E2E_QUIET") else f"  # {time.monotonic() - started:.1f} s",
              flush=True)
    sys.exit(1 if failed else 0)


def check(truth, what="", got=None):
    if not truth:
        raise AssertionError(f"{what}: {got!r}" if got is not None else what)


def same(got, want, what=""):
    if got != want:
        raise AssertionError(f"{what} expected {want!r}, got {got!r}")


def holds(text, *parts):
    for p in parts:
        if p not in text:
            raise AssertionError(f"{p!r} is not in: {text[-1200:]!r}")


def wait_for(what, seconds, fn):
    """fn() until it is true; its value."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        v = fn()
        if v:
            return v
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


# ---- places --------------------------------------------------------------------------------

def tmp(name=None):
    """A directory that goes when the test ends; with a name, a new one in it."""
    global _tmp
    if not _tmp:
        _tmp = tempfile.mkdtemp(prefix="umlaut-e2e-")
        os.chmod(_tmp, 0o755)
        atexit.register(shutil.rmtree, _tmp, ignore_errors=True)
    if not name:
        return _tmp
    d = os.path.join(_tmp, name)
    os.makedirs(d, exist_ok=True)
    return d


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)


def compile_c(name):
    """tests/e2e/NAME.c as a program of the host."""
    place = BUILD
    try:
        os.makedirs(place, exist_ok=True)
    except PermissionError:
        place = tmp("programs")
    src, out = os.path.join(HERE, name + ".c"), os.path.join(place, name)
    if not os.path.exists(out) or os.path.getmtime(out) < os.path.getmtime(src):
        subprocess.run(["gcc", "-O1", "-o", out, src], check=True)
    return out


def busybox_root(name="root"):
    """A hostfs root with nothing but busybox; /init runs its arguments as a script and powers off."""
    root = os.path.join(tmp(), name)
    if os.path.isdir(root):
        return root
    for d in ("bin", "dev", "proc", "sys", "tmp", "etc", "mnt", "root"):
        os.makedirs(os.path.join(root, d))
    shutil.copy(BUSYBOX, os.path.join(root, "bin", "busybox"))
    applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout
    for a in applets.split():
        if a != "busybox":
            os.symlink("busybox", os.path.join(root, "bin", a))
    os.chmod(os.path.join(root, "tmp"), 0o777)
    return root


def made(name, program, *more):
    """build/NAME, made by a program of scripts/ when that has not failed lately; or Skip."""
    place = os.path.join(TOP, "build", name)
    if os.path.exists(place + ".failed") and time.time() - os.path.getmtime(place + ".failed") < 3600:
        raise Skip(f"no {name} (making it failed within the last hour)")
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place + ".log", "w", encoding="utf-8") as log:
        try:
            done = subprocess.run([os.path.join(TOP, "scripts", program[0]), *program[1:], place, *more],
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=240 * PATIENCE, check=False).returncode == 0
        except subprocess.TimeoutExpired:
            done = False
    if not done:
        write(place + ".failed", "")
        raise Skip(f"{name} could not be made (build/{name}.log)")
    return place


def debian_root():
    """A Debian root directory, or Skip."""
    return os.environ.get("UMLAUT_DEBIAN") or made("debian-root", ["make-debian-root", "--minimal"], "less", "vim-tiny")


def debian_image():
    """A disk with a Debian that boots by itself (not to be changed), or Skip."""
    given = os.environ.get("UMLAUT_IMAGE") or os.path.join(TOP, "build", "debian.img")
    return given if os.path.exists(given) else made("debian.img", ["make-image"])


def hostfs(root, *more):
    return ["rootfstype=hostfs", "rootflags=" + root, "rw", *more]


# ---- guests --------------------------------------------------------------------------------

class Result:
    def __init__(self, status, out):
        self.status = status            # exit status, or minus the signal
        self.out = out.replace("\r", "")

    def __repr__(self):
        return f"status {self.status}, output {self.out[-900:]!r}"


def run(args, stdin=subprocess.DEVNULL, timeout=30, wrap=(), **more):
    """The kernel with these arguments; ended when it takes too long."""
    p = subprocess.Popen([*wrap, LINUX, *args], stdin=stdin, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, start_new_session=True, **more)
    try:
        out, _ = p.communicate(timeout=timeout * PATIENCE)
    except subprocess.TimeoutExpired:
        kill_tree(p.pid)
        out, _ = p.communicate()
        raise AssertionError("no end after %g s: %r" %
                             (timeout * PATIENCE, out.decode(errors="replace")[-900:])) from None
    return Result(p.returncode, out.decode(errors="replace"))


def script(text, *options, root=None, **more):
    """text for the guest's sh, with /proc mounted, then power off."""
    head = "export PATH=/bin:/sbin:/usr/bin:/usr/sbin; mount -t proc proc /proc;"
    tail = "poweroff -f" if root is None else END
    init = "rdinit=/bin/sh" if root is None else "init=/bin/sh"
    place = [] if root is None else hostfs(root)
    return run([*SPEAK, *place, *options, init, "--", "-c", f"{head}\n{text}\n{tail}"], **more)


# Powers off without a program for it.
END = "sync; echo o >/proc/sysrq-trigger; sleep 100"


def output(text, *options, **more):
    """What the script printed; its lines, without the kernel's."""
    r = script(text, *options, **more)
    same(r.status, 0, r.out)
    return [x for x in r.out.splitlines() if not x.startswith("[")]


# ---- host processes ------------------------------------------------------------------------

def children(pid):
    found = []
    for d in os.listdir("/proc"):
        if not d.isdigit():
            continue
        try:
            with open(f"/proc/{d}/stat", encoding="utf-8", errors="replace") as f:
                rest = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(rest[1]) == pid and rest[0] not in "ZX":
            found.append(int(d))
    return found


def descendants(pid):
    found, todo = [], [pid]
    while todo:
        for c in children(todo.pop()):
            found.append(c)
            todo.append(c)
    return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def kill_tree(pid):
    for p in [pid, *descendants(pid)]:
        try:
            os.kill(p, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Terminal:
    """A kernel on a pseudo-terminal of its own, driven through pexpect."""

    def __init__(self, args, rows=24, cols=80, wrap=(), timeout=15, **more):
        try:
            import pexpect.fdpexpect
        except ImportError:
            raise Skip("python3-pexpect is missing") from None
        self.master, self.slave = pty.openpty()
        self.resize(rows, cols)
        self.before = termios.tcgetattr(self.slave)
        self.proc = subprocess.Popen([*wrap, LINUX, *args], stdin=self.slave, stdout=self.slave,
                                     stderr=self.slave, start_new_session=True,
                                     preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), **more)
        self.io = pexpect.fdpexpect.fdspawn(self.master, timeout=timeout * PATIENCE, encoding="utf-8",
                                            codec_errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.proc.poll() is None:
            kill_tree(self.proc.pid)
            self.proc.wait()
        os.close(self.slave)
        os.close(self.master)

    def resize(self, rows, cols):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def type(self, keys):
        self.io.send(keys)

    def see(self, what, timeout=-1):
        """Waits for a regular expression; the match."""
        import pexpect
        try:
            self.io.expect(what, timeout=timeout)
        except (pexpect.TIMEOUT, pexpect.EOF):
            raise AssertionError(f"did not see {what!r} but {self.io.buffer[-600:]!r}") from None
        return self.io.match

    def command(self, line, answer, prompt):
        """Types a line at a prompt, waits for the answer behind its echo and for the next prompt."""
        self.type(line + "\r")
        self.see(answer)
        self.see(prompt)

    def raw(self):
        return not termios.tcgetattr(self.slave)[3] & termios.ICANON

    def restored(self):
        return termios.tcgetattr(self.slave) == self.before

    def end(self, seconds=15):
        """Waits for the end of the kernel, reading on, so that it never waits for us."""
        import pexpect
        end = time.monotonic() + seconds * PATIENCE
        while self.proc.poll() is None and time.monotonic() < end:
            try:
                self.io.expect("never to be seen", timeout=0.05)
            except pexpect.TIMEOUT:
                pass
        check(self.proc.poll() is not None, "no end", self.io.buffer[-600:])
        return self.proc.returncode
