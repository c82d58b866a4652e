#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sudden ends: no process stays behind, and what was on disk is whole."""
import os
import signal
import subprocess
import time

from umlaut import (LINUX, SPEAK, alive, busybox_root, case, check, descendants, hostfs, main, same, tmp, wait_for)

WORK = ("mount -t proc proc /proc; echo up; "
        "for j in 1 2 3 4; do (while :; do i=$((i+1)); echo $i | cat >/root/w$j; mv /root/w$j /root/v$j; done) & done; "
        "while :; do sh -c 'ls -lR /bin | sort | md5sum' >/root/sum; cp /bin/busybox /root/copy; done")


def start(*args, init="rdinit=/bin/sh", text=WORK):
    p = subprocess.Popen([LINUX, *SPEAK, *args, init, "--", "-c", text], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    same(p.stdout.readline().strip(), b"up")
    return p


def all_gone(pids, seconds=1):
    check(len(pids) > 3, "guest processes", len(pids))
    wait_for("end of all guest processes", seconds, lambda: not any(map(alive, pids)))


@case
def kill_9_in_the_middle():
    root = busybox_root()
    for wait in (0.05, 0.3, 0.7):
        p = start(*hostfs(root), init="init=/bin/sh")
        time.sleep(wait)
        guests = wait_for("guests", 5, lambda: len(descendants(p.pid)) > 3 and descendants(p.pid))
        p.kill()
        p.wait()
        all_gone(guests)
        p.stdout.close()
    # Whole files only: what was renamed into place has a number in it, and the rest can be read.
    for j in range(1, 5):
        with open(f"{root}/root/v{j}", encoding="utf-8") as f:
            check(f.read().strip().isdigit(), "a file that was renamed into place")
    same(subprocess.run([root + "/bin/busybox", "true"], check=False).returncode, 0)


@case
def kill_9_of_init():
    p = start()
    guests = wait_for("guests", 5, lambda: len(descendants(p.pid)) > 3 and descendants(p.pid))
    # Guest processes of the host die by the host's signal: their guest process does, not the machine.
    for g in guests[1:]:
        if alive(g):
            os.kill(g, signal.SIGKILL)
    time.sleep(0.3)
    p.poll()
    guests += descendants(p.pid)
    p.kill()
    p.wait()
    all_gone(guests)
    p.stdout.close()


@case
def abort():
    p = start()
    guests = wait_for("guests", 5, lambda: len(descendants(p.pid)) > 3 and descendants(p.pid))
    p.send_signal(signal.SIGABRT)
    same(p.wait(10), -signal.SIGABRT)
    all_gone(guests)
    p.stdout.close()


@case
def stop_and_continue():
    p = start(text="mount -t proc proc /proc; echo up; sleep 0.5; echo on; poweroff -f")
    p.send_signal(signal.SIGSTOP)
    time.sleep(1)
    p.send_signal(signal.SIGCONT)
    same(p.wait(10), 0)
    check(b"on" in p.stdout.read(), "no output")
    p.stdout.close()


@case
def starting_process_is_killed():
    # At any moment of the boot.
    root = busybox_root()
    for i in range(40):
        p = subprocess.Popen([LINUX, *SPEAK, "uml_dir=" + tmp("uml"), *hostfs(root), "init=/bin/sh", "--", "-c",
                              "sleep 9"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(i * 0.0007)
        guests = descendants(p.pid)
        p.kill()
        p.wait()
        wait_for("end of all guest processes", 1, lambda: not any(map(alive, guests)))
    # A guest born between our look and the kill would be a child of init now, with our directory as root.
    time.sleep(0.3)
    left = [d for d in os.listdir("/proc") if d.isdigit() and session_of(d) and name_of(d) == "linux"
            and parent_of(d) == 1 and mine(d, root)]
    same(left, [], "left behind")


def stat_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            head, _, rest = f.read().rpartition(")")
        return [head.partition("(")[2], *rest.split()]
    except OSError:
        return ["", "X", "0", "0", "0"]


def name_of(pid):
    return stat_of(pid)[0].split()[0] if stat_of(pid)[0] else ""


def parent_of(pid):
    return int(stat_of(pid)[2])


def session_of(pid):
    return int(stat_of(pid)[4])


def mine(pid, root):
    try:
        return any(os.readlink(f"/proc/{pid}/fd/{f}").startswith(root) for f in os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return False


main()
