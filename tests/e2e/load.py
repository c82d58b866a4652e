#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many machines, many processes, and nothing that grows. SOAK=1 (make soak) runs the long versions."""
import os
import subprocess
import time

from umlaut import LINUX, PATIENCE, SPEAK, case, check, children, descendants, main, output, same, tmp, wait_for

SOAK = os.environ.get("SOAK") == "1"


@case
def two_hundred_guests_at_once():
    started, procs = time.monotonic(), []
    for i in range(200):
        procs.append(subprocess.Popen(
            [LINUX, *SPEAK, "mem=64M", "uml_dir=" + tmp("uml"), "rdinit=/bin/sh", "--", "-c", f"echo guest {i}; poweroff -f"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
    bad = []
    for i, p in enumerate(procs):
        try:
            out = p.communicate(timeout=max(1, 120 * PATIENCE - (time.monotonic() - started)))[0].decode()
        except subprocess.TimeoutExpired:
            p.kill()
            out = "no end: " + p.communicate()[0].decode()
        if p.returncode or f"guest {i}\r\n" not in out:
            bad.append((i, p.returncode, out[-300:]))
    same(bad[:3], [], f"{len(bad)} failed:")
    same(os.listdir(tmp("uml")), [])


@case
def five_hundred_processes():
    out = output("i=0; while [ $i -lt 500 ]; do sleep 1000 & i=$((i+1)); done; echo $(ls /proc | grep -c '^[0-9]'); "
                 "ps | grep -c ' sleep 100[0]$'; killall sleep; wait; ps | grep -c ' sleep 100[0]$'", timeout=60)
    check(int(out[0]) >= 502, "processes in /proc", out[0])
    same(out[1:], ["500", "0"])


def kernel_size(pid):
    """Resident kB without shared files, open descriptors, processes: what may not grow."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
        anon = sum(int(line.split()[1]) for line in f if line.startswith("Anonymous:"))
    return anon, len(os.listdir(f"/proc/{pid}/fd")), len(descendants(pid))


AHEAD = 28      # descriptors of what is made ahead: up to six areas of three each, and three processes of two


def settle(pid, first):
    """The kernel's size when it has let go of what ended last (its pool fills again in its own time)."""
    deadline = time.monotonic() + 5 * PATIENCE
    size = kernel_size(pid)
    while (size[1] - first[1] >= AHEAD or size[2] - first[2] >= 4) and time.monotonic() < deadline:
        time.sleep(0.05)
        size = kernel_size(pid)
    return size


@case
def fork_and_exec_do_not_grow():
    rounds, per_round = (20, 500) if SOAK else (4, 100)
    p = subprocess.Popen([LINUX, "quiet", "con=null", "con0=fd:0,fd:1", "rdinit=/bin/sh", "--", "-c",
                          "mount -t proc proc /proc; stty -echo; echo up; while read x; do i=0; "
                          f"while [ $i -lt {per_round} ]; do /bin/busybox true; (:); i=$((i+1)); done; echo did $x; done"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, start_new_session=True)
    try:
        while "up" not in p.stdout.readline():
            pass
        sizes = []
        for i in range(rounds):
            p.stdin.write(f"round{i}\n")
            while f"did round{i}" not in p.stdout.readline():
                pass
            wait_for("the guests' end", 2, lambda: len(children(p.pid)) < 12)
            sizes.append(kernel_size(p.pid))
        first, last = sizes[1], settle(p.pid, sizes[1])
        # The table of process numbers is touched as they go up, 40 bytes each, until they wrap.
        numbers = min(2 * rounds * per_round, 32768) * 40 // 1024
        check(last[0] - first[0] < 300 + numbers, "anonymous kB", (first, last))
        check(last[1] - first[1] < AHEAD, "descriptors", (first, last))
        check(last[2] - first[2] < 4, "processes", (first, last))
    finally:
        p.kill()
        p.wait()
        p.stdin.close()
        p.stdout.close()


@case
def files_do_not_grow():
    n = 20000 if SOAK else 1000
    out = output(f"i=0; while [ $i -lt {n} ]; do echo $i >/tmp/f; mv /tmp/f /tmp/g; read x </tmp/g; i=$((i+1)); done; echo $x; "
                 "ls /proc/self/fd | wc -l", timeout=120)
    same(out[0], str(n - 1))


@case
def pipes_of_many():
    out = output("s=cat; i=0; while [ $i -lt 60 ]; do s=\"$s | cat\"; i=$((i+1)); done; seq 1 20000 | eval $s | md5sum; "
                 "seq 1 20000 | md5sum", timeout=60)
    same(out[0], out[1])


main()
