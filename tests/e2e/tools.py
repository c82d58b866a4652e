#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every tool: --help in its three forms, wrong arguments, missing and dead machines, a full disk."""
import glob
import os
import re
import shutil
import signal
import subprocess

from umlaut import LINUX, PATIENCE, Skip, case, check, holds, kill_tree, main, same, tmp, wait_for, write

BIN = os.path.dirname(LINUX)
# Status of wrong usage: of the machine's tools as docker's, where the command's own status is below.
TOOLS = {"umlaut": 125, "uml_mconsole": 2, "uml_watchdog": 2, "uml_playlog": 2, "uml_moo": 1, "uml_mkcow": 2}
COMMANDS = ["run", "exec", "console", "ps", "top", "stats", "logs", "stop", "kill"]


def forms():
    """Command lines that describe themselves, with the status of wrong usage."""
    for name, status in TOOLS.items():
        if not os.access(os.path.join(BIN, name), os.X_OK):
            raise Skip(name + " is not built")
        yield [name], status
    for c in COMMANDS:
        yield ["umlaut", c], 125


def run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **more):
    env = {**os.environ, "UML_DIR": tmp("machines"), "HOME": tmp("home"), "UMLAUT_KERNEL": LINUX}
    return subprocess.run([os.path.join(BIN, args[0]), *args[1:]], stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, text=True,
                          timeout=30 * PATIENCE, check=False, env=env, **more)


def clear(r, status, *text):
    """That status, and a message of a line or a few, not a crash."""
    same(r.returncode, status, r)
    holds(r.stderr, *text)
    check(0 < len(r.stderr) < 1000, "a message", r.stderr)


@case
def known_tools_are_all():
    built = {os.path.basename(os.path.dirname(f)) for f in glob.glob(os.path.join(os.path.dirname(__file__), "../../tools/*/main.c"))}
    same({t for t in built if not t.startswith("mk")} - set(TOOLS), set(), "not tested here:")


@case
def help_and_version():
    for args, _ in forms():
        r = run([*args, "--help"])
        same((r.returncode, r.stderr), (0, ""))
        holds(r.stdout, "usage: " + " ".join(args), "Options:", "--help", "--version")
        check(max(map(len, r.stdout.splitlines())) <= 110, "width", args)
        r = run([*args, "--version"])
        same((r.returncode, r.stderr), (0, ""))
        holds(r.stdout, "(Umlaut)")


@case
def manual_pages():
    for name in TOOLS:
        page = os.path.join(tmp(), name + ".1")
        write(page, run([name, "--help=man"]).stdout)
        with open(page, encoding="utf-8") as f:
            text = f.read()
        holds(text, f".TH {name} 1", ".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH \"EXIT STATUS\"")
        for option in re.findall(r"^ *(?:-\w, )?(--[a-z-]+)", run([name, "--help"]).stdout, re.M):
            if option not in ("--help", "--version"):
                holds(text.replace("\\-", "-"), option)
        if shutil.which("groff"):
            r = subprocess.run(["groff", "-ww", "-man", "-Tutf8", page], capture_output=True, text=True, check=False)
            same((r.returncode, r.stderr), (0, ""), name)


COMPLETE = """
. %s
COMP_WORDS=(%s) COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
_%s
printf '%%s\\n' "${COMPREPLY[@]}"
"""


def complete(*words):
    file = os.path.join(tmp(), words[0] + ".bash")
    write(file, run([words[0], "--help=bash"]).stdout)
    quoted = " ".join(f"'{w}'" for w in words)
    r = subprocess.run(["bash", "-c", COMPLETE % (file, quoted, words[0])], capture_output=True, text=True, check=False,
                       env={**os.environ, "UML_DIR": tmp("machines"), "HOME": tmp("home")})
    same((r.returncode, r.stderr), (0, ""))
    return r.stdout.split()


@case
def completion():
    same(set(COMMANDS) - set(complete("umlaut", "")), set())
    same(complete("umlaut", "ex"), ["exec"])
    check("--ephemeral" in complete("umlaut", "run", "--e"), "options")
    same(complete("uml_watchdog", "--t"), ["--timeout="])
    os.makedirs(tmp("machines") + "/webserver", exist_ok=True)
    try:
        for words in (("umlaut", "exec", "web"), ("umlaut", "stop", "web"), ("uml_mconsole", "web")):
            same(complete(*words), ["webserver"], words)
    finally:
        os.rmdir(tmp("machines") + "/webserver")


@case
def wrong_arguments():
    for args, status in forms():
        clear(run([*args, "--no-such-option"]), status, "no-such-option", "Try '" + " ".join(args) + " --help'")
    for args in (["run"], ["exec"], ["exec", "x"], ["console"], ["console", "a", "b", "c"], ["top"], ["logs"], ["stop"], ["kill"]):
        clear(run(["umlaut", *args]), 125, "umlaut: ")
    for args in (["run", "--timeout", "x", "-"], ["run", "--timeout", "-1", "-"], ["run", "--processes", "0", "-"],
                 ["run", "--mem", "", "-"], ["run", "--name", "a/b", "-"], ["run", "--bind", "/tmp:relative", "-"],
                 ["run", "--kernel", "/nowhere/linux", "-", "true"], ["exec", "--timeout", "0", "x", "true"]):
        clear(run(["umlaut", *args]), 125, "umlaut: ")


@case
def missing_machine():
    for args in (["exec", "gone", "true"], ["console", "gone"], ["top", "gone"], ["stop", "gone"], ["kill", "gone"], ["logs", "gone"],
                 ["stats", "--no-stream", "gone"], ["exec", "", "true"], ["stop", "../x"], ["kill", "x" * 300]):
        clear(run(["umlaut", *args]), 125, "umlaut: ")
    clear(run(["uml_mconsole", "gone", "version"]), 1, "Sending command to ''")
    same(run(["umlaut", "ps"]).returncode, 0)
    same(run(["umlaut", "ps", "--json"]).stdout.strip(), "[]")


@case
def dead_machine():
    same(run(["umlaut", "run", "-d", "-n", "dead", "-", "sleep", "1000"]).returncode, 0)
    with open(tmp("machines") + "/dead/pid", encoding="ascii") as f:
        pid = int(f.read())
    os.kill(pid, signal.SIGKILL)
    wait_for("its end", 5, lambda: not os.path.exists(f"/proc/{pid}/exe") or "Z" in open(f"/proc/{pid}/stat", encoding="ascii").read())
    for args in (["exec", "dead", "true"], ["console", "dead"], ["top", "dead"], ["stop", "dead"]):
        clear(run(["umlaut", *args]), 125, "umlaut: machine 'dead'")
    clear(run(["uml_mconsole", "dead", "version"]), 1, "Connection refused")
    holds(run(["umlaut", "ps", "--all"]).stdout + run(["umlaut", "ps"]).stdout, "dead")
    # The name is free again, and the log of the new one is its own.
    same(run(["umlaut", "run", "-d", "-n", "dead", "-", "sh", "-c", "echo again; sleep 1000"]).returncode, 0)
    wait_for("its output", 5, lambda: run(["umlaut", "logs", "dead"]).stdout == "again\n")
    same(run(["umlaut", "kill", "dead"]).returncode, 0)
    os.unlink(tmp("machines") + "/dead.log")
    same(os.listdir(tmp("machines")), [])


@case
def a_machine_that_stands_still():
    same(run(["umlaut", "run", "-d", "-n", "still", "-", "sleep", "1000"]).returncode, 0)
    with open(tmp("machines") + "/still/pid", encoding="ascii") as f:
        pid = int(f.read())
    os.kill(pid, signal.SIGSTOP)
    try:
        clear(run(["umlaut", "exec", "still", "true"]), 125, "does not answer")
        holds(run(["umlaut", "stats", "--no-stream", "still"]).stdout, "no answer")
        holds(run(["umlaut", "ps"]).stdout, "no answer")
        same(run(["umlaut", "kill", "still"]).returncode, 0)
    finally:
        kill_tree(pid)
        shutil.rmtree(tmp("machines"))


@case
def full_disk():
    with open("/dev/full", "w", encoding="ascii") as full:
        for args, _ in forms():
            clear(run([*args, "--help"], stdout=full), 1, "No space left")
        same(run(["umlaut", "run", "-d", "-n", "full", "-", "sleep", "1000"]).returncode, 0)
        for args in (["ps"], ["ps", "--json"], ["stats", "--no-stream", "full"], ["logs", "--kernel", "full"]):
            clear(run(["umlaut", *args], stdout=full), 125, "No space left")
        clear(run(["uml_mconsole", "full", "version"], stdout=full), 1, "No space left")
        clear(run(["umlaut", "run", "-d", "-n", "full2", "-", "sleep", "1000"], stdout=full), 125, "No space left")
        clear(run(["uml_watchdog", "-pid", "1"], stdout=full), 1, "No space left")
        run(["umlaut", "kill", "full"])
        run(["umlaut", "kill", "full2"])
    # A directory for machines that takes nothing.
    r = subprocess.run([os.path.join(BIN, "umlaut"), "run", "-d", "-", "true"], stdin=subprocess.DEVNULL, capture_output=True,
                       text=True, check=False, env={**os.environ, "UML_DIR": "/proc/nowhere", "UMLAUT_KERNEL": LINUX})
    clear(r, 125, "umlaut: ")
    r = subprocess.run([os.path.join(BIN, "umlaut"), "run", "-", "echo", "on"], stdin=subprocess.DEVNULL, capture_output=True,
                       text=True, check=False, env={**os.environ, "UML_DIR": "/proc/nowhere", "UMLAUT_KERNEL": LINUX})
    same((r.returncode, r.stdout), (0, "on\n"), r)
    shutil.rmtree(tmp("machines"))


main()
