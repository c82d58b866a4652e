#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""umlaut: run, exec, ps, logs, stop, kill; the overlay behind --ephemeral."""
import json
import os
import signal
import subprocess
import time

from front import UMLAUT, env, on_terminal, place, sh, umlaut
from umlaut import LINUX, PATIENCE, busybox_root, case, check, descendants, holds, main, same, tmp, wait_for, write


@case
def output_and_status():
    r = sh("echo out; echo err >&2; exit 7")
    same((r.returncode, r.stdout, r.stderr), (7, "out\n", "err\n"))
    r = sh("kill -9 $$")
    same(r.returncode, 137)
    r = umlaut("run", "-", "nothing-of-that-name")
    same(r.returncode, 127)
    holds(r.stderr, "umlaut: cannot run 'nothing-of-that-name': No such file or directory")
    r = umlaut("run", "-", "/etc/passwd")
    same(r.returncode, 126)
    same(os.listdir(place()), [])


@case
def input_is_forwarded():
    text = "".join(f"{i}\n" for i in range(50000))
    r = umlaut("run", "-", "cat", input=text)
    same((r.returncode, r.stdout == text), (0, True))
    with open("/etc/services", encoding="utf-8") as f:
        r = umlaut("run", "-", "wc", "-c", stdin=f)
    same(r.stdout.strip(), str(os.path.getsize("/etc/services")))


@case
def pipes_break_as_usual():
    p = subprocess.run(f"{UMLAUT} run - yes | head -2; echo ${{PIPESTATUS[0]}}", shell=True, executable="/bin/bash",
                       capture_output=True, text=True, timeout=30, env=env(), check=False)
    same(p.stdout, "y\ny\n141\n")


@case
def environment_user_and_directory():
    r = sh("echo $A $B $HOME; pwd; id -u; id -g", "-e", "A=1", "-e", "B=x y", "-w", "/tmp", "-u", "1000:100")
    same(r.stdout, "1 x y /\n/tmp\n1000\n100\n")
    same(sh("id -un; echo $HOME", "-u", "root").stdout, "root\n/root\n")


@case
def memory_and_cpus():
    r = sh("nproc; head -1 /proc/meminfo", "--mem", "40M", "--cpus", "1")
    same(r.stdout.split(), ["1", "MemTotal:", "40960", "kB"])
    r = sh("a=xxxxxxxxxxxxxxxx; while true; do a=$a$a; done", "--mem", "40M", "--json")
    check(r.returncode != 0, "ended", r)


@case
def binds():
    d = tmp("bound")
    write(d + "/f", "from the host")
    r = sh("cat /data/f; echo back >/data/g; cat /ro/f; echo x 2>/dev/null >/ro/h || echo refused",
           "-b", f"{d}:/data", "-b", f"{d}:/ro:ro")
    same(r.stdout, "from the hostfrom the hostrefused\n", r)
    with open(d + "/g", encoding="utf-8") as f:
        same(f.read(), "back\n")


@case
def time_limit():
    started = time.monotonic()
    r = sh("sleep 100", "--timeout", "1")
    same((r.returncode, "timed out after 1 second" in r.stderr), (124, True), r)
    check(time.monotonic() - started < 8 * PATIENCE, "in time")
    r = sh("trap '' TERM; while true; do sleep 100; done", "--timeout", "1")
    same(r.returncode, 124, r)


@case
def interrupts():
    p = subprocess.Popen([UMLAUT, "run", "-", "sh", "-c", "echo ready; sleep 100"], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=env())
    p.stdout.readline()
    p.send_signal(signal.SIGINT)
    _, err = p.communicate(timeout=20)
    same((p.returncode, "interrupted" in err), (130, True), err)
    p = subprocess.Popen([UMLAUT, "run", "-", "sh", "-c", "echo ready; sleep 100"], stdout=subprocess.PIPE,
                         stdin=subprocess.DEVNULL, text=True, env=env())
    p.stdout.readline()
    inside = descendants(p.pid)
    p.kill()
    p.wait()
    wait_for("nothing is left of it", 10, lambda: not any(os.path.exists(f"/proc/{x}") for x in inside))
    wait_for("no directory", 5, lambda: not os.listdir(place()))


@case
def terminals():
    out, status = on_terminal(["run", "-", "sh"], [("# ", "tty\r"), ("# ", "sleep 50\r"), ("sleep", "\x03"),
                                                   ("# ", "echo a$((1+1))b; exit 3\r")])
    holds(out, "a2b")
    same(status, 3)


@case
def ephemeral_changes_nothing():
    root = busybox_root("ephemeral")
    write(root + "/etc/a", "one\n")
    os.link(root + "/etc/a", root + "/etc/a2") if not os.path.exists(root + "/etc/a2") else None
    before = subprocess.run(["find", root, "-printf", "%P %m %s %T@ %l\n"], capture_output=True, check=True).stdout
    r = sh("""
        cd /etc; echo two >>a; cat a a2; rm a2; ls; mv a b; cat b; mkdir d; echo x >d/f; rm -r d
        rm -rf /mnt; mkdir /mnt; ls -A /mnt | wc -l; chmod 700 /root; stat -c %a /root
        ln b c; stat -c %h c; seq 500 | while read i; do echo $i >/tmp/f$i; done; ls /tmp | wc -l
        rmdir /etc 2>/dev/null || echo not empty; df /etc | tail -1 | cut -d' ' -f1
        """, "--ephemeral", root=root)
    same(r.stdout.split("\n"), ["one", "two", "one", "two", "a", "one", "two", "0", "700", "2", "500", "not empty",
                                "overlay", ""], r)
    after = subprocess.run(["find", root, "-printf", "%P %m %s %T@ %l\n"], capture_output=True, check=True).stdout
    same(after, before)


@case
def read_only_root():
    root = busybox_root("ephemeral")
    r = sh("echo x 2>/dev/null >/etc/new || echo refused", "--read-only", root=root)
    same(r.stdout, "refused\n")


@case
def writable_root():
    root = busybox_root("writable")
    same(sh("echo x >/etc/new", root=root).returncode, 0)
    check(os.path.exists(root + "/etc/new"), "written")


@case
def detached():
    r = umlaut("run", "--detach", "--name", "web", "-", "sh", "-c", "echo started; sleep 1000")
    same((r.returncode, r.stdout), (0, "web\n"), r)
    r = umlaut("run", "--name", "web", "-", "true")
    same(r.returncode, 125)
    holds(r.stderr, "a machine named 'web' runs already")
    machines = [m for m in json.loads(umlaut("ps", "--json").stdout) if m["name"] == "web"]
    same(machines[0]["state"], "running")
    r = umlaut("exec", "web", "sh", "-c", "echo inside; cat; exit 4", input="text")
    same((r.returncode, r.stdout), (4, "inside\ntext"), r)
    out, status = on_terminal(["exec", "web", "sh"], [("# ", "tty; exit 5\r")])
    holds(out, "/dev/ttyS")
    same(status, 5)
    wait_for("its output", 5, lambda: umlaut("logs", "web").stdout == "started\n")
    holds(umlaut("logs", "--kernel", "web").stdout, "mconsole (version 2)")
    holds(umlaut("stats", "--no-stream", "web").stdout, "web  ")
    same(umlaut("stop", "web").returncode, 0)
    same(umlaut("logs", "web").stdout, "started\n", "the log stays")
    same(umlaut("stop", "web").returncode, 125)
    os.unlink(place() + "/web.log")
    same(os.listdir(place()), [])


@case
def console():
    p = subprocess.Popen([LINUX, "con=pts", "con0=null,null", "ssl=null", "umid=cons", "uml_dir=" + place(),
                          "rdinit=/bin/sh", "--", "-c",
                          "mount -t devtmpfs d /dev; while true; do setsid -c sh -i </dev/tty1 >/dev/tty1 2>&1; done"],
                         stdin=subprocess.DEVNULL, start_new_session=True, env=env())
    try:
        wait_for("the console", 10, lambda: "pts:/dev/pts/" in subprocess.run(
            [os.path.join(os.path.dirname(LINUX), "uml_mconsole"), place() + "/cons/mconsole", "config con1"],
            capture_output=True, text=True, check=False).stdout)
        out, status = on_terminal(["console", "cons", "1"], [("leaves it", "echo c$((1+1))d\r"), ("c2d", "\x1d")])
        holds(out, "c2d")
        same(status, 0)
        r = umlaut("console", "cons", "2")
        same(r.returncode, 125)
        holds(r.stderr, "con2 is not on a terminal that can be opened: 'pts' (no program in the machine has opened it)")
        same(umlaut("console", "cons", "77").returncode, 125)
    finally:
        p.terminate()
        p.wait()


@case
def killing():
    umlaut("run", "-d", "-n", "victim", "-", "sleep", "1000")
    same(umlaut("kill", "victim").returncode, 0)
    os.unlink(place() + "/victim.log")
    same(os.listdir(place()), [])


@case
def exec_ends_with_its_client():
    umlaut("run", "-d", "-n", "host", "-", "sleep", "1000")
    p = subprocess.Popen([UMLAUT, "exec", "host", "sleep", "777"], stdin=subprocess.DEVNULL, env=env())
    wait_for("it runs", 10, lambda: "777" in umlaut("exec", "host", "ps").stdout)
    p.kill()
    p.wait()
    wait_for("it is gone", 10, lambda: "sleep 777" not in umlaut("exec", "host", "ps").stdout)
    umlaut("kill", "host")
    os.unlink(place() + "/host.log")


@case
def users_by_name():
    same(sh("id -un; echo $HOME", "-u", "nobody").stdout.split()[0], "nobody")
    r = umlaut("run", "--user", "nobody-there", "-", "true")
    same((r.returncode, r.stderr), (126, "umlaut: no user 'nobody-there' in the machine's /etc/passwd\n"))
    r = umlaut("run", "--user", "root:nobodies", "-", "true")
    same((r.returncode, r.stderr), (126, "umlaut: no group 'nobodies' in the machine's /etc/group\n"))
    umlaut("run", "-d", "-n", "users", "-", "sleep", "1000")
    # The machine's own file, as it is now.
    same(umlaut("exec", "users", "sh", "-c", "echo ada:x:1815:5::/tmp:/bin/sh >>/etc/passwd").returncode, 0)
    r = umlaut("exec", "-u", "ada", "users", "sh", "-c", "id -u; id -g; echo $HOME")
    same(r.stdout, "1815\n5\n/tmp\n", r)
    same(umlaut("exec", "-u", "bob", "users", "true").returncode, 126)
    umlaut("kill", "users")
    os.unlink(place() + "/users.log")


@case
def process_limit():
    r = sh("for i in $(seq 100); do sleep 60 & done; exit 3", "--processes", "30", "--json")
    check(r.returncode != 0, "failed", r)
    holds(r.stderr, "umlaut: the machine had too many processes: ", '"reason": "processes"')
    same(sh("cat /proc/sys/kernel/threads-max", "--processes", "33").stdout, "33\n")


@case
def wrong_usage():
    for args, text in (([], "usage: umlaut COMMAND"), (["fly"], "no such command: 'fly'"), (["run"], "which root?"),
                       (["run", "/nowhere", "true"], "/nowhere: No such file"),
                       (["run", "--mem", "lots", "-", "true"], "--mem: not a size: 'lots'"),
                       (["run", "--cpus", "0", "-", "true"], "--cpus: not a number above 0: '0'"),
                       (["run", "--bind", "x", "-", "true"], "bind: expected HOST:GUEST"),
                       (["run", "--bind", "/nowhere:/x", "-", "true"], "bind: /nowhere: No such file"),
                       (["run", "--bogus"], "unrecognized option"),
                       (["exec", "nope", "true"], "no machine named 'nope'"), (["exec"], "a machine and a command"),
                       (["logs", "nope"], "no log of a machine named 'nope'"),
                       (["stop"], "which machine?"), (["kill", "nope"], "no machine named 'nope'")):
        r = umlaut(*args)
        same(r.returncode, 125, args)
        holds(r.stdout + r.stderr, text)


@case
def help_in_all_forms():
    for command in ([], ["run"], ["exec"], ["ps"], ["logs"], ["stop"], ["kill"], ["stats"], ["console"], ["top"]):
        r = umlaut(*command, "--help")
        same(r.returncode, 0)
        holds(r.stdout, "usage: umlaut", "Options:")
    holds(umlaut("--help=man").stdout, ".TH umlaut 1", ".SS run", "ephemeral")
    r = subprocess.run(["bash", "-n"], input=umlaut("--help=bash").stdout, text=True, capture_output=True, check=False)
    same((r.returncode, r.stderr), (0, ""))


if __name__ == "__main__":
    main()
