#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Boots of the embedded root: what the command line does, and how a machine ends."""
import gzip
import os
import shutil
import signal
import subprocess
import time

from umlaut import (BUSYBOX, LINUX, SPEAK, Terminal, alive, case, check, descendants, holds, main, output,
                    run, same, script, tmp, wait_for)

PROMPT = r"umlaut:~# (\x1b\[6n)?"


@case
def shell_on_a_terminal():
    with Terminal([]) as t:
        t.see("Linux version")
        t.see(PROMPT)
        t.command("echo $((6*7)) | cat", r"\n42\r", PROMPT)
        t.type("exit\r")
        t.see("reboot: Power down")
        same(t.end(), 0)


@case
def programs():
    same(output("uname -sm; ls /bin/busybox; echo a b c | wc -w; cat /proc/1/comm; "
                "for i in 1 2 3; do echo $i; done | tac | tr '\\n' ' '; echo; "
                "(exit 3); echo $?; kill -9 $$ & wait; echo x >/tmp/f && cat /tmp/f"),
         ["Linux x86_64", "/bin/busybox", "3", "sh", "3 2 1 ", "3", "x"])


@case
def exit_code():
    for text, want in (("7", 7), ("0x1f", 31), ("010", 8), ("255", 255)):
        same(script(f"echo {text} >/proc/exitcode").status, want, text)
    same(script("echo 5 >/proc/exitcode; halt -f").status, 5)


@case
def reboot():
    with Terminal(["quiet"]) as t:
        for _ in range(2):
            t.see("embedded root file system")
            t.see(PROMPT)
            t.type("reboot -f\r")
            t.see("Restarting system")
        t.see(PROMPT)
        t.type("poweroff -f\r")
        same(t.end(), 0)


@case
def noreboot():
    r = script("echo 9 >/proc/exitcode; reboot -f", "noreboot")
    same(r.status, 9, r.out)
    holds(r.out, "Restarting system")


@case
def panics():
    r = run([*SPEAK, "rdinit=/bin/sh", "--", "-c", "exit 3"])
    same(r.status, -signal.SIGABRT, r.out)
    holds(r.out, "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000300", "panic+0x",
          "---[ end Kernel panic")
    r = script("echo c >/proc/sysrq-trigger; sleep 10")
    same(r.status, -signal.SIGABRT, r.out)
    holds(r.out, "sysrq triggered crash")


@case
def host_signals():
    for sig in (signal.SIGTERM, signal.SIGINT):
        d = tmp(f"signal{sig}")
        p = subprocess.Popen([LINUX, *SPEAK, "uml_dir=" + d, "umid=me", "rdinit=/bin/sh", "--", "-c",
                              "echo up; while :; do sleep 0.1; done"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, start_new_session=True)
        same(p.stdout.readline().strip(), b"up")
        same(open(os.path.join(d, "me", "pid"), encoding="utf-8").read(), f"{p.pid}\n")
        guests = wait_for("guest processes", 5, lambda: descendants(p.pid))
        p.send_signal(sig)
        same(p.wait(10), 1, f"signal {sig}:")
        check(not os.path.exists(os.path.join(d, "me")), "the machine's directory is still there")
        wait_for("end of the guest's processes", 1, lambda: not any(map(alive, guests)))
        p.stdout.close()


@case
def information():
    for option, text in (("--help", "mem=SIZE"), ("--version", "umlaut"), ("--showconfig", "CONFIG_"),
                         ("--compat", "openat")):
        r = run([option])
        same(r.status, 0, option)
        holds(r.out, text)


@case
def unknown_options_go_to_init():
    r = run([*SPEAK, "loglevel=6", "animal=cat", "loudly", "single", "rdinit=/bin/sh", "--", "-c",
             "echo $animal; echo got $0 $1 $2; poweroff -f"])
    # The words come before what stands behind "--": sh takes the first for a script.
    same(r.status, -signal.SIGABRT, r.out)
    out = output("echo $animal $HOME $TERM; tr '\\0' '\\n' </proc/1/environ | grep -c animal; "
                 "head -n 1 /proc/cmdline | cut -d' ' -f1-5 | grep -c animal", "animal=cat")
    same(out, ["cat / linux", "1", "1"])
    r = run([*SPEAK, "loglevel=6", "con0=null,fd:1", "thing=1", "word", "rdinit=/bin/echo"])
    holds(r.out, 'Unknown kernel command line parameters "thing=1 word", will be passed to user space.', "\nword\n")


@case
def arguments_of_init():
    r = run([*SPEAK, "rdinit=/bin/echo", "--", "a  b", "c=d", "quiet", "--"])
    holds(r.out, "a  b c=d quiet --\n")


def cpio(files):
    """A newc archive of (name, mode, data); the data of a device is its number."""
    out = b""
    for i, (name, mode, data) in enumerate([*files, ("TRAILER!!!", 0, b"")]):
        rdev = data if mode & 0o170000 == 0o20000 else (0, 0)
        data = b"" if data is rdev else data
        fields = (i + 1, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(name) + 1, 0)
        part = b"070701" + b"".join(b"%08X" % f for f in fields) + name.encode() + b"\0"
        part += b"\0" * (-len(part) % 4) + data
        out += part + b"\0" * (-len(part) % 4)
    return out


@case
def initrd():
    with open(BUSYBOX, "rb") as f:
        busybox = f.read()
    archive = cpio([("dev", 0o40755, b""), ("dev/console", 0o20600, (5, 1)), ("bin", 0o40755, b""), ("bin/busybox", 0o100755, busybox), ("bin/sh", 0o120777, b"busybox"),
                    ("init", 0o100755, b"#!/bin/sh\necho mine\n/bin/busybox poweroff -f\n")])
    path = os.path.join(tmp(), "initrd")
    for data in (archive, gzip.compress(archive, 1)):
        with open(path, "wb") as f:
            f.write(data)
        r = run([*SPEAK, "initrd=" + path])
        same(r.status, 0, r.out)
        holds(r.out, "mine\n")


PACKERS = (["gzip"], ["xz", "--check=crc32"], ["xz", "-9"], ["zstd", "-q"], ["zstd", "-q", "--ultra", "-22"], ["lz4", "-q", "-l"])


@case
def initrd_packed_in_other_ways():
    with open(BUSYBOX, "rb") as f:
        busybox = f.read()
    first = cpio([("bin", 0o40755, b""), ("bin/busybox", 0o100755, busybox), ("bin/sh", 0o120777, b"busybox"), ("large", 0o100644, bytes(3 << 20))])
    second = cpio([("dev", 0o40755, b""), ("dev/console", 0o20600, (5, 1)),
                   ("init", 0o100755, b"#!/bin/sh\n/bin/busybox wc -c /large\n/bin/busybox poweroff -f\n")])
    path = os.path.join(tmp(), "packed")
    for packer in PACKERS:
        if not shutil.which(packer[0]):
            continue
        one, two = (subprocess.run([*packer, "-c"], input=x, capture_output=True, check=True).stdout for x in (first, second))
        # One behind the other, or a plain one behind zeroes.
        for blob in (one + bytes(-len(one) % 4) + two, one + bytes(512) + second):
            with open(path, "wb") as f:
                f.write(blob)
            r = run([*SPEAK, "initrd=" + path])
            same(r.status, 0, (packer, r.out))
            holds(r.out, str(3 << 20) + " /large")
        # Old LZ4 archives have no sums.
        damaged = [] if packer[0] == "lz4" else [one[:2000] + b"damaged" + one[2007:]]
        for bad in (one[:len(one) // 2], *damaged):
            with open(path, "wb") as f:
                f.write(bad)
            holds(run([*SPEAK, "initrd=" + path]).out, "not a cpio archive, or cut short", "No working init found")


@case
def memory():
    total = int(output("grep MemTotal /proc/meminfo", "mem=96M")[0].split()[1])
    check(80 << 10 <= total <= 96 << 10, "MemTotal", total)
    # The hog dies, the machine lives; the host never gives more than a little above the limit.
    r = script("sh -c 'x=a; while :; do x=$x$x$x$x; done'; echo hog $?; echo alive", "mem=64M", timeout=60)
    same(r.status, 0, r.out)
    holds(r.out, "alive\n", "hog 1")


@case
def cpus():
    same(output("nproc; grep -c ^processor /proc/cpuinfo", "ncpus=3"), ["3", "3"])
    same(output("nproc", "ncpus=1"), ["1"])


@case
def read_only_root():
    root = tmp("ro")
    os.makedirs(root + "/bin", exist_ok=True)
    for d in ("dev", "proc"):
        os.makedirs(os.path.join(root, d), exist_ok=True)
    subprocess.run(["cp", BUSYBOX, root + "/bin/sh"], check=True)
    r = run([*SPEAK, "rootfstype=hostfs", "rootflags=" + root, "init=/bin/sh", "--", "-c",
             "echo x >/file || echo refused; mount -t proc proc /proc; poweroff -f || exec busybox poweroff -f; "
             "echo o >/proc/sysrq-trigger; sleep 9"])
    holds(r.out, "Read-only file system", "refused\n")
    check(not os.path.exists(root + "/file"), "the file was made")


@case
def log_levels():
    r = run(["con=null", "con0=null,fd:1", "rdinit=/bin/sh", "--", "-c", "poweroff -f"])
    holds(r.out, "Linux version", "Kernel command line: ", "Run /bin/sh as init process", "reboot: Power down")
    quiet = script(":").out
    check("Linux version" not in quiet, "not quiet", quiet)
    same(output("dmesg | grep -c 'Linux versio[n]'"), ["1"])


@case
def time_passes():
    # The guest's clocks are the host's.
    up, now = output("cut -d. -f1 /proc/uptime; date +%s")
    check(int(up) < 20, "uptime", up)
    check(abs(int(now) - time.time()) < 20, "date", now)


main()
