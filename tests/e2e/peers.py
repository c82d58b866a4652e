#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs of others: Debian's uml_mconsole and its UML kernel, screen, telnet, xterm, getty and login."""
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from umlaut import (BUSYBOX, LINUX, PATIENCE, Skip, busybox_root, case, check, debian_root, descendants, holds, hostfs,
                    kill_tree, main, same, tmp, wait_for, write)

OURS = os.path.join(os.path.dirname(LINUX), "uml_mconsole")
THEIRS = "/usr/bin/uml_mconsole"
UML = "/usr/bin/linux.uml"
numbers = itertools.count()


def need(*programs):
    for p in programs:
        if not shutil.which(p):
            raise Skip(p + " is not installed")


class Machine:
    """A kernel, ours or UML's, that does nothing, below $HOME/.uml as both clients look for it."""

    def __init__(self, kernel, *options, root=None, init="/idle.sh", stdin=subprocess.DEVNULL, env=None):
        self.name = f"peer{next(numbers)}"
        self.home = tmp("home")
        self.log = os.path.join(tmp(), self.name + ".log")
        place = hostfs(root or idle_root()) + ["init=" + init] if init else []
        with open(self.log, "wb") as f:
            self.proc = subprocess.Popen([kernel, "umid=" + self.name, "mem=64M", *options, *place], stdin=stdin, stdout=f,
                                         stderr=f, start_new_session=True, env={**os.environ, "HOME": self.home, **(env or {})})
        self.socket = f"{self.home}/.uml/{self.name}/mconsole"

    def __enter__(self):
        wait_for("its socket", 20, lambda: os.path.exists(self.socket))
        return self

    def __exit__(self, *_):
        kill_tree(self.proc.pid)
        self.proc.wait()

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read().replace("\r", "")

    def ask(self, client, *command, stdin=""):
        r = subprocess.run([client, self.name, *command], input=stdin, capture_output=True, text=True, check=False,
                           timeout=20 * PATIENCE, env={**os.environ, "HOME": self.home, "UML_DIR": ""})
        return r.returncode, r.stdout


def idle_root():
    root = busybox_root("idle")
    write(root + "/idle.sh", "#!/bin/sh\nmount -t proc proc /proc\nwhile :; do sleep 1; done\n", 0o755)
    return root


QUIET = ["quiet", "con=null", "con0=null,fd:1", "ssl=null"]
# What must be the same, word for word and status for status, whoever asks and whoever answers.
# Not "config con0" of a line with two channels: UML shows one of them.
COMMANDS = ["help", "config con3", "config con5=pts", "config con5", "remove con5", "config con5", "remove con5",
            "config con5=null", "config con5", "remove con0", "remove con77", "remove conx", "config con=null", "config conx=null",
            "config con55=null", "config con4=bogus", "config con55", "config conx", "config con0=null", "config ssl3",
            "remove ssl99", "config ssl77=pts", "remove ssl3", "config ssl3", "config foo=1", "config foo", "config", "remove",
            "remove foo", "config mem=5", "config mem=-x", "remove mem", "stack", "stack 9999", "proc nope", "proc", "stop", "stop",
            "go", "go", "foo", "cad2x"]
# The beginning only: figures, and the letters that a kernel has.
ALIKE = [("version", "OK Linux (none) "), ("sysrq", "OK sysrq: HELP : loglevel(0-9) reboot(b) crash(c) "),
         ("sysrq m", "OK sysrq: Show Memory\n"), ("sysrq s", "OK sysrq: Emergency Sync\n"), ("proc uptime", "OK \n"),
         ("log from a peer", "OK ")]


def answers(kernel, client):
    with Machine(kernel, *QUIET) as m:
        time.sleep(1)
        got = [(c, m.ask(client, c)) for c in COMMANDS[:-1]]
        for command, start in ALIKE:
            status, out = m.ask(client, command)
            same((status, out.startswith(start)), (0, True), f"{command}: {out[:200]!r}")
        check(kernel == UML or "from a peer" in m.ask(OURS, "dmesg")[1], "the log line")
        status, out = m.ask(client, COMMANDS[-1])
        got.append((COMMANDS[-1], (status, out)))
    return got


@case
def both_clients_on_our_kernel():
    need(THEIRS, OURS)
    for (command, theirs), (_, ours) in zip(answers(LINUX, THEIRS), answers(LINUX, OURS)):
        same(ours, theirs, command)


@case
def same_texts_as_the_real_kernel():
    need(THEIRS, OURS, UML)
    real = answers(UML, THEIRS)
    bad = [(c, ours, theirs) for (c, ours), (_, theirs) in zip(answers(LINUX, THEIRS), real) if ours != theirs]
    same(bad, [], "our kernel and UML's answer")
    bad = [(c, ours, theirs) for (c, ours), (_, theirs) in zip(answers(UML, OURS), real) if ours != theirs]
    same(bad, [], "our client and Debian's say")


@case
def ends_by_debians_client():
    need(THEIRS)
    for command, options in (("halt", ()), ("reboot", ("noreboot",)), ("cad", ("noreboot",)), ("sysrq o", ()), ("int", ())):
        with Machine(LINUX, *QUIET, *options) as m:
            wait_for("the boot", 10, lambda: m.proc.poll() is None)
            m.ask(THEIRS, command)
            m.proc.wait(15 * PATIENCE)
            check(not os.path.exists(m.socket), command)


@case
def interactive_debian_client():
    need(THEIRS)
    with Machine(LINUX, *QUIET) as m:
        out = m.ask(THEIRS, stdin="version\nconfig con3\nstop\ngo\nlog one line\nquit\n")[1]
        holds(out, "OK Linux (none)", "OK null", "OK stopped")
        holds(m.ask(OURS, "dmesg")[1], "one line")


# ---- channels --------------------------------------------------------------------------------

def pts_of(m, line):
    return wait_for(f"the terminal of {line}", 10, lambda: re.search(rf"{line} assigned device '(/dev/pts/\d+)'", m.text()))[1]


GETTYS = """#!/bin/sh
mount -t proc proc /proc; mount -t devtmpfs dev /dev 2>/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do
	(while :; do {getty}; echo ended $i >/dev/console; done) &
done
while :; do sleep 1; done
"""


class Shell:
    """A terminal of the host on which a getty waits."""

    def __init__(self, device):
        self.fd = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.seen = b""

    def see(self, what, seconds=20):
        def look():
            try:
                self.seen += os.read(self.fd, 65536)
            except BlockingIOError:
                pass
            return what in self.seen
        try:
            wait_for(repr(what), seconds, look)
        except AssertionError as e:
            raise AssertionError(f"{e}; seen: {self.seen[-300:]!r}") from None
        self.seen = self.seen[self.seen.index(what) + len(what):]

    def type(self, text):
        os.write(self.fd, text.encode())


def ten_gettys(root, getty, log_in):
    write(root + "/gettys.sh", GETTYS.replace("{getty}", getty), 0o755)
    with Machine(LINUX, "con=pts", "con0=null,fd:1", "ssl=null", root=root, init="/gettys.sh") as m:
        shells = [Shell(pts_of(m, f"Virtual console {i}")) for i in range(1, 11)]
        for s in shells:
            log_in(s)
        for i, s in enumerate(shells, 1):
            s.type(f"tty; echo I am $(({i}*1000+1))\r")
        for i, s in enumerate(shells, 1):
            s.see(f"/dev/tty{i}\r\n".encode())
            s.see(f"I am {i * 1000 + 1}\r\n".encode())
        # Job control on each: ^C ends the sleep, not the shell.
        for s in shells:
            s.type("sh -c 'echo run''ning; exec sleep 1000'\r")
        for s in shells:
            s.see(b"running\r\n")
            s.type("\x03")
            s.see(b"# ")
            s.type("echo status $?\r")
            s.see(b"status 130\r\n")
        shells[4].type("exit\r")
        wait_for("the end of one session", 10, lambda: "ended 5" in m.text())
        log_in(shells[4])


@case
def ten_consoles_with_gettys():
    root = busybox_root("gettys")
    write(root + "/etc/passwd", "root::0:0:root:/root:/bin/sh\n")
    write(root + "/etc/group", "root:x:0:\ntty:x:5:\n")

    def log_in(s):
        s.see(b"login: ")
        s.type("root\r")
        s.see(b"# ")

    ten_gettys(root, "setsid -c getty 38400 tty$i linux", log_in)


@case
def ten_consoles_with_debians_gettys():
    root = debian_root()
    if not os.path.exists(root + "/sbin/agetty") or not os.path.exists(root + "/bin/login"):
        raise Skip("no agetty or login in the Debian root")

    def log_in(s):
        s.see(b"automatic login")
        s.see(b"# ")

    try:
        ten_gettys(root, "setsid -w /sbin/agetty -a root --noclear tty$i linux", log_in)
    finally:
        os.unlink(root + "/gettys.sh")


def shell_root():
    root = busybox_root("gettys")
    write(root + "/shell.sh", "#!/bin/sh\nmount -t proc proc /proc\nexport PS1='in here# '\nwhile :; do setsid -c sh -i "
          "</dev/tty1 >/dev/tty1 2>&1; echo ended; done\n", 0o755)
    return root


@case
def screen_on_a_pts():
    need("screen")
    with Machine(LINUX, "con=pts", "con0=null,fd:1", "ssl=null", root=shell_root(), init="/shell.sh") as m:
        device, name, copy = pts_of(m, "Virtual console 1"), "peer" + str(os.getpid()), os.path.join(tmp(), "hardcopy")
        env = {**os.environ, "SCREENDIR": tmp("screens"), "HOME": tmp("home")}
        os.chmod(tmp("screens"), 0o700)

        def screen(*args):
            return subprocess.run(["screen", *args], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)

        def shows(what):
            screen("-S", name, "-p", "0", "-X", "hardcopy", copy)
            try:
                with open(copy, encoding="utf-8", errors="replace") as f:
                    return what in f.read()
            except FileNotFoundError:
                return False
        screen("-dmS", name, device)
        try:
            screen("-S", name, "-p", "0", "-X", "stuff", "echo scr$((6*7))een\r")
            wait_for("the answer in screen", 15, lambda: shows("scr42een"))
        finally:
            screen("-S", name, "-X", "quit")


@case
def telnet_on_a_port():
    need("telnet")
    try:
        import pexpect
    except ImportError:
        raise Skip("python3-pexpect is missing") from None
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with Machine(LINUX, "con=null", "con0=null,fd:1", f"con1=port:{port}", "ssl=null", root=shell_root(), init="/shell.sh") as m:
        def dial():
            t = pexpect.spawn("telnet", ["127.0.0.1", str(port)], timeout=15 * PATIENCE, dimensions=(30, 100), encoding="utf-8")
            if t.expect(["Escape character", pexpect.EOF]) == 0:
                return t
            time.sleep(0.2)
            return None
        t = wait_for("a caller", 15, dial)
        t.expect("in here# ")
        t.send("echo te$((6*7))l\r")
        t.expect("te42l\r\n")
        t.send("stty size\r")
        t.expect("30 100\r\n")
        t.setwinsize(33, 120)
        time.sleep(0.5)
        t.send("stty size\r")
        t.expect("33 120\r\n")
        t.send("sleep 100\r")
        time.sleep(0.5)
        t.send("\x03")
        t.expect("in here# ")
        t.send("\x1d")
        t.expect("telnet> ")
        t.send("quit\r")
        wait_for("the hangup", 10, lambda: "ended" in m.text())


def screenshot(display, path):
    raw = subprocess.run(["xwd", "-root", "-silent", "-display", display], capture_output=True, check=True, timeout=20).stdout
    subprocess.run(["convert", "xwd:-", path], input=raw, check=True, timeout=20)
    gray = subprocess.run(["convert", path, "-colorspace", "Gray", "-depth", "8", "gray:-"], capture_output=True, check=True,
                          timeout=20).stdout
    return gray


@case
def a_real_xterm():
    need("Xvfb", "xterm", "xwd", "convert")
    display = f":{70 + os.getpid() % 100}"
    x = subprocess.Popen(["Xvfb", display, "-screen", "0", "800x600x24"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for("the display", 10, lambda: os.path.exists("/tmp/.X11-unix/X" + display[1:]))
        env = {"DISPLAY": display, "UML_PORT_HELPER": ""}
        empty = screenshot(display, os.path.join(tmp(), "empty.png"))
        root = shell_root()
        write(root + "/shell.sh", "#!/bin/sh\nmount -t proc proc /proc; stty size </dev/tty1; "
              "i=0; while [ $i -lt 20 ]; do echo XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX; i=$((i+1)); done >/dev/tty1; "
              "cat </dev/tty1; echo ended; sleep 100\n", 0o755)
        with Machine(LINUX, "con=null", "con0=null,fd:1", "con1=xterm", "ssl=null", root=root, init="/shell.sh", env=env) as m:
            wait_for("the size of the window", 20, lambda: "24 80" in m.text())
            path = os.environ.get("E2E_SCREENSHOT", os.path.join(tmp(), "xterm.png"))

            def text_is_there():
                # 800 letters on white: many dark pixels among many light ones.
                shot = screenshot(display, path)
                dark = sum(1 for a, b in zip(shot, empty) if b < 64 <= 192 < a)
                return dark > 20000 and sum(1 for p in shot if p < 64) > 5000
            wait_for("the window with its text", 15, text_is_there)
            time.sleep(1); text_is_there()
            titles = subprocess.run(["xwininfo", "-root", "-tree", "-display", display], capture_output=True, text=True, check=False)
            if titles.returncode == 0:
                holds(titles.stdout, f"Virtual Console #1 ({m.name})")
            windows = [p for p in descendants(m.proc.pid) if comm(p) == "xterm"] or \
                [int(p) for p in os.listdir("/proc") if p.isdigit() and comm(p) == "xterm" and display in environ(p)]
            same(len(windows), 1, "windows")
            os.kill(windows[0], signal.SIGTERM)
            wait_for("the hangup", 10, lambda: "ended" in m.text())
    finally:
        x.terminate()
        x.wait()


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
            return f.read().strip()
    except OSError:
        return ""


def environ(pid):
    try:
        with open(f"/proc/{pid}/environ", encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return ""


@case
def debians_port_helper():
    helper = "/usr/lib/uml/port-helper"
    if not os.access(helper, os.X_OK):
        raise Skip("Debian's port-helper is not installed")
    need("Xvfb", "xterm")
    display = f":{170 + os.getpid() % 100}"
    x = subprocess.Popen(["Xvfb", display], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for("the display", 10, lambda: os.path.exists("/tmp/.X11-unix/X" + display[1:]))
        root = busybox_root("gettys")
        write(root + "/size.sh", "#!/bin/sh\nstty size </dev/tty1; sleep 100\n", 0o755)
        with Machine(LINUX, "con=null", "con0=null,fd:1", "con1=xterm", "ssl=null", root=root, init="/size.sh",
                     env={"DISPLAY": display, "UML_PORT_HELPER": helper}) as m:
            wait_for("the size of the window", 20, lambda: "24 80" in m.text())
    finally:
        x.terminate()
        x.wait()


@case
def a_tty_channel():
    master, slave = os.openpty()
    try:
        with Machine(LINUX, "con=null", "con0=null,fd:1", "con1=tty:" + os.ttyname(slave), "ssl=null", root=shell_root(),
                     init="/shell.sh"):
            def answered():
                os.write(master, b"echo t$((6*7))y\r")
                time.sleep(0.2)
                return b"t42y" in os.read(master, 65536)
            wait_for("the answer", 10, answered)
    finally:
        os.close(master)
        os.close(slave)


# ---- another user ----------------------------------------------------------------------------

class NamedPlace:
    def __init__(self, place):
        self.path = place + "/mine/mconsole"
        self.proc = subprocess.Popen([LINUX, "quiet", "con=null", "con0=null", "ssl=null", "umid=mine", "uml_dir=" + place,
                                      "rdinit=/bin/sh", "--", "-c", "sleep 1000"], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def __enter__(self):
        wait_for("its socket", 10, lambda: os.path.exists(self.path))
        return self

    def __exit__(self, *_):
        kill_tree(self.proc.pid)
        self.proc.wait()


@case
def a_second_user_gets_nothing():
    if os.getuid():
        raise Skip("needs root for a second user")
    need(OURS)
    place = tmp("open")
    os.chmod(tmp(), 0o755)
    os.chmod(place, 0o755)
    with NamedPlace(place) as m:
        for client in filter(lambda c: os.access(c, os.X_OK), (OURS, THEIRS)):
            copy = shutil.copy(client, os.path.join(tmp(), "client" + str(len(client))))
            os.chmod(copy, 0o755)
            r = subprocess.run([copy, m.path, "version"], capture_output=True, text=True, timeout=20, check=False, user=65534,
                               group=65534, extra_groups=[])
            check("Linux" not in r.stdout, "refused", r)
            holds(r.stdout + r.stderr, "Permission denied")
        for path in (m.path, os.path.dirname(m.path) + "/pid"):
            r = subprocess.run([BUSYBOX, "rm", "-f", path], capture_output=True, text=True, timeout=20, check=False, user=65534,
                               group=65534, extra_groups=[])
            check(r.returncode and os.path.exists(path), "kept", r)
        r = subprocess.run([BUSYBOX, "kill", "-9", str(m.proc.pid)], capture_output=True, timeout=20, check=False, user=65534,
                           group=65534, extra_groups=[])
        check(r.returncode and m.proc.poll() is None, "alive", r)


main()
