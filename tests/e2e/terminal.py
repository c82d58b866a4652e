#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Somebody at a terminal: line editing, job control, full-screen programs, and the terminal afterwards."""
import os
import signal
import time

from umlaut import (PATIENCE, Terminal, alive, case, check, debian_root, descendants, hostfs, main, same,
                    wait_for)

ASH = r"umlaut:~# (\x1b\[6n)?"
BASH = r"PS> "
UP, LEFT, CTRL_A, CTRL_C, CTRL_D, CTRL_Z, ESC = "\x1b[A", "\x1b[D", "\x01", "\x03", "\x04", "\x1a", "\x1b"


def ash():
    return Terminal(["quiet"])


def debian(root=None):
    t = Terminal(["quiet", *hostfs(root or debian_root()), "init=/bin/bash", "--", "-c",
                  "mount -t proc proc /proc; mount -t tmpfs tmp /tmp; cd /root; export TERM=xterm HOME=/root; "
                  "PATH=/usr/sbin:/usr/bin:/sbin:/bin; "
                  "setsid -c env PS1='PS> ' bash --norc --noprofile; echo o >/proc/sysrq-trigger; sleep 9"])
    t.see(BASH, timeout=20)
    t.type("bind 'set enable-bracketed-paste off'\r")
    t.see(BASH)
    return t


def job_control(t, prompt):
    t.type("sleep 100\r")
    time.sleep(0.2)
    t.type(CTRL_C)
    t.see(prompt)
    t.command("echo status $?", r"\nstatus 130\r", prompt)
    t.type("sleep 101\r")
    time.sleep(0.2)
    t.type(CTRL_Z)
    t.see("Stopped")
    t.see(prompt)
    t.command("jobs", r"Stopped.*sleep 101", prompt)
    t.command("bg", "sleep 101", prompt)
    t.command("jobs", r"Running.*sleep 101", prompt)
    t.type("fg\r")
    t.see("sleep 101\r")
    time.sleep(0.1)
    t.type(CTRL_C)
    t.see(prompt)
    # cat gets the line, then the end of file.
    t.type("cat | tr a-z A-Z\r")
    time.sleep(0.2)
    t.type("hello\r" + CTRL_D)
    t.see("HELLO\r")
    t.see(prompt)


def line_editing(t, prompt):
    t.type("echo abd" + LEFT + "c" + CTRL_A + ": ;\r")
    t.see(prompt)
    t.command("echo one-$((1+1))", r"\none-2\r", prompt)
    t.type(UP + UP + "x\b" + "\r")
    t.see(prompt)
    t.type(UP + UP + "\r")
    t.see(r"one-2\r")
    t.see(prompt)


def resize(t, prompt):
    t.command("stty size", r"\n24 80\r", prompt)
    t.resize(40, 132)
    os.kill(t.proc.pid, signal.SIGWINCH)
    t.command("stty size", r"\n40 132\r", prompt)
    t.type("sh -c 'trap \"stty size; exit\" WINCH; echo ready; while :; do sleep 0.1; done'\r")
    t.see("\nready\r")
    t.resize(30, 100)
    os.kill(t.proc.pid, signal.SIGWINCH)
    t.see(r"30 100\r")
    t.see(prompt)


def vi(t, prompt, name="vi"):
    t.type(name + " /tmp/edited\r")
    time.sleep(0.7)
    t.type("ifirst line\rsecond")
    time.sleep(0.3)
    t.type(ESC)
    time.sleep(1.2)
    t.type("kdd:wq\r")
    t.see(prompt)
    t.command("cat /tmp/edited; echo end", r"\nsecond\r\nend\r", prompt)


def pager_and_top(t, prompt):
    t.command("seq 1 500 >/tmp/lines", "", prompt)
    t.type("less /tmp/lines\r")
    t.see(r"[^0-9]20\r")
    t.type("G")
    t.see(r"[^0-9]500")
    t.type("q")
    t.see(prompt)
    t.type("top\r")
    t.see("(?i)load average")
    t.see("top")
    t.type("q")
    t.see(prompt)
    t.command("stty -a | tail -n 4", "icanon", prompt)


@case
def embedded_shell():
    with ash() as t:
        t.see(ASH)
        check(t.raw(), "the host's terminal is not in raw mode")
        line_editing(t, ASH)
        job_control(t, ASH)
        resize(t, ASH)
        vi(t, ASH)
        pager_and_top(t, ASH)
        t.type("exit\r")
        same(t.end(), 0)
        check(t.restored(), "the terminal is not as before")


def leave_search(t):
    # bash 5.2 acts on a ^C that comes while it draws a match only at the next key (readline calls the
    # hook by which bash ends the line only when its wait for keys was interrupted; so on the host, too).
    # The signal itself arrives each time: tests/guest/tty.c, interrupts_at_any_moment.
    for last in (False, False, True):
        t.type(CTRL_C)
        try:
            t.see(BASH, timeout=2 * PATIENCE)
            return
        except AssertionError:
            if last:
                raise


@case
def debian_shell():
    with debian() as t:
        line_editing(t, BASH)
        job_control(t, BASH)
        resize(t, BASH)
        vi(t, BASH, "vim.tiny")
        pager_and_top(t, BASH)
        t.type("\x12one-")                   # search backwards
        t.see("reverse-i-search")
        leave_search(t)
        t.type("exit\r")
        same(t.end(), 0)
        check(t.restored(), "the terminal is not as before")


@case
def shell_as_init():
    # No login, no setsid: the console is the terminal of a shell that is init.
    with Terminal(["quiet", "rdinit=/bin/sh"]) as t:
        t.see("# ")
        t.type("mount -t proc proc /proc; export PATH=/bin:/usr/bin:/sbin PS1='PS> '\r")
        t.see(BASH)
        job_control(t, BASH)
        t.type("poweroff -f\r")
        same(t.end(), 0)


@case
def bash_as_init():
    with Terminal(["quiet", *hostfs(debian_root()), "init=/bin/bash", "--", "--norc", "--noprofile"]) as t:
        t.see("# ")
        t.type("bind 'set enable-bracketed-paste off'; PS1='PS> '\r")
        t.see(r"\rPS> ")
        t.command("mount -t proc proc /proc; mount -t tmpfs tmp /tmp; export TERM=xterm PATH=/usr/bin:/bin; tty",
                  "/dev/", BASH)
        line_editing(t, BASH)
        job_control(t, BASH)
        resize(t, BASH)
        vi(t, BASH, "vim.tiny")
        pager_and_top(t, BASH)
        t.type("echo o >/proc/sysrq-trigger\r")
        same(t.end(), 0)
        check(t.restored(), "the terminal is not as before")


@case
def quit_key_and_output_stop():
    with ash() as t:
        t.see(ASH)
        t.type("sleep 99\r")
        time.sleep(0.2)
        t.type("\x1c")
        t.see(ASH)
        t.command("echo status $?", "\nstatus 131\r", ASH)
        t.type("(sleep 0.3; echo late) & \r")
        t.see(ASH)
        # ^S holds output back, ^Q lets it go. The shell reads raw, so stop inside cat.
        t.type("cat\r")
        time.sleep(0.1)
        t.type("\x13")
        time.sleep(0.6)
        t.type("\x11")
        t.see("late\r")
        t.type(CTRL_D)
        t.see(ASH)


# ---- whatever the end, the terminal is as before --------------------------------------------

def ends(how, status):
    with ash() as t:
        t.see(ASH)
        check(t.raw(), "not raw")
        how(t)
        same(t.end(), status)
        wait_for("the terminal as before", 2, t.restored)


@case
def terminal_after_poweroff():
    ends(lambda t: t.type("poweroff -f\r"), 0)


@case
def terminal_after_panic():
    ends(lambda t: t.type("kill -9 1; echo c >/proc/sysrq-trigger\r"), -signal.SIGABRT)


@case
def terminal_after_sigterm():
    ends(lambda t: t.proc.send_signal(signal.SIGTERM), 1)


@case
def terminal_after_sigkill():
    ends(lambda t: t.proc.send_signal(signal.SIGKILL), -signal.SIGKILL)


@case
def terminal_after_hangup():
    ends(lambda t: t.proc.send_signal(signal.SIGHUP), -signal.SIGHUP)


@case
def terminal_after_mass_murder():
    # Everything at once: the guardian, too. Then nobody can help; but the guests must be gone.
    with ash() as t:
        t.see(ASH)
        guests = descendants(t.proc.pid)
        t.proc.kill()
        t.end()
        wait_for("end of all processes", 1, lambda: not any(map(alive, guests)))


@case
def reboot_keeps_the_terminal():
    with ash() as t:
        t.see(ASH)
        t.type("reboot -f\r")
        t.see("embedded root file system")
        t.see(ASH)
        t.command("echo again", "\nagain\r", ASH)
        t.type("exit\r")
        same(t.end(), 0)
        wait_for("the terminal as before", 2, t.restored)


@case
def two_kernels_share_a_terminal():
    # The second is in the background of the first's terminal: it must not disturb it.
    with ash() as t:
        t.see(ASH)
        import subprocess
        from umlaut import LINUX
        p = subprocess.run([LINUX, "quiet", "rdinit=/bin/echo", "--", "from the other"], stdin=t.slave, stdout=t.slave,
                           stderr=subprocess.DEVNULL, timeout=20, check=False, process_group=0)
        same(p.returncode, -signal.SIGABRT)
        t.type("\r")
        t.see(ASH)
        t.command("echo still", "\nstill\r", ASH)
        t.type("exit\r")
        same(t.end(), 0)


main()
