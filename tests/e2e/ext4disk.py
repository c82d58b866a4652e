# SPDX-License-Identifier: MIT
"""Images of ext4, work on them in a guest, and what e2fsprogs says about them: shared by tests of ext4."""
import os
import shutil
import subprocess

from umlaut import HERE, Skip, busybox_root, check, same, script, tmp

KINDS = {
    "ext4": "",
    "ext4-1k": "-b 1024",
    "new": "-I 512 -O inline_data,metadata_csum_seed,orphan_file,large_dir",
    "plain": "-b 2048 -I 128 -O ^has_journal,^metadata_csum,uninit_bg,^64bit",
    "ext3": "-t ext3",
    "ext2": "-t ext2 -b 1024",
}


def tool(name):
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not path:
        raise Skip(name + " (e2fsprogs) is missing")
    return path


def image(name, options="", size=64 << 20, source=None):
    path = os.path.join(tmp(), name + ".img")
    with open(path, "wb") as f:
        f.truncate(size)
    more = ["-d", source] if source else []
    subprocess.run([tool("mkfs.ext4"), "-q", "-F", *options.split(), *more, path], check=True)
    return path


def clean(path):
    r = subprocess.run([tool("e2fsck"), "-fn", path], capture_output=True, text=True, check=False)
    same(r.returncode, 0, r.stdout + r.stderr)


def debugfs(path, command):
    return subprocess.run([tool("debugfs"), "-R", command, path], capture_output=True, text=True, check=True).stdout


DEV = "mkdir -p /mnt; mount -t devtmpfs dev /dev 2>/dev/null;"


def on(path, text, *options, opts="", **more):
    """text runs with the image mounted on /mnt, which is then unmounted."""
    r = script(f"{DEV} mount -t ext4 -o rw{opts} /dev/ubda /mnt || echo FAILED\n{text}\n"
               "cd /; umount /mnt || echo FAILED", "ubd0=" + path, *options, **more)
    same(r.status, 0, r.out)
    check("FAILED" not in r.out, "mount or umount", r.out)
    check("EXT4-fs error" not in r.out, "errors in the log", r.out)
    return r.out


def root_with(program):
    root = busybox_root(program + "root")
    out = os.path.join(root, "bin", program)
    src = os.path.join(HERE, program + ".c")
    subprocess.run(["gcc", "-O1", "-static", "-o", out, src], check=True)
    return root
