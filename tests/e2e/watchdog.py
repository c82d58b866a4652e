#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""/dev/watchdog and uml_watchdog: pings, silence, the close, and a kernel that stands still."""
import os
import signal
import socket
import struct
import subprocess
import time

from umlaut import LINUX, SPEAK, Skip, case, check, holds, main, same, script, tmp, wait_for, write

PROGRAM = os.path.join(os.path.dirname(LINUX), "uml_watchdog")
MAGIC = 0xCAFEBABE
DEV = "mount -t devtmpfs dev /dev; "


def impatient():
    """A watchdog that waits for two seconds only, and leaves its pid."""
    path = os.path.join(tmp(), "impatient")
    write(path, f"#!/bin/sh\necho $$ >{tmp()}/pid\nexec {PROGRAM} --timeout 2 \"$@\"\n", 0o755)
    return path


def need_program():
    if not os.access(PROGRAM, os.X_OK):
        raise Skip("uml_watchdog is not built")


@case
def pings_keep_it_alive():
    need_program()
    r = script(DEV + "exec 3>/dev/watchdog; for i in 1 2 3 4 5 6 7 8; do echo x >&3; sleep 0.5; done; "
               "(echo >/dev/watchdog) 2>&1; exec 3>&-; sleep 3; echo survived", "watchdog=" + impatient())
    same(r.status, 0, r)
    holds(r.out, "survived", "Device or resource busy")


@case
def silence_ends_it():
    need_program()
    started = time.monotonic()
    r = script(DEV + "exec 3>/dev/watchdog; echo open; sleep 100", "watchdog=" + impatient())
    same(r.status, 1, r)
    holds(r.out, "open")
    check(time.monotonic() - started < 30, "in time")


@case
def a_kernel_that_stands_still_is_killed():
    need_program()
    p = subprocess.Popen([LINUX, *SPEAK, "watchdog=" + impatient(), "uml_dir=" + tmp("uml"), "rdinit=/bin/sh", "--", "-c",
                          DEV + "exec 3>/dev/watchdog; echo open; while true; do echo >&3; sleep 0.3; done"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        same(p.stdout.readline().strip(), "open")
        time.sleep(3)
        same(p.poll(), None)
        p.send_signal(signal.SIGSTOP)
        same(p.wait(30), -signal.SIGKILL)
    finally:
        p.kill()
        p.wait()
        p.stdout.close()


@case
def listeners_are_told():
    need_program()
    path = os.path.join(tmp(), "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(20)
        p = subprocess.Popen([LINUX, *SPEAK, "watchdog=" + impatient(), "mconsole=notify:" + path, "uml_dir=" + tmp("uml"),
                              "rdinit=/bin/sh", "--", "-c", DEV + "exec 3>/dev/watchdog; sleep 100"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            same(struct.unpack("IIII", s.recv(1024)[:16])[:3], (MAGIC, 2, 0))
            same(struct.unpack("IIII", s.recv(1024)), (MAGIC, 2, 2, 0))
            same(p.poll(), None)
        finally:
            p.kill()
            p.wait()


@case
def without_the_option_or_the_program():
    holds(script(DEV + "(echo >/dev/watchdog) 2>&1").out, "No such device")
    r = script(DEV + "(echo >/dev/watchdog) 2>&1; dmesg | grep harddog; echo on", "watchdog=/nowhere/program")
    holds(r.out, "Input/output error", "harddog_open", "on")


@case
def what_the_ioctls_say():
    need_program()
    r = script(DEV + "watchdog -t 1 -F /dev/watchdog & sleep 3; kill $!; sleep 3; echo on; cat /proc/misc", "watchdog=" + impatient())
    holds(r.out, "on", "130 watchdog")


@case
def the_program_itself():
    need_program()
    p = subprocess.run([PROGRAM, "-pid", "1"], input=b"xx", capture_output=True, timeout=10, check=False)
    same((p.returncode, p.stdout), (0, b"\0"))
    for args in ([], ["-pid"], ["-pid", "x"], ["-pid", "0"], ["-pid", "5", "-mconsole", "s"], ["--timeout", "-1", "-pid", "9"], ["x"]):
        p = subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False)
        same(p.returncode, 2, args)
        check(p.stderr, "says why", args)
    p = subprocess.run([PROGRAM, "-mconsole", "/nowhere/socket", "--timeout", "1"], stdin=subprocess.PIPE, capture_output=True,
                       timeout=10, check=False)
    same(p.returncode, 0, "input ended")


main()
