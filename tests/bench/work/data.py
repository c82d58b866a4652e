#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes what the cases work on, the same in each run: data.py DIR. Runs inside the Debian root.

DIR/project    100 files of C and a Makefile
DIR/big        a git repository: 4,000 files, 400 commits
DIR/small.tar  20,000 small files, and DIR/small, the same unpacked
DIR/*.sql      statements for the databases
DIR/modules    400 modules for Python
"""
import os
import random
import subprocess
import sys

WORDS = "page inode task queue lock token frame block cache list node path name size state flag order level".split()


def save(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def function(rnd, unit, n):
    """A function that gives a compiler something to do."""
    a, b, c = (rnd.choice(WORDS) for _ in range(3))
    body = "".join(f"\t{rnd.choice(('if', 'while'))} ({a} {rnd.choice('<>')} {rnd.randrange(1000)}) {{\n"
                   f"\t\t{b}[{a} & 15] {rnd.choice('+-^')}= {c} * {rnd.randrange(1, 99)} + (long)strlen(text);\n"
                   f"\t\t{a} += {b}[{rnd.randrange(16)}] | {rnd.randrange(1, 64)};\n"
                   f"\t\tsnprintf(text, sizeof(text), \"%ld {rnd.choice(WORDS)}\", {a});\n\t}}\n" for _ in range(6))
    return (f"long unit{unit}_f{n}(long {a}x, long {c}y)\n{{\n\tlong {b}[16] = {{ 0 }}, {a} = {a}x"
            + (f", {c} = {c}y" if c != a and c != b else "") + ";\n\tchar text[64] = \"\";\n"
            + body + f"\tqsort({b}, 16, sizeof({b}[0]), compare);\n\treturn {a} + {b}[3];\n}}\n\n")


def project(top):
    rnd = random.Random(1)
    head = "#include <errno.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n"
    save(top + "/all.h", head + "int compare(const void *a, const void *b);\n"
         + "".join(f"long unit{u}_f{n}(long x, long y);\n" for u in range(98) for n in range(6)))
    for u in range(98):
        text = "".join(distinct(rnd, u, n) for n in range(6))
        save(f"{top}/unit{u}.c", '#include "all.h"\n\n' + text)
    save(top + "/compare.c", '#include "all.h"\n\nint compare(const void *a, const void *b)\n{\n'
         "\treturn (*(const long *)a > *(const long *)b) - (*(const long *)a < *(const long *)b);\n}\n")
    calls = "".join(f"\tsum += unit{u}_f{n}(sum, {n});\n" for u in range(98) for n in range(6))
    save(top + "/main.c", '#include "all.h"\n\nint main(void)\n{\n\tlong sum = 1;\n\n\tif (getppid() == 0)\n\t\treturn 0;\n'
         + calls + '\treturn printf("%ld\\n", sum) < 0;\n}\n')
    save(top + "/Makefile", "objects := $(patsubst %.c,%.o,$(wildcard *.c))\nCFLAGS = -O1 -MMD\nprogram: $(objects)\n"
         "\t$(CC) -o $@ $^\nclean:\n\trm -f *.o *.d program\n")


def distinct(rnd, unit, n):
    """A function whose three names differ."""
    while True:
        state = rnd.getstate()
        names = [rnd.choice(WORDS) for _ in range(3)]
        if len(set(names)) == 3:
            rnd.setstate(state)
            return function(rnd, unit, n)


def commits(rnd):
    """A stream for git fast-import."""
    yield b"feature done\n"
    lines = {}
    for c in range(400):
        changed = list(range(4000)) if c == 0 else rnd.sample(range(4000), 25)
        yield (f"commit refs/heads/main\ncommitter a <a@b> {1500000000 + c * 3600} +0000\n"
               f"data <<.\ncommit {c}\n.\n").encode()
        for f in changed:
            text = lines.setdefault(f, [])
            at = rnd.randrange(len(text) + 1)
            text[at:at] = [" ".join(rnd.choices(WORDS, k=7)) for _ in range(20 if c == 0 else 5)]
            data = "\n".join(text).encode()
            yield f"M 100644 inline d{f % 80}/s{f % 7}/file{f}\ndata {len(data)}\n".encode() + data + b"\n"
    yield b"done\n"


def repository(top):
    git = ["git", "-c", "init.defaultBranch=main", "-C", top]
    os.makedirs(top)
    subprocess.run([*git, "init", "-q"], check=True)
    with subprocess.Popen([*git, "fast-import", "--quiet"], stdin=subprocess.PIPE) as p:
        for data in commits(random.Random(2)):
            p.stdin.write(data)
    subprocess.run([*git, "config", "gc.auto", "0"], check=True)
    subprocess.run([*git, "reset", "-q", "--hard"], check=True)


def small_files(top):
    rnd = random.Random(3)
    for d in range(200):
        for f in range(100):
            line = " ".join(rnd.choices(WORDS, k=8)) + "\n"
            save(f"{top}/small/{d % 20}/{d}/file{f}", line * rnd.randrange(1, 40))
    subprocess.run(["tar", "-C", top, "--sort=name", "-cf", top + "/small.tar", "small"], check=True)


def statements(top):
    rnd = random.Random(4)
    rows = [f"INSERT INTO t VALUES({i}, '{' '.join(rnd.choices(WORDS, k=6))}');\n" for i in range(200000)]
    single = "".join(rows[:400]) + "".join(f"UPDATE t SET s = 'x{i}' WHERE n = {i * 7 % 400};\n" for i in range(200))
    bulk = "BEGIN;\n" + "".join(rows[1000:]) + "COMMIT;\nCREATE INDEX i ON t(s);\nSELECT count(*), sum(n) FROM t;\n"
    save(top + "/single.sql", "CREATE TABLE t(n INTEGER PRIMARY KEY, s TEXT);\n" + single)
    save(top + "/bulk.sql", "CREATE TABLE t(n INTEGER PRIMARY KEY, s TEXT);\n" + bulk)
    save(top + "/bench.sql", "\\set n random(1, 100000)\nSELECT abalance FROM pgbench_accounts WHERE aid = :n;\n")


def modules(top):
    for m in range(400):
        save(f"{top}/modules/pkg{m % 20}/m{m}.py", f"import os, re\nVALUE = {m}\n\n" + "".join(
            f"class C{n}:\n    def f{n}(self, x):\n        return x + {n} + VALUE\n\n" for n in range(10)))
    for p in range(20):
        save(f"{top}/modules/pkg{p}/__init__.py", "")


def main():
    top = sys.argv[1]
    os.makedirs(top, exist_ok=True)
    for make, name in (project, "project"), (repository, "big"), (small_files, ""), (statements, ""), (modules, ""):
        make(os.path.join(top, name).rstrip("/"))
    save(top + "/made", "")


main()
