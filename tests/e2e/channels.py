#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Consoles on TCP ports and in windows."""
import os
import signal
import socket
import subprocess
import time

from umlaut import LINUX, Skip, case, check, holds, kill_tree, main, same, tmp, wait_for, write

IAC = b"\xff"
SHELLS = ("mount -t devtmpfs d /dev; for i in {}; do (while true; do setsid -c sh -i </dev/tty$i >/dev/tty$i 2>&1; "
          "echo ended $i; done)& done; wait")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Machine:
    def __init__(self, *options, script, env=None):
        self.log = os.path.join(tmp(), f"log{time.monotonic_ns()}")
        with open(self.log, "w", encoding="utf-8") as f:
            self.proc = subprocess.Popen(
                [LINUX, "con=null", "ssl=null", "mem=64M", "uml_dir=" + tmp("uml"), *options, "rdinit=/bin/sh", "--",
                 "-c", script], stdin=subprocess.DEVNULL, stdout=f, stderr=f, start_new_session=True,
                env={**os.environ, **(env or {})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        kill_tree(self.proc.pid)
        self.proc.wait()

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read().replace("\r", "")


class Caller:
    def __init__(self, port):
        self.sock = wait_for("a listener", 10, lambda: self.connect(port))
        self.sock.settimeout(0.1)
        self.data = b""
        self.closed = False

    @staticmethod
    def connect(port):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            return None

    def read(self):
        try:
            d = self.sock.recv(4096)
            self.data += d
            self.closed = not d
        except (TimeoutError, socket.timeout):
            pass
        return self.data

    def see(self, what):
        try:
            wait_for(repr(what), 10, lambda: what in self.read())
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.data!r}") from None
        self.data = self.data[self.data.index(what) + len(what):]

    def say(self, what):
        self.sock.sendall(what)


@case
def ports():
    port = free_port()
    with Machine("con0=null,fd:1", f"con1=port:{port}", f"con2=port:{port}", script=SHELLS.format("1 2")) as m:
        a = Caller(port)
        a.see(IAC + b"\xfb\x01")
        a.see(b"# ")
        a.say(IAC + b"\xfb\x1f" + IAC + b"\xfa\x1f\x00\x64\x00\x28" + IAC + b"\xf0" + b"stty size; echo a$((1+1))\r\0")
        a.see(b"40 100\r\n")
        a.see(b"a2\r\n")
        a.say(b"printf '\\377' | od -An -tx1; printf 'x\\377y\\n'\r\n")
        a.see(b" ff\r\n")
        a.see(b"x" + IAC + IAC + b"y\r\n")
        b = Caller(port)
        b.see(b"# ")
        c = Caller(port)
        c.see(b"There are currently no UML consoles waiting for port connections.")
        wait_for("the end", 5, lambda: c.read() is not None and c.closed)
        b.say(b"sleep 100\r\n")
        b.see(b"sleep 100\r\n")
        time.sleep(0.3)
        b.say(IAC + b"\xf4")
        b.see(b"^C")            # these shells run in the background of one that ignores it
        a.sock.close()
        wait_for("the hangup", 5, lambda: "\nended" in m.text())
        time.sleep(0.5)
        d = Caller(port)
        d.see(b"# ")


@case
def a_line_that_is_closed_hangs_up():
    port = free_port()
    with Machine("con0=null,fd:1", f"con1=port:{port}",
                 script="mount -t devtmpfs d /dev; echo bye >/dev/tty1; sleep 100"):
        a = Caller(port)
        a.see(b"bye\r\n")
        wait_for("the end", 5, lambda: a.read() is not None and a.closed)


@case
def console_on_a_port():
    port = free_port()
    with Machine(f"con0=port:{port}", script="echo hello from init; sleep 100"):
        a = Caller(port)
        a.see(b"Run /bin/sh as init process")
        a.see(b"hello from init\r\n")


@case
def ports_after_a_reboot():
    port = free_port()
    with Machine("con0=null,fd:1", f"con1=port:{port}", "umid=again",
                 script="mount -t devtmpfs d /dev; mount -t proc p /proc; echo up >/dev/tty1; read x </dev/tty1; "
                 "echo b >/proc/sysrq-trigger; sleep 100"):
        a = Caller(port)
        a.see(b"up\r\n")
        a.say(b"\r\n")
        wait_for("the end of the first", 10, lambda: a.read() is not None and a.closed)
        # The helper listens all the time: until the line waits again callers are sent away.
        wait_for("the second boot", 15, lambda: greeted(Caller(port)))


def greeted(caller):
    end = time.monotonic() + 1
    while time.monotonic() < end and not caller.closed and b"up\r\n" not in caller.read():
        pass
    return b"up\r\n" in caller.data


@case
def port_in_use():
    with socket.socket() as s:
        s.bind(("", 0))
        s.listen()
        port = s.getsockname()[1]
        with Machine("con0=null,fd:1", f"con1=port:{port}",
                     script="mount -t devtmpfs d /dev; echo x >/dev/tty1 || echo refused; sleep 100") as m:
            wait_for("the refusal", 10, lambda: "\nrefused" in m.text())
            holds(m.text(), f"binding to port {port} failed, errno = 98")


@case
def bad_ports():
    with Machine("con0=null,fd:1", "con1=port", "con2=port:x", "con3=port:70000", script="sleep 100") as m:
        wait_for("the boot", 10, lambda: "Run /bin/sh" in m.text())
        holds(m.text(), "port_init : channel type 'port' must specify a port number",
              "port_init : couldn't parse port 'x'", "port_init : couldn't parse port '70000'")


@case
def windows():
    # An emulator that runs the helper on a pseudo terminal and shows it in files.
    emulator = os.path.join(tmp(), "emulator.py")
    write(emulator, f"""#!/usr/bin/env python3
import os, pty, sys, select, time
open({tmp()!r} + "/args", "w").write("|".join(sys.argv[1:4]))
pid, fd = pty.fork()
if not pid:
    os.execv(sys.argv[4], sys.argv[4:])
time.sleep(0.5)
os.write(fd, b"echo w$((40+2))\\r")
out = open({tmp()!r} + "/screen", "wb", 0)
open({tmp()!r} + "/pid", "w").write(str(os.getpid()))
while not os.path.exists({tmp()!r} + "/close"):
    if select.select([fd], [], [], 0.1)[0]:
        out.write(os.read(fd, 4096))
""", 0o755)
    with Machine("con0=null,fd:1", "con1=xterm", f"xterm={emulator},-T,-x", "umid=win", script=SHELLS.format("1"),
                 env={"DISPLAY": ":77"}) as m:
        def screen():
            try:
                with open(tmp() + "/screen", encoding="utf-8", errors="replace") as f:
                    return f.read()
            except FileNotFoundError:
                return ""
        wait_for("the window", 10, lambda: "w42" in screen())
        with open(tmp() + "/args", encoding="utf-8") as f:
            same(f.read(), "-T|Virtual Console #1 (win)|-x")
        write(tmp() + "/close", "")
        wait_for("the hangup", 5, lambda: "ended 1" in m.text())
    os.unlink(tmp() + "/close")
    os.unlink(tmp() + "/pid")
    with Machine("con0=null,fd:1", "con1=xterm", f"xterm={emulator},-T,-x", script=SHELLS.format("1"),
                 env={"DISPLAY": ":77"}) as m:
        wait_for("the window", 10, lambda: os.path.exists(tmp() + "/pid"))
        with open(tmp() + "/pid", encoding="utf-8") as f:
            wait_for("its number", 5, lambda: os.path.getsize(tmp() + "/pid"))
            pid = int(f.read())
        wait_for("the shell", 10, lambda: "w42" in screen())
        m.proc.send_signal(signal.SIGTERM)
        m.proc.wait()
        wait_for("the window closes", 5, lambda: not os.path.exists(f"/proc/{pid}"))
    with Machine("con0=null,fd:1", "con1=xterm", script=SHELLS.format("1"),
                 env={"DISPLAY": "", "WAYLAND_DISPLAY": ""}) as m:
        wait_for("the message", 10, lambda: "neither $DISPLAY nor $WAYLAND_DISPLAY is set." in m.text())


@case
def a_window_that_never_comes():
    emulator = os.path.join(tmp(), "slow.sh")
    write(emulator, f"#!/bin/sh\necho $7 >{tmp()}/pipe.new; mv {tmp()}/pipe.new {tmp()}/pipe; exec sleep 100\n", 0o755)
    for sig in (signal.SIGKILL, signal.SIGTERM):
        with Machine("con0=null,fd:1", "con1=xterm", f"xterm={emulator},-T,-x", script=SHELLS.format("1"),
                     env={"DISPLAY": ":77", "UML_PORT_HELPER": ""}) as m:
            wait_for("the emulator", 10, lambda: os.path.exists(tmp() + "/pipe"))
            with open(tmp() + "/pipe", encoding="utf-8") as f:
                path = f.read().strip()
            holds(path, "/tmp/xterm-pipe")
            same(os.stat(path).st_mode & 0o777, 0o600)
            m.proc.send_signal(sig)
            m.proc.wait()
            wait_for("the socket goes", 5, lambda: not os.path.exists(path))
        os.unlink(tmp() + "/pipe")


@case
def pty_without_bsd_ptys():
    if os.path.exists("/dev/ptyp0"):
        raise Skip("this host has BSD ptys")
    with Machine("con0=null,fd:1", "con1=pty", script="mount -t devtmpfs d /dev; echo x >/dev/tty1; echo on; sleep 100") as m:
        wait_for("the message", 10, lambda: "\non" in m.text())
        holds(m.text(), "getmaster - no usable host pty devices")


@case
def helper_goes_with_the_kernel():
    port = free_port()
    m = Machine("con0=null,fd:1", f"con1=port:{port}", script="sleep 100")
    wait_for("the boot", 10, lambda: "Run /bin/sh" in m.text())
    m.proc.send_signal(signal.SIGKILL)
    m.proc.wait()
    check(True)

    def nobody():
        # The port is only listened on once a line was opened; the helper must be gone either way.
        with os.popen("ps -eo comm,args") as p:
            return f"port:{port}" not in p.read()
    wait_for("the helper's end", 5, nobody)


if __name__ == "__main__":
    main()
