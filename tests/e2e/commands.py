#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""umlaut run, many times and under attack: nothing stays behind, and each end has its reason. SOAK=1 (make
soak) makes it long."""
import os
import signal
import subprocess
import time

from front import UMLAUT, env, on_terminal, place, sh, umlaut
from umlaut import (PATIENCE, busybox_root, case, check, debian_root, descendants, holds, main, same, tmp,
                    wait_for, write)

SOAK = os.environ.get("SOAK") == "1"
MS_EACH = 30


def listing(root):
    return subprocess.run(["find", root, "-printf", "%P %y %m %U %G %s %T@ %l\n"], capture_output=True, check=True).stdout


def leftovers():
    """What a run may not leave: processes with our directory in their command line, files, shared memory."""
    found = {x for x in os.listdir("/tmp") if x.startswith(("xterm-pipe", "vm_file"))} | set(os.listdir(place()))
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if place().encode() in f.read():
                    found.add("process " + pid)
        except OSError:
            pass
    with open("/proc/sysvipc/shm", encoding="ascii") as f:
        rows = [line.split() for line in f]
    mine = str(os.geteuid())
    found |= {"shm " + row[1] for row in rows if row[9] == mine}
    return found


def roots():
    yield "busybox", busybox_root("many")
    if os.environ.get("UMLAUT_DEBIAN") or os.path.exists(os.path.join(os.path.dirname(UMLAUT), "debian-root")):
        yield "Debian", debian_root()


@case
def in_sequence():
    n = 1000 if SOAK else 100
    for what, root in roots():
        before = leftovers()
        subprocess.run([UMLAUT, "run", "--ephemeral", root, "true"], env=env(), check=True, stdin=subprocess.DEVNULL)
        started = time.monotonic()
        for _ in range(n):
            p = subprocess.run([UMLAUT, "run", "--ephemeral", root, "true"], env=env(), stdin=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, check=False)
            same((p.returncode, p.stderr), (0, b""))
        ms = (time.monotonic() - started) * 1000 / n
        print(f"# {what}: {ms:.1f} ms each ({MS_EACH} wanted)", end=" ")
        same(leftovers() - before, set())


@case
def at_once():
    n = 100
    before = leftovers()
    root = busybox_root("many")
    many = [subprocess.Popen([UMLAUT, "run", "--ephemeral", "--mem", "32M", root, "sh", "-c", f"echo x >/etc/mine; sleep 1; "
                              f"echo {i}; exit {i}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=env())
            for i in range(n)]
    same([(p.communicate(timeout=120 * PATIENCE)[0], p.returncode) for p in many], [(f"{i}\n", i) for i in range(n)])
    same(leftovers() - before, set())
    check(not os.path.exists(root + "/etc/mine"), "the root is as before")


MAKEFILE = """
test: prog
\t./prog >out && grep -q hello out && echo passed
prog: prog.sh
\tcp prog.sh prog && chmod 755 prog
"""


@case
def make_test_on_debian():
    root = debian_root()
    src = os.path.join(tmp("source"))
    write(src + "/Makefile", MAKEFILE)
    write(src + "/prog.sh", "#!/bin/sh\necho hello\n")
    with_make = os.path.exists(root + "/usr/bin/make")
    make = ["make", "-C", "/src", "test"] if with_make else ["sh", "-c", "cd /src && cp prog.sh prog && sh prog | grep -q hello && echo passed"]
    before = listing(root), listing(src)
    r = umlaut("run", "--ephemeral", "-b", f"{src}:/host:ro", root, "sh", "-c",
               "mkdir /src && cp /host/* /src && exec \"$@\"", "sh", *make)
    same(r.returncode, 0, r)
    holds(r.stdout, "passed\n")
    r = umlaut("run", "--ephemeral", "-b", f"{src}:/host:ro", root, "sh", "-c",
               "mkdir /src && cp /host/* /src && echo 'echo bye' >/src/prog.sh && exec \"$@\" && exit 1", "sh", *make)
    check(r.returncode in (1, 2), "make's own status", r)
    r = umlaut("run", "--ephemeral", root, "sh", "-c", "rm -rf /usr/share /etc; mv /var /rav; chown -R 5:5 /root; ls /rav >/dev/null")
    same(r.returncode, 0, r)
    same((listing(root), listing(src)), before)


# ---- each end has its reason -------------------------------------------------------------------

def ended(what, before, inside=()):
    wait_for("the end of the processes of " + what, 10, lambda: not any(os.path.exists(f"/proc/{x}") for x in inside))
    wait_for("nothing left of " + what, 5, lambda: not leftovers() - before)


@case
def control_c_on_a_terminal():
    before = leftovers()
    for command, status in (("sleep 100", 130), ("trap 'exit 9' INT; while :; do sleep 0.1; done", 9)):
        modes = []
        out, got = on_terminal(["run", "-", "sh", "-c", f"echo re''ady; {command}"], [("ready", "\x03")], modes=modes)
        same(got, status, out)
        same(modes[0], modes[-1], "the terminal")
        same(len(modes), 2)
        ended(command, before)


@case
def control_c_without_a_terminal_inside():
    before = leftovers()
    modes = []
    out, got = on_terminal(["run", "--no-tty", "-", "sh", "-c", "echo re''ady; sleep 100"], [("ready", "\x03")], modes=modes)
    same(got, 130, out)
    holds(out, "umlaut: interrupted")
    same(modes[0], modes[-1], "the terminal")
    ended("^C", before)


@case
def killed_on_a_terminal():
    # Nobody can put the terminal back then; but nothing of the machine may stay.
    before = leftovers()
    p = subprocess.Popen([UMLAUT, "run", "-", "sh", "-c", "echo ready; sleep 100"], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, env=env())
    p.stdout.readline()
    inside = descendants(p.pid)
    p.send_signal(signal.SIGKILL)
    p.wait()
    p.stdout.close()
    ended("kill -9", before, inside)


BOMB = "f() { f | f & }; f; while :; do sleep 1; done"


@case
def fork_bombs():
    before = leftovers()
    for options, text in ((("--processes", "60"), "too many processes"), (("--mem", "64M"), None)):
        started = time.monotonic()
        r = sh(BOMB, *options, "--timeout", "4", "--json")
        check(r.returncode != 0, "failed", r)
        check(time.monotonic() - started < 30 * PATIENCE, "in time", r)
        check(text is None or text in r.stderr or "timed out" in r.stderr, "says why", r)
        check('"reason": "' in r.stderr and "exited" not in r.stderr, "a reason", r)
        ended("a fork bomb", before)


@case
def memory_hogs():
    before = leftovers()
    for hog in ("a=xxxxxxxxxxxxxxxx; while :; do a=$a$a; done", "dd if=/dev/zero of=/tmp/x bs=1M count=500 && exit 0; exit 1",
                "while :; do sh -c 'a=xxxxxxxxxxxxxxxx; while :; do a=$a$a; done' & done"):
        r = sh(hog, "--mem", "48M", "--timeout", "8", "--processes", "200")
        check(r.returncode != 0, "failed", (hog, r))
        check(any(x in r.stderr for x in ("umlaut: the machine ran out of memory: ", "No space left", "timed out")),
              "says why", (hog, r))
        ended(hog, before)


@case
def full_output_disk():
    with open("/dev/full", "wb") as full:
        r = subprocess.run([UMLAUT, "run", "-", "sh", "-c", "echo x; echo status $? >&2"], stdout=full, stderr=subprocess.PIPE,
                           stdin=subprocess.DEVNULL, env=env(), text=True, timeout=30, check=False)
    holds(r.stderr, "No space left on device", "status 1")


main()
