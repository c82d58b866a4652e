#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One disk used in turn by the host's ext4, Debian's real UML and this kernel.

Each turn mounts the disk, finds everything as the one before has left it (turns_load.c lists it), does some more work, and
has the same as a directory of the host on which the same work was done. Then e2fsck has nothing to say. In some turns
the machine is killed after a sync, and the next one replays its journal.

TURNS: how many on each kind of disk (make crash: 20); TURNS_SEED: of the first one. TURNS_KEEP: a
directory for the disk before and after a turn that failed.
"""
import os
import random
import shutil
import subprocess
import time

from umlaut import LINUX, PATIENCE, SPEAK, Skip, busybox_root, case, check, hostfs, kill_tree, main, same, tmp, wait_for, write

TURNS = int(os.environ.get("TURNS", "3"))
SEED = int(os.environ.get("TURNS_SEED", str(int(time.time()) % 100000)))
KEEP = os.environ.get("TURNS_KEEP")
WORK = 600
UML = "/usr/bin/linux.uml"
SBIN = os.environ["PATH"] + ":/sbin:/usr/sbin"
E2FSCK, MKE2FS = shutil.which("e2fsck", path=SBIN), shutil.which("mke2fs", path=SBIN)


def guest_root():
    """What both kinds of machines have as their root: busybox, the load program, a place for its results."""
    root = busybox_root("turns")
    program = os.path.join(root, "bin", "turns_load")
    if not os.path.exists(program):
        src = os.path.join(os.path.dirname(os.path.abspath(__file__)), "turns_load.c")
        subprocess.run(["gcc", "-O1", "-static", "-o", program, src], check=True)
    return root


def load_program(out, *args):
    """turns_load on the host, its output in a file."""
    with open(out, "wb") as f:
        r = subprocess.run([guest_root() + "/bin/turns_load", *args], stdout=f, check=False)
    with open(out, "rb") as f:
        check(r.returncode == 0, f"turns_load {args}", f.read()[-300:])


class Turn:
    """What is done with the disk, and what the tree was before and after it: {path: everything else}."""

    def __init__(self, disk, seed, options, killed):
        self.disk, self.seed, self.options, self.killed = disk, seed, options, killed
        self.before = self.after = None

    def read(self, place):
        self.before, self.after = (listing(os.path.join(place, x)) for x in ("before", "after"))


def listing(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        lines = f.read().splitlines()
    bad = [x for x in lines if not x.startswith("./")]
    check(not bad, "turns_load", bad[:5])
    return dict(x.split(" ", 1) for x in lines)


def copy_sparse(path, to):
    subprocess.run(["cp", "--sparse=always", path, to], check=True)


# ---- who takes turns -------------------------------------------------------------------------

TURN = """#!/bin/sh
mount -t proc proc /proc; mount -t devtmpfs dev /dev 2>/dev/null
mount -t ext4 -o rw{options} /dev/ubda /mnt && cd /mnt && turns_load list . >/out/before &&
turns_load work . {seed} {work} >/out/work && turns_load list . >/out/after && sync && echo done >/out/done
cd /
[ {killed} = True ] && while :; do sleep 1; done
umount /mnt && echo unmounted >/out/unmounted
dmesg >/out/dmesg
poweroff -f
"""


def machine(kernel):
    """A turn by a kernel that runs as a process."""
    def take(turn):
        root = guest_root()
        out = os.path.join(root, "out")
        shutil.rmtree(out, ignore_errors=True)
        os.mkdir(out)
        write(root + "/turn.sh", TURN.format(options=turn.options, seed=turn.seed, work=WORK, killed=turn.killed), 0o755)
        with open(out + "/log", "wb") as log:
            p = subprocess.Popen([kernel, *SPEAK, "mem=192M", "ubd0=" + turn.disk, *hostfs(root), "init=/turn.sh"],
                                 stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            last = os.path.join(out, "done" if turn.killed else "unmounted")
            wait_for("the end of the work", 120, lambda: os.path.exists(last) or p.poll() is not None)
            if not turn.killed:
                p.wait(30 * PATIENCE)
        finally:
            kill_tree(p.pid)
            p.wait()
        check(os.path.exists(last), f"{kernel}: what it said", text_of(out))
        check("EXT4-fs error" not in text_of(out), "errors in the log", text_of(out))
        turn.read(out)
    return take


def text_of(out):
    text = ""
    for name in ("work", "log", "dmesg"):
        path = os.path.join(out, name)
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as f:
                text += f.read()[-1000:]
    return text


def on_host(turn):
    place, out = tmp("mounted"), tmp("hostout")
    mount = subprocess.run(["mount", "-o", "loop" + turn.options, turn.disk, place], capture_output=True, text=True, check=False)
    same(mount.returncode, 0, mount.stderr)
    try:
        for step, args in (("before", ["list", place]), ("work", ["work", place, str(turn.seed), str(WORK)]),
                           ("after", ["list", place])):
            load_program(os.path.join(out, step), *args)
        subprocess.run(["sync", "-f", place], check=True)
        if turn.killed:         # nothing goes on here: the copy is what a power failure would leave
            copy_sparse(turn.disk, turn.disk + ".dead")
    finally:
        subprocess.run(["umount", place], check=True)
    if turn.killed:
        os.rename(turn.disk + ".dead", turn.disk)
    turn.read(out)


def host_can_mount(disk):
    if os.getuid():
        return False
    place = tmp("probe")
    if subprocess.run(["mount", "-o", "loop,ro", disk, place], capture_output=True, check=False).returncode:
        return False
    subprocess.run(["umount", place], check=True)
    return True


def players(disk):
    found = [("this kernel", machine(LINUX))]
    if os.access(UML, os.X_OK):
        found.append(("UML", machine(UML)))
    if host_can_mount(disk):
        found.append(("the host", on_host))
    if len(found) == 1:
        raise Skip("neither linux.uml, nor may we mount")
    return found


# ---- the rounds -------------------------------------------------------------------------------

def differences(got, want):
    return [(p, got.get(p), want.get(p)) for p in sorted(got.keys() | want.keys()) if got.get(p) != want.get(p)][:4]


def without_times(tree):
    return {p: x.rpartition(" @")[0] for p, x in tree.items()}


def fsck(disk, *how):
    r = subprocess.run([E2FSCK, *how, disk], capture_output=True, text=True, check=False)
    return r.returncode, r.stdout + r.stderr


def in_order(disk, killed):
    """e2fsck says nothing; of a disk whose journal is to be replayed a copy is looked at."""
    copy = disk + ".copy"
    if killed:
        copy_sparse(disk, copy)
        status, text = fsck(copy, "-fy")
        check(status in (0, 1), "e2fsck -fy", text)
        status, text = fsck(copy, "-fn")
        os.unlink(copy)
    else:
        status, text = fsck(disk, "-fn")
    same(status, 0, text)


def in_turn(kind, *mkfs, options=("",), journal=True):
    if not E2FSCK or not MKE2FS:
        raise Skip("e2fsprogs is missing")
    disk, model = os.path.join(tmp(), kind), tmp("model-" + kind)
    with open(disk, "wb") as f:
        f.truncate(768 << 20)
    subprocess.run([MKE2FS, "-q", "-F", *mkfs, disk], check=True)
    rng, who, last = random.Random(SEED), players(disk), None
    for n in range(TURNS):
        name, take = who[n % len(who)] if n < len(who) else rng.choice(who)
        turn = Turn(disk, SEED + n, rng.choice(options), journal and n + 1 < TURNS and rng.random() < .3)
        what = f"{kind}, seed {SEED}, turn {n}, {name}{turn.options}{', killed' if turn.killed else ''}: "
        if KEEP:
            copy_sparse(disk, os.path.join(KEEP, kind + ".before"))
        try:
            take(turn)
            if last is not None:
                same(differences(turn.before, last), [], "what the one before has left")
            load_program(model + ".list", "work", model, str(turn.seed), str(WORK))
            load_program(model + ".list", "list", model)
            same(differences(without_times(turn.after), without_times(listing(model + ".list"))), [], "the result")
            in_order(disk, turn.killed)
        except AssertionError as e:
            if KEEP:
                copy_sparse(disk, os.path.join(KEEP, kind))
            raise AssertionError(what + str(e)) from None
        last = turn.after
    os.unlink(disk)
    shutil.rmtree(model)


def long_only():
    if TURNS <= 3:
        raise Skip("only in the long version (make crash)")


@case
def default():
    in_turn("default", "-t", "ext4", options=("", "", ",data=journal", ",nodelalloc", ",discard"))


@case
def small_blocks():
    long_only()
    in_turn("small", "-t", "ext4", "-b", "1024", options=("", ",data=journal", ",commit=1"))


@case
def newest_features():
    long_only()
    in_turn("newest", "-t", "ext4", "-I", "512", "-O", "inline_data,metadata_csum_seed,orphan_file,large_dir", options=("", ",discard"))


@case
def without_sums():
    long_only()
    in_turn("unsummed", "-t", "ext4", "-O", "^metadata_csum,uninit_bg,^64bit,^has_journal", "-I", "128", journal=False)


@case
def ext3():
    long_only()
    in_turn("ext3", "-t", "ext3", options=("", ",data=writeback"))


@case
def ext2():
    long_only()
    in_turn("ext2", "-t", "ext2", "-b", "1024", journal=False)


if __name__ == "__main__":
    main()
