#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""script200.sh prints the same in the guest as on the host, whose root and tools it runs on."""
import os
import subprocess

from umlaut import HERE, SPEAK, case, check, hostfs, main, run, same, tmp, write

SCRIPT = os.path.join(HERE, "script200.sh")


def on_host():
    env = dict(os.environ, TMPDIR=tmp("host"))
    return subprocess.run(["bash", SCRIPT], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=120, check=False).stdout.decode()


def compare(*options):
    want, place = on_host(), tmp("guest")
    init, out = os.path.join(place, "init"), os.path.join(place, "out")
    write(init, f"mount -t proc proc /proc; mount -t devtmpfs dev /dev; export TMPDIR={place}\n"
                f"PATH={os.environ['PATH']} bash {SCRIPT} >{out} 2>/dev/null </dev/null\n"
                "echo o >/proc/sysrq-trigger; sleep 10\n")
    r = run([*SPEAK, *hostfs("/", "init=/bin/bash", *options), "--", init], timeout=120)
    check(os.path.exists(out), "no output", r)
    with open(out, encoding="utf-8") as f:
        got = f.read()
    for a, b in zip(got.splitlines(), want.splitlines()):
        same(a, b)
    same(len(got), len(want))


@case
def as_on_the_host():
    compare()


@case
def without_fast_paths():
    compare("fastpath=off")


@case
def without_patching():
    compare("patch=off")


if __name__ == "__main__":
    main()
