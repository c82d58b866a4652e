#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libumlaut: what its calls tell, through its examples in Python and C."""
import os
import subprocess
import sys
import threading
import time

from umlaut import (LINUX, PATIENCE, TOP, Skip, busybox_root, case, check, holds, main, same, tmp, write)

LIBDIR = os.path.join(os.path.dirname(LINUX), "libumlaut")
SOURCE = os.path.join(TOP, "tools", "libumlaut")
sys.path.insert(0, os.path.join(SOURCE, "examples"))
sys.dont_write_bytecode = True
_sandbox = None


def run(*args, **more):
    global _sandbox
    if not _sandbox:
        os.environ["LIBUMLAUT"] = os.path.join(LIBDIR, "libumlaut.so")
        os.environ["UML_DIR"] = tmp("machines")
        if not os.path.exists(os.environ["LIBUMLAUT"]):
            raise Skip("libumlaut is not built")
        import sandbox
        _sandbox = sandbox
    return _sandbox.run(args[0] if isinstance(args[0], list) else ["sh", "-c", *args], **more)


def descriptors():
    return len(os.listdir("/proc/self/fd"))


@case
def output_status_and_use():
    r = run("echo out; echo err >&2; cat; exit 7", stdin=b"in\0put")
    same((r.reason, r.status, r.output, r.error_output, r.message), ("exited", 7, b"out\nin\0put", b"err\n", ""))
    r = run("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")
    check(r.cpu > 0.001 and r.wall >= r.cpu * 0.5 and r.maxrss_kib > 100, "use", r)
    r = run("kill -11 $$")
    same((r.reason, r.status), ("signaled", 139))
    same(os.listdir(tmp("machines")), [])


@case
def what_cannot_run():
    r = run(["nothing-of-that-name"])
    same((r.reason, r.status), ("not found", 127))
    same((run(["/etc/passwd"]).reason, run(["true"], workdir="/nowhere").reason), ("not run", "not found"))
    r = run(["true"], user="stranger")
    same((r.reason, r.status), ("not run", 126))
    holds(r.message, "no user 'stranger'")
    for more, text in (({"root": "/nowhere"}, "/nowhere: No such file"), ({"binds": ["x"]}, "bind: expected")):
        try:
            run(["true"], **more)
            check(False, "refused")
        except OSError as e:
            holds(str(e), text)
    r = run(["true"], memory=4096)
    same((r.reason, r.status), ("machine", 125), r)
    holds(r.message, "Too few physical memory")


@case
def limits():
    r = run("sleep 100", timeout=0.5)
    same((r.reason, r.status), ("timeout", 124))
    r = run("trap '' TERM; while :; do sleep 1; done", timeout=0.5)
    same((r.reason, r.status), ("timeout", 124))
    r = run("a=xxxxxxxxxxxxxxxx; while :; do a=$a$a; done", memory=48 << 20)
    same(r.reason, "memory", r)
    r = run("for i in $(seq 100); do sleep 60 & done; exit 3", processes=30)
    same(r.reason, "processes", r)
    r = run(["sh", "-c", "f() { f | f & }; f; wait; sleep 100"], processes=40, timeout=3)
    check(r.reason in ("processes", "timeout"), "a fork bomb", r)
    r = run("yes", output_max=100000, timeout=0.5)
    same((len(r.output), r.truncated, r.reason), (100000, True, "timeout"))


@case
def cancelled_from_another_thread():
    rd, wr = os.pipe()
    threading.Timer(0.3, lambda: os.write(wr, b"x")).start()
    started = time.monotonic()
    r = run("sleep 100", cancel_fd=rd)
    same((r.reason, r.status), ("cancelled", 130))
    check(time.monotonic() - started < 5 * PATIENCE, "in time")
    os.close(rd)
    os.close(wr)


@case
def many_threads():
    run("true")
    before, results = descriptors(), {}

    def one(i):
        results[i] = run(f"sleep 0.2; echo {i}", memory=32 << 20).output

    threads = [threading.Thread(target=one, args=(i,)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    same(results, {i: f"{i}\n".encode() for i in range(16)})
    same(descriptors(), before, "descriptors")
    same(os.listdir(tmp("machines")), [])


@case
def root_and_user():
    root = busybox_root("library")
    write(root + "/etc/passwd", "root:x:0:0::/root:/bin/sh\nada:x:1815:10:Ada:/home/ada:/bin/sh\n")
    write(root + "/etc/group", "users:x:10:\naudio:x:29:bob,ada\nbig:x:4000:ada\nother:x:5:bob\n")
    r = run("id -u; id -g; id -G; echo $HOME; echo x >/etc/new; cat /data/f", root=root, user="ada", binds=[f"{root}/etc:/data:ro"])
    same(r.output, b"1815\n10\n10 29 4000\n/home/ada\n", r)
    same(run("id -u; id -g; id -G", root=root, user="1815").output, b"1815\n10\n10 29 4000\n")
    same(run("id -u; id -g; id -G", root=root, user="ada:other").output, b"1815\n5\n5\n")
    same(run("echo x >/etc/new; ls /etc/new", root=root).status, 0)
    check(not os.path.exists(root + "/etc/new"), "the root is as before")


@case
def passwd_files_that_are_none():
    root = busybox_root("hostile")
    for i, text in enumerate(("", ":::::\n\n:\nroot", "x" * 70000, "ada:x:-1:0::/:\nada:x:99999999999:0::/:\n",
                              "ada:x:1:1:" + "y" * 5000 + ":/:/bin/sh")):
        write(root + "/etc/passwd", text)
        r = run("id -u", root=root, user="ada")
        same(r.reason, "exited" if i == 4 else "not run", text[:30])
    os.unlink(root + "/etc/passwd")
    os.mkfifo(root + "/etc/passwd")
    same(run("true", root=root, user="ada").reason, "not run")
    same(run("stat -L -c %u /proc/self", root=root, user="5").output, b"5\n")


def build(name):
    out = os.path.join(tmp("programs"), name)
    subprocess.run(["gcc", "-Wall", "-Werror", "-I", SOURCE, "-o", out, os.path.join(SOURCE, "examples", name + ".c"),
                    os.path.join(LIBDIR, "libumlaut.a")], check=True)
    return out


@case
def example_in_c():
    run("true")
    grade = build("grade")
    for command, text, status in (("sort -n", "right: reason exited, status 0", 0), ("cat", "wrong answer", 1),
                                  ("sleep 9", "too slow: reason timeout, status 124", 1),
                                  ("exit 3", "failed: reason exited, status 3", 1),
                                  ("kill -6 $$", "crashed: reason signaled, status 134", 1)):
        r = subprocess.run([grade, "-", "10\n9\n", "9\n10\n", "sh", "-c", command], capture_output=True, text=True,
                           timeout=30 * PATIENCE, check=False, env={**os.environ, "UMLAUT_KERNEL": LINUX})
        same(r.returncode, status, r)
        holds(r.stdout, text)


@case
def example_in_python():
    run("true")
    r = subprocess.run([os.path.join(SOURCE, "examples", "sandbox.py"), "--timeout", "5", "sh", "-c", "echo hi; exit 4"],
                       capture_output=True, text=True, timeout=30 * PATIENCE, check=False)
    same((r.returncode, r.stdout), (4, "hi\n"), r)
    holds(r.stderr, "exited, status 4")


@case
def a_header_for_c_plus_plus():
    write(tmp("programs") + "/h.cc", '#include <umlaut.h>\nint main() { return !umlaut_version(); }\n')
    r = subprocess.run(["g++", "-Wall", "-Werror", "-I", SOURCE, "-o", tmp("programs") + "/h", tmp("programs") + "/h.cc",
                        "-L" + LIBDIR, "-lumlaut"], capture_output=True, text=True, check=False)
    same(r.returncode, 0, r.stderr)


main()
