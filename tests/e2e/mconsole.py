#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The management console: protocol, commands, texts, notifications; and uml_mconsole."""
import array
import contextlib
import os
import random
import select
import signal
import socket
import stat
import struct
import subprocess
import threading
import time

from umlaut import LINUX, SPEAK, Skip, case, check, holds, kill_tree, main, same, tmp, wait_for

MAGIC = 0xCAFEBABE
CLIENT = os.path.join(os.path.dirname(LINUX), "uml_mconsole")
COUNT = "mount -t proc proc /proc; i=0; while true; do i=$((i+1)); echo $i >/dev/shm/n; done"
numbers = iter(range(1000))


class Machine:
    """A machine with a console, and a client's socket."""

    def __init__(self, *options, init="sleep 1000"):
        self.name = f"m{next(numbers)}"
        self.dir = os.path.join(tmp("uml"), self.name)
        self.path = os.path.join(self.dir, "mconsole")
        self.log = open(os.path.join(tmp(), self.name + ".log"), "w+", encoding="utf-8", errors="replace")
        self.proc = subprocess.Popen(
            [LINUX, "con=null", "con0=null,fd:1", "ssl=null", "mem=64M", "uml_dir=" + tmp("uml"),
             "umid=" + self.name, *options, "rdinit=/bin/sh", "--", "-c", init],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind("\0" + "e2e" + str(os.getpid()) + self.name)
        self.sock.settimeout(10)
        wait_for("the boot of " + self.name, 10, lambda: "Run /bin/sh" in self.text())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.proc.poll() is None:
            kill_tree(self.proc.pid)
            self.proc.wait()
        self.sock.close()
        self.log.close()

    def text(self):
        self.log.flush()
        with open(self.log.name, encoding="utf-8", errors="replace") as f:
            return f.read().replace("\r", "")

    def send(self, data):
        self.sock.sendto(data, self.path)

    def receive(self):
        """One answer: error of the first packet, all text."""
        text, error, first = b"", 0, True
        while True:
            p = self.sock.recv(2000)
            err, more, n = struct.unpack("iII", p[:12])
            same(len(p), 12 + n, "packet size")
            same(p[-1], 0, "final NUL")
            text += p[12:-1]
            if first:
                error, first = err, False
            else:
                same(err, 0, "error of a later packet")
            if not more:
                return error, text.decode(errors="replace")

    def ask(self, command):
        c = command.encode()
        self.send(struct.pack("III", MAGIC, 2, len(c)) + c)
        return self.receive()

    def expect(self, command, text="", error=0):
        same(self.ask(command), (error, text), command)


@case
def boot_message_and_socket():
    with Machine() as m:
        holds(m.text(), f"mconsole (version 2) initialized on {m.path}")
        same(stat.S_IMODE(os.stat(m.path).st_mode), 0o600)


@case
def simple_commands():
    with Machine() as m:
        error, text = m.ask("version")
        same(error, 0)
        same(text.split()[0], "Linux")
        same(m.ask("version2")[1], text, "matched as a prefix")
        holds(m.ask("help")[1], "Commands: \n    version - Get kernel version \n",
              "    stack <pid> - returns the stack of the specified pid\n")
        m.expect("log hello there")
        wait_for("the log line", 5, lambda: "] hello there" in m.text())
        m.expect("foo", "Unknown command", 1)
        m.expect("", "Unknown command", 1)


@case
def devices():
    with Machine() as m:
        for command, text, error in (
                ("config con3", "null", 0), ("config con0", "null,fd:1", 0), ("config con5=pts", "", 0),
                ("config con5", "pts", 0), ("remove con5", "", 0), ("config con5", "none", 0),
                ("remove con77", "Device number out of range", -22),
                ("remove con0", "Device is already open", -22),
                ("config con0=null", "Device is already open", -22),
                ("config con=null", "Can't configure all devices from mconsole", -22),
                ("config conx=null", "Couldn't parse device number", -22),
                ("config con55=null", "Device number out of range", -22),
                ("config con4=bogus", "failed to parse channel pair", -1),
                ("config con4", "null", 0),
                ("config con55", "device number out of range", 1),
                ("config conx", "line_get_config failed to parse device number", 1),
                ("remove conx", "Couldn't parse device number", 1),
                ("config ssl3", "null", 0), ("remove ssl3", "", 0), ("config ssl3", "none", 0),
                ("config foo=1", "Bad configuration option", 1), ("config", "Bad configuration option", 1),
                ("remove foo", "Bad remove option", 1), ("remove", "Bad remove option", 1),
                ("config mem", str(64 << 20), 0), ("config mem=-16M", "", 0),
                ("config mem", str(48 << 20), 0), ("config mem=+1G", "", 0),
                ("config mem", str(64 << 20), 0),
                ("config mem=5", "Expected increment to start with '-' or '+'", -22),
                ("config mem=-x", "Failed to parse memory increment", -22),
                ("config mem=-64M", "Failed to release memory", -12),
                ("remove mem", "Memory doesn't support the remove operation", -16)):
            m.expect(command, text, error)


@case
def sysrq():
    with Machine() as m:
        holds(m.ask("sysrq")[1], "sysrq: HELP : loglevel(0-9) reboot(b)", "show-task-states(t)")
        holds(m.ask("sysrq m")[1], "sysrq: Show Memory\n", "Mem-Info:")
        holds(m.ask("sysrq s")[1], "sysrq: Emergency Sync\n", "Emergency Sync complete\n")
        wait_for("sleep", 5, lambda: "task:sleep" in m.ask("sysrq t")[1])
        holds(m.ask("sysrq t")[1], "Call Trace:", "user_loop+0x")
        holds(m.ask("sysrq w")[1], "sysrq: Show Blocked State")
        holds(m.ask("sysrq 9")[1], "Loglevel set to 9")


@case
def stack():
    with Machine() as m:
        m.expect("stack", "Please specify a pid", 1)
        m.expect("stack 9999", "Couldn't find that pid", 1)
        m.expect("stack 99999999999", "Couldn't find that pid", 1)
        wait_for("sleep", 5, lambda: "hrtimer_nanosleep" in m.ask("stack 1")[1] or
                 "task:sleep" in m.ask("stack 1")[1])
        holds(m.ask("stack 1")[1], "pid:1", "Call Trace:")


@case
def proc():
    with Machine(init=COUNT) as m:
        error, text = m.ask("proc uptime")
        same(error, 0)
        same(text[0], "\n")
        float(text.split()[0])
        check(len(m.ask("proc cpuinfo")[1]) > 600, "a long answer in packets")
        m.expect("proc nope", "Failed to open file", 1)
        m.expect("proc", "Read of file failed", 1)
        holds(m.ask("proc ../../etc/passwd")[1], "Failed to open file")


@case
def stop_and_go():
    def ticks():
        f = m.ask("proc 1/stat")[1].split()
        return int(f[13]) + int(f[14])

    with Machine(init=COUNT) as m:
        m.expect("go", "Not stopped", 1)
        m.expect("stop", "stopped")
        m.expect("stop", "Already stopped", 1)
        time.sleep(0.1)
        before = ticks()
        time.sleep(0.5)
        same(ticks(), before, "stands still")
        m.expect("go")
        wait_for("it goes on", 5, lambda: ticks() > before)


@case
def cad_and_reboot():
    with Machine("noreboot") as m:
        m.expect("cad")
        same(m.proc.wait(10), 0)
        check(not os.path.exists(m.dir), "the directory is gone")
    with Machine() as m:
        m.expect("reboot")
        wait_for("the second boot", 10, lambda: m.text().count("mconsole (version 2)") == 2)
        same(m.ask("version")[0], 0)


@case
def halt():
    with Machine() as m:
        m.expect("halt")
        same(m.proc.wait(10), 0)
        check(not os.path.exists(m.dir), "the directory is gone")


@case
def every_end_removes_the_socket():
    for how in ("sysrq o", "sysrq b"):
        with Machine("noreboot") as m:
            m.ask(how)
            m.proc.wait(10)
            check(not os.path.exists(m.dir), how)
    for sig in (signal.SIGTERM, signal.SIGINT):
        with Machine() as m:
            m.proc.send_signal(sig)
            same(m.proc.wait(10), 1)
            check(not os.path.exists(m.dir), "the directory is gone")


@case
def protocol_errors():
    with Machine() as m:
        m.send(struct.pack("III", 0x12345678, 2, 4) + b"halt")
        same(m.sock.recv(2000), b"ERR Version 0 mconsole clients are not supported by this driver")
        m.send(struct.pack("III", MAGIC, 1, 4) + b"halt")
        same(m.receive(), (1, "This driver only supports version 2 clients"))
        m.send(struct.pack("III", MAGIC, 2, 512) + b"x" * 512)
        same(m.receive(), (1, "Request too large"))
        m.send(struct.pack("III", MAGIC, 2, 100) + b"version")
        same(m.receive()[1].split()[0], "Linux", "cut short")
        m.send(b"\xca")
        same(m.ask("version")[0], 0, "still there")


@case
def garbage_and_floods():
    with Machine(init=COUNT) as m:
        rnd = random.Random(7)
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.setblocking(False)
        for i in range(3000):
            data = rnd.randbytes(rnd.randrange(700))
            if i % 3 == 0:
                data = struct.pack("III", MAGIC, 2, rnd.randrange(600)) + data
            with contextlib.suppress(BlockingIOError):
                s.sendto(data, m.path)
        # A client that never reads.
        s.bind("\0" + "deaf" + str(os.getpid()))
        for i in range(200):
            with contextlib.suppress(BlockingIOError):
                s.sendto(struct.pack("III", MAGIC, 2, 11) + b"proc 1/maps", m.path)
        s.close()
        m.sock.settimeout(30)
        same(m.ask("version")[0], 0)
        check(m.proc.poll() is None, "alive")


WORDS = ["version", "help", "config", "remove", "sysrq m", "sysrq t", "sysrq w", "sysrq s", "stop", "go", "log", "proc", "stack", "exec", "dmesg", "con", "con0",
         "con3", "con3=", "con3=null", "con15=pts", "con16=pts", "ssl63=null", "ssl=none", "mem", "mem=-1M", "mem=+1M", "mem=-", "ubd0",
         "ubd0=/dev/null", "ubda=x,y", "=", "==", ",", "con-1=null", "con99999999999=null", "1", "-1", "99999999", "m", "t", "w", "s",
         "self/maps", "1/environ", "..", "/", "kmsg", "%s%n", "\n", "\0", "x" * 300, "\xff"]


def passed(pid):
    """Descriptors of /dev/null, which we pass."""
    count = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(f"/proc/{pid}/fd/{fd}") == "/dev/null"
    return count


@case
def fuzzed_commands():
    seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
    rnd = random.Random(seed)
    with Machine(init=COUNT) as m:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind("\0" + "fuzz" + str(os.getpid()))
        s.settimeout(20)

        def read_answers():
            with contextlib.suppress(OSError, ValueError):
                while s.fileno() >= 0:
                    if select.select([s], [], [], 0.2)[0]:
                        s.recv(2000)
        threading.Thread(target=read_answers, daemon=True).start()
        null, before = os.open("/dev/null", os.O_RDWR), passed(m.proc.pid)
        for i in range(1500 if os.environ.get("SOAK") != "1" else 100000):
            text = "".join(rnd.choice(WORDS) + rnd.choice([" ", "", " ", "="]) for _ in range(rnd.randrange(1, 5)))
            data = text.encode("latin-1")[:511]
            head = struct.pack("III", rnd.choice([MAGIC] * 9 + [1]), rnd.choice([2] * 9 + [3]),
                               rnd.choice([len(data)] * 9 + [rnd.randrange(1 << 32)]))
            packet = (head + data)[:rnd.choice([600] * 9 + [rnd.randrange(600)])]
            # What ends a machine rightly is not among the words.
            fds = array.array("i", [null] * rnd.choice([0] * 6 + [1, 2, 8]))
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else []
            try:
                s.sendmsg([packet], rights, 0, m.path)
            except OSError as e:
                raise AssertionError(f"seed {seed}, step {i}: {e}; {packet!r}; {m.text()[-700:]}") from None
            if i % 50 == 0:
                m.ask("go")
        m.sock.settimeout(30)
        m.ask("go")
        same(m.ask("version")[0], 0, f"seed {seed}")
        check(m.proc.poll() is None, f"seed {seed}: alive")
        wait_for(f"seed {seed}: descriptors as before", 10, lambda: passed(m.proc.pid) <= before)
        out = m.ask("proc 1/stat")[1].split()
        time.sleep(0.5)
        check(int(m.ask("proc 1/stat")[1].split()[13]) >= int(out[13]), "the guest runs")
        s.close()
        os.close(null)


@case
def notifications():
    path = os.path.join(tmp(), "notify")
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    s.settimeout(10)

    def notice():
        p = s.recv(2000)
        magic, version, kind, n = struct.unpack("IIII", p[:16])
        same((magic, version, len(p)), (MAGIC, 2, 16 + n))
        return kind, p[16:]

    with Machine("mconsole=notify:" + path,
                 init="mount -t proc p /proc; echo -n hi >/proc/mconsole; sleep 1000") as m:
        same(notice(), (0, m.path.encode() + b"\0"))
        same(notice(), (3, b"hi"))
        m.send(struct.pack("III", MAGIC, 2, 7) + b"sysrq c")
        same(notice(), (1, b"sysrq triggered crash\0"))
        same(m.proc.wait(10), -signal.SIGABRT)
    s.close()


@case
def wrong_option():
    r = subprocess.run([LINUX, *SPEAK, "mconsole=bogus", "rdinit=/bin/false"], capture_output=True, text=True,
                       timeout=20, check=False)
    holds(r.stderr, "mconsole_setup : Unknown option - 'bogus'")


# ---- uml_mconsole --------------------------------------------------------------------------

def client(m, *words, stdin="", env=None):
    if not os.access(CLIENT, os.X_OK):
        raise Skip("uml_mconsole is not built")
    return subprocess.run([CLIENT, *([m] if m else []), *words], input=stdin, capture_output=True, text=True,
                          timeout=20, check=False, env={**os.environ, **(env or {})})


@case
def client_once():
    with Machine() as m:
        r = client(m.path, "version")
        same((r.returncode, r.stdout[:9]), (0, "OK Linux "))
        r = client(m.path, "remove", "con77")
        same((r.returncode, r.stdout), (234, "ERR Device number out of range\n"))
        r = client(m.name, "config con3", env={"UML_DIR": tmp("uml")})
        same((r.returncode, r.stdout), (0, "OK null\n"))
        holds(client(m.path, "help").stdout, "OK Commands: ", "Additional local mconsole commands:",
              "    int  - Interrupt UML session")
        same(client(m.path, "mconsole-version").stdout, "uml_mconsole client version 2\n")
        same(client(m.path, "int").returncode, 0)
        same(m.proc.wait(10), 1)


@case
def client_interactive():
    with Machine() as m:
        r = client(m.path, stdin="version\nswitch nowhere\nproc uptime\nquit\nversion\n")
        same(r.returncode, 0)
        holds(r.stdout, f"({m.path[:10]}) version", "OK Linux ")
        same(r.stdout.count("OK Linux"), 1, "quit ends it")


@case
def client_log_file():
    path = os.path.join(tmp(), "lines")
    with open(path, "w", encoding="utf-8") as f:
        f.write("first line\n" + "y" * 1200 + "\n")
    with Machine() as m:
        same(client(m.path, "log", "-f", path).returncode, 0)
        wait_for("the lines", 5, lambda: "] first line" in m.text() and m.text().count("y" * 150) >= 3)


@case
def client_without_machine():
    r = client("nothing", "version")
    same(r.returncode, 1)
    holds(r.stderr, "Warning: couldn't stat file: ", "Sending command to '' : Invalid argument")
    r = client("")
    same(r.returncode, 1)
    holds(r.stderr, "Usage : uml_mconsole socket-name [command]")


@case
def debians_client():
    if not os.access("/usr/bin/uml_mconsole", os.X_OK):
        raise Skip("uml-utilities is not installed")
    with Machine() as m:
        for command in ("version", "help", "config con3", "remove con77", "sysrq", "proc uptime", "stop", "go"):
            theirs = subprocess.run(["/usr/bin/uml_mconsole", m.path, command], capture_output=True, text=True,
                                    timeout=20, check=False)
            ours = client(m.path, command)
            if command in ("stop", "go"):
                continue
            same(theirs.returncode, ours.returncode, command)
            if "uptime" not in command:
                same(theirs.stdout, ours.stdout, command)


if __name__ == "__main__":
    main()
