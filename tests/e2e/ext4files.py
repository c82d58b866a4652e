#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Files on ext4 behave as files do: guest tests whose scratch directories are on a disk."""
import os
import resource
import shutil
import subprocess

from ext4disk import KINDS, clean, debugfs, image, on, root_with
from umlaut import HERE, busybox_root, case, check, holds, main

GUEST = os.path.join(os.path.dirname(HERE), "guest")


def root_with_topics(*topics):
    """A root with guest tests in /bin."""
    root = busybox_root("topics")
    for topic in topics:
        out = os.path.join(root, "bin", "t_" + topic)
        if not os.path.exists(out):
            subprocess.run(["gcc", "-O1", "-std=gnu11", "-static", "-pthread", "-w", "-o", out,
                            os.path.join(GUEST, topic + ".c")], check=True)
    return root


def on_a_disk(topic, kind, opts="", at_least=5):
    path = image("topic", KINDS[kind])
    out = on(path, f"mkdir -m 1777 /mnt/t; TMPDIR=/mnt/t t_{topic} </dev/null; rmdir /mnt/t || ls -lR /mnt/t",
             root=root_with_topics(topic), opts=opts, timeout=120)
    check("FAIL " not in out, "a case fails", out)
    check(out.count(f"ok {topic}.") >= at_least, "cases run", out)
    clean(path)


@case
def buffers_in_mappings():
    on_a_disk("mapbuf", "ext4", at_least=9)
    on_a_disk("mapbuf", "ext4-1k", ",data=journal", at_least=9)
    on_a_disk("mapbuf", "ext2", at_least=8)


@case
def ends_and_times_of_mappings():
    path = image("mapped")
    holds(on(path, "mapped /mnt/a /mnt/b", root=root_with("mapped")), "mapped: right")
    clean(path)


@case
def topics_on_a_disk():
    for topic in ("files", "names", "faults", "mmap"):
        on_a_disk(topic, "ext4")


@case
def shut_down():
    """As if the power had failed: what was durable is there, also when the log is replayed."""
    left = {0: "dir\nkept\nlost\n", 1: "dir\nkept\nlost\n", 2: "kept\nlost\n"}
    for kind in ("ext4", "ext3"):
        for how, names in left.items():
            path = image("shut", KINDS[kind])
            again = "mount -t ext4 /dev/ubda /mnt; ls /mnt | grep -v found; cat /mnt/kept /mnt/lost; echo; ls -l /mnt/lost"
            out = on(path, f"shutdown /mnt {how}; umount /mnt; {again}", root=root_with("shutdown"))
            holds(out, "shutdown: right", names, "kept" + ("lost" if how == 0 else ""))
            clean(path)


@case
def protected_files():
    path = image("sticky")
    holds(on(path, "mkdir /mnt/d; sticky /mnt/d", root=root_with("sticky")), "sticky: right")


@case
def whiteouts():
    for kind in ("ext4", "ext2"):
        path = image("whiteout", KINDS[kind])
        holds(on(path, "whiteout /mnt", root=root_with("whiteout")), "whiteout: right")
        clean(path)


@case
def places_of_blocks_and_the_label():
    path = image("blocks", "-b 4096")
    holds(on(path, "blocks /mnt; grep -q short /dev/ubda && echo seen", root=root_with("blocks")), "blocks: right", "seen")
    clean(path)
    holds(debugfs(path, "show_super_stats -h"), "short")


@case
def handles_of_files_without_a_name():
    path = image("unnamed")
    holds(on(path, "unnamed /mnt", root=root_with("unnamed")), "unnamed: right")
    clean(path)


@case
def access_lists_and_projects():
    root = root_with("owners")
    for kind in ("ext4", "ext2"):
        path = image("owners", KINDS[kind])
        holds(on(path, "owners /mnt; umount /mnt; mount -t ext4 /dev/ubda /mnt; mkdir /mnt/again; owners /mnt/again", root=root),
              "owners: right\nowners: right")
        clean(path)
    path = image("projects", "-b 1024 -I 256 -O project,^has_journal")
    holds(on(path, "owners /mnt projects", root=root), "owners: right")
    clean(path)


@case
def frozen():
    path = image("freeze")
    holds(on(path, "freeze /mnt /dev/ubda; cat /mnt/file | head -c 1", root=root_with("freeze")), "freeze: right")
    clean(path)
    path = image("freeze", "-b 4096 -t ext2")
    on(path, "fsfreeze -f /mnt && (echo x >/mnt/f; echo $? >/mnt/g) & sleep 1; fsfreeze -u /mnt; wait; cat /mnt/g", root=root_with("freeze"))
    clean(path)


def only_the_first_part():
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 30, 2 << 30))


@case
def errors_of_write_back_are_told_once():
    """The host takes no writes behind 2 GiB; what ext4 itself needs lies before."""
    for opts in ("", ",data=writeback"):
        path = image("writeback", "-b 4096 -E packed_meta_blocks=1", size=3 << 30)
        out = on(path, "writeback /mnt", root=root_with("writeback"), opts=opts, preexec_fn=only_the_first_part)
        holds(out, "writeback: right")
        clean(path)


if __name__ == "__main__":
    if not shutil.which("gcc"):
        raise SystemExit(77)
    main()
