#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tty_log_fd=, tty_log_dir= and uml_playlog."""
import os
import struct
import subprocess
import time

from umlaut import LINUX, PATIENCE, SPEAK, Skip, Terminal, case, check, holds, main, same, tmp, wait_for

PLAY = os.path.join(os.path.dirname(LINUX), "uml_playlog")
ASH = r"umlaut:~# (\x1b\[6n)?"


def session(*options, **more):
    with Terminal(["quiet", "con9=null", *options], **more) as t:
        t.see(ASH)
        t.type("echo one-$((1+1))\r")
        t.see("one-2\r")
        t.see(ASH)
        time.sleep(0.3)
        t.type("cat\r")
        time.sleep(0.3)
        t.type("hello\r\x04")
        t.see("hello\r\n(.*)hello\r")
        t.see(ASH)
        t.type("echo x >/dev/tty9\r")
        t.see(ASH)
        t.type("exit\r")
        same(t.end(), 0)


def play(*args, **more):
    if not os.access(PLAY, os.X_OK):
        raise Skip("uml_playlog is not built")
    return subprocess.run([PLAY, *args], capture_output=True, timeout=30 * PATIENCE, check=False, **more)


@case
def recorded_and_replayed():
    path = os.path.join(tmp(), "log")
    with open(path, "wb") as f:
        session(f"tty_log_fd={f.fileno()}", pass_fds=[f.fileno()])
    r = play("--no-delay", path)
    same(r.returncode, 0, r.stderr)
    out = r.stdout.decode()
    holds(out, "one-2\r\n", "hello\r\nhello\r\n", "umlaut:~# ")
    out = play("-n", "-e", path).stdout.decode()
    holds(out, "[cat]")
    out = play("-n", "--input", path).stdout.decode()
    holds(out, "hello\n", "cat\n")
    check("one-2" not in out, "only what was typed", out)
    out = play("--list", path).stdout.decode()
    holds(out, "tty0", "open", "written", "read", "exec", "close")
    same(play("-n", "-t", "tty7", path).stdout, b"")
    holds(play("-n", "-t", "tty0", path).stdout.decode(), "one-2")
    started = time.monotonic()
    play(path)
    check(0.5 < time.monotonic() - started < 20 * PATIENCE, "at its own speed")
    # Words of 32 bits: what, tty, length, direction, seconds, microseconds.
    with open(path, "rb") as f:
        data = f.read()
    seen, at = set(), 0
    while at < len(data):
        what, _, n, way, sec, usec = struct.unpack_from("IIIIII", data, at)
        check(1 <= what <= 4 and way <= 2 and abs(sec - time.time()) < 600 and usec < 1000000, "a record", (what, way, sec))
        seen.add(what)
        at += 24 + n
    same((seen, at), ({1, 2, 3, 4}, len(data)))


@case
def a_file_for_each_session():
    d = tmp("sessions")
    session("tty_log_dir=" + d)
    files = [os.path.join(d, f) for f in os.listdir(d)]
    texts = [open(f, encoding="utf-8", errors="replace", newline="").read() for f in files]
    check(any("one-2\r\n" in t for t in texts), "the output", texts)
    same({os.stat(f).st_mode & 0o777 for f in files}, {0o600})
    check(all("-" in os.path.basename(f) for f in files), "names", files)


@case
def a_reader_that_does_not_read():
    # The guest goes on; records are lost whole.
    rd, wr = os.pipe()
    p = subprocess.Popen([LINUX, *SPEAK, f"tty_log_fd={wr}", "rdinit=/bin/sh", "--", "-c",
                          "seq 1 200000 >/dev/console; echo done; dmesg | grep lost; poweroff -f"], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=[wr])
    out = p.communicate(timeout=60 * PATIENCE)[0]
    os.close(wr)
    same(p.returncode, 0)
    check(b"done" in out, "it went on", out[-200:])
    holds(out.decode(errors="replace")[-400:], "tty log: the host is too slow, records are lost")
    os.close(rd)


@case
def full_disk_and_no_descriptor():
    with open("/dev/full", "wb") as f:
        session(f"tty_log_fd={f.fileno()}", pass_fds=[f.fileno()])
    r = subprocess.run([LINUX, *SPEAK, "tty_log_fd=77", "rdinit=/bin/sh", "--", "-c", "echo on; poweroff -f"],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    same(r.returncode, 0)
    holds(r.stderr, "tty_log_fd: no such descriptor: '77'")
    r = subprocess.run([LINUX, *SPEAK, "tty_log_dir=/nowhere/at/all", "rdinit=/bin/sh", "--", "-c", "echo on; poweroff -f"],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    same(r.returncode, 0)
    holds(r.stdout, "on")


@case
def what_is_no_log():
    path = os.path.join(tmp(), "junk")
    for data in (b"x" * 100, b"\x03\0\0\0", struct.pack("IIIIII", 3, 1, 0xffffffff, 2, 0, 0), struct.pack("IIIIII", 3, 1, 50, 2, 0, 0)):
        with open(path, "wb") as f:
            f.write(data)
        r = play("-n", path)
        same((r.returncode, r.stderr.decode()), (1, "uml_playlog: this is no log of terminals, or it is cut off\n"))
    same(play("/nowhere").returncode, 1)
    same(play().returncode, 2)
    same(play("-n", "-", input=b"").returncode, 0)
    with open(path, "wb") as f:
        f.write(struct.pack("IIIIII", 3, 1, 2, 2, 0, 0) + b"ab")
    with open("/dev/full", "wb") as full:
        r = subprocess.run([PLAY, path], stdout=full, stderr=subprocess.PIPE, check=False)
    same(r.returncode, 1)


main()
