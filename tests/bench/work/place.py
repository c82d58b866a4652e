# SPDX-License-Identifier: MIT
"""Where the cases of real work run: a Debian root with their data in it, and disks for the disk rows."""
import importlib.machinery
import importlib.util
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.realpath(os.path.join(HERE, "..", "..", ".."))
DISK_MIB, FIO_MIB = 1536, 256


def load(path):
    """A program of another folder as a module."""
    loader = importlib.machinery.SourceFileLoader(os.path.basename(path), path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


programs = load(os.path.join(TOP, "tests", "programs", "run"))


def natively(root, script, args, image=None):
    """The command line that runs a script of the root in it, in namespaces of its own; image: a disk in a loop device."""
    env = " ".join(f"{k}={v}" for k, v in programs.ENV.items())
    disk = f"mount -o loop {image} {root}/bench/disk && " if image else ""
    return ["unshare", *(["-r"] if os.getuid() else []), "-m", "-p", "-f", "sh", "-c",
            f"mount --rbind /dev {root}/dev && mount -t proc proc {root}/proc && {disk}"
            f"exec chroot {root} /usr/bin/env -i {env} bash {script} {' '.join(args)}"]


def can_loop(image):
    """Whether this user may mount a file as a disk."""
    return os.getuid() == 0 and subprocess.run(
        ["unshare", "-m", "sh", "-c", f"mount -o loop {image} /mnt"], stderr=subprocess.DEVNULL, check=False).returncode == 0


def fill(root):
    """Puts cases and data into the root; the data is made natively, once."""
    bench = os.path.join(root, "bench")
    shutil.rmtree(bench + "/work", ignore_errors=True)     # of a run that was cut off
    for name in "work", "disk/work":
        os.makedirs(os.path.join(bench, name), exist_ok=True)
    shutil.rmtree(os.path.join(bench, "cases"), ignore_errors=True)
    shutil.copytree(os.path.join(HERE, "cases"), os.path.join(bench, "cases"))
    shutil.copy(os.path.join(HERE, "runner"), bench)
    with open(os.path.join(HERE, "data.py"), "rb") as f:
        maker = f.read()
    stamp = os.path.join(bench, "data", "made")
    if os.path.exists(stamp):
        with open(stamp, "rb") as f:
            if f.read() == maker:
                return
    shutil.rmtree(os.path.join(bench, "data"), ignore_errors=True)
    shutil.copy(os.path.join(HERE, "data.py"), bench)
    with open(os.path.join(bench, "make"), "w", encoding="utf-8") as f:
        f.write("exec python3 /bench/data.py /bench/data\n")
    subprocess.run(natively(root, "/bench/make", []), stdin=subprocess.DEVNULL, check=True)
    with open(stamp, "wb") as f:
        f.write(maker)


def make_disk(path):
    """An ext4 with a file for fio and an empty directory; needs no privileges."""
    tree = path + ".tree"
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(tree + "/work")
    with open(tree + "/work/fio", "wb") as f:
        for _ in range(FIO_MIB):
            f.write(os.urandom(1 << 20))
    with open(path, "wb") as f:
        f.truncate(DISK_MIB << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-d", tree, path], check=True,
                   env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
    shutil.rmtree(tree)
