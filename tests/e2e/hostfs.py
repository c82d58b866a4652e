#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The host's directory as the guest's root: nothing leads out of it, and both sides see the same."""
import os
import shutil
import subprocess
import threading
import time

from umlaut import (LINUX, SPEAK, busybox_root, case, check, compile_c, holds, hostfs, main, output, same, script, tmp,
                    write)

SECRET = "secret of the host"


def secret_file():
    path = os.path.join(tmp("outside"), "secret")
    write(path, SECRET + "\n")
    return path


def root_with_links():
    root, secret = busybox_root(), secret_file()
    for name, target in (("absolute", secret), ("relative", os.path.relpath(secret, root)),
                         ("directory", os.path.dirname(secret)), ("up", ".." + "/.." * 30), ("rootlink", "/"),
                         ("procself", "/proc/self/root"), ("loop", "loop")):
        if not os.path.islink(f"{root}/etc/{name}"):
            os.symlink(target, f"{root}/etc/{name}")
    return root, secret


@case
def links_and_dots_stay_inside():
    root, secret = root_with_links()
    up = "/.." * 40
    out = output(f"for f in /etc/absolute /etc/relative /etc/directory/secret /etc/up{secret} {up}{secret} "
                 f"/etc/rootlink{secret} /etc/procself{secret} /proc/1/root{secret} /proc/1/cwd/../..{secret}; "
                 "do cat $f 2>/dev/null && echo LEAK $f; done; cat /etc/loop; ls /etc/up; echo $(ls -id / /.. /etc/up/ | "
                 "cut -d/ -f1 | sort -u | wc -l); cd /etc/up/../..; pwd -P", root=root)
    text = "\n".join(out)
    check(SECRET not in text, "leak", text)
    holds(text, "Too many levels of symbolic links", "bin", "\n1\n")
    same(out[-1], "/")


@case
def writing_through_links():
    root, secret = root_with_links()
    script("echo gone >/etc/absolute; echo gone >/etc/relative; rm -rf /etc/directory/; mv /etc/absolute /etc/moved; "
           "echo gone >/etc/moved; chmod 777 /etc/relative; chown 1 /etc/relative; ln /etc/relative /etc/hard; "
           "echo gone >>/etc/hard; mkdir -p /etc/up/newdir", root=root)
    with open(secret, encoding="utf-8") as f:
        same(f.read(), SECRET + "\n")
    same(os.stat(secret).st_mode & 0o777, 0o644)
    check(os.path.isdir(root + "/newdir"), "/etc/up is not the root")


@case
def chroot_does_not_help():
    root, secret = root_with_links()
    # The classic: chroot below, keep the old directory, climb.
    out = output(f"mkdir -p /jail/bin; cp /bin/busybox /jail/bin/sh; chroot /jail /bin/sh -c 'echo in jail'; "
                 f"cd /; chroot . /bin/sh -c 'cd ../../../../..; cat .{secret} 2>&1 | tail -1'", root=root)
    check(SECRET not in "\n".join(out), "leak", out)
    holds("\n".join(out), "in jail")


@case
def races_on_the_host():
    root, secret = root_with_links()
    os.makedirs(root + "/race/real", exist_ok=True)
    write(root + "/race/real/secret", "inside\n")
    stop = threading.Event()

    def swap():
        outside, n = os.path.dirname(secret), 0
        while not stop.is_set():
            n += 1
            a, b = f"{root}/race/x{n}", root + "/race/dir"
            os.symlink(outside if n % 2 else "real", a)
            os.replace(a, b)
            if n % 3 == 0:
                # A directory moves out and in while it is walked.
                os.rename(root + "/race/real", os.path.dirname(outside) + "/moved")
                os.rename(os.path.dirname(outside) + "/moved", root + "/race/real")
    t = threading.Thread(target=swap)
    t.start()
    try:
        out = output("i=0; while [ $i -lt 300 ]; do i=$((i+1)); cat /race/dir/secret /race/real/../../../secret "
                     "/race/real/../../outside/secret 2>/dev/null; done | sort | uniq -c", root=root, timeout=60)
    finally:
        stop.set()
        t.join()
    check(SECRET not in "\n".join(out), "leak", out)
    holds("\n".join(out), "inside")


@case
def later_mounts():
    root, secret = root_with_links()
    out = output(f"m() {{ mount -t hostfs -o \"$1\" none /mnt 2>/dev/null && ls /mnt && umount /mnt || echo refused; }}; "
                 f"m /; m /etc; m {os.path.dirname(secret)}; m {root}/../outside; m {root}/etc/directory; m ''; m {root}x; "
                 f"m {root}/bin/../race/; mkdir /etc/sub; echo 1 >/etc/sub/seen; m {root}/etc/sub", root=root)
    same(out[:7], ["refused"] * 7)
    same(out[-1], "seen")
    check(SECRET not in "\n".join(out) and "secret" not in out, "leak", out)


@case
def mounts_without_a_root():
    d = os.path.dirname(secret_file())
    mount = "mount -t hostfs -o %s none /mnt 2>/dev/null && cat /mnt/secret || echo refused"
    same(output(mount % d), ["refused"])
    same(output(mount % "''", "hostfs=" + d), [SECRET])
    same(output(mount % "/..", "hostfs=" + d), [SECRET])
    same(output(mount % d, "hostfs=/"), [SECRET])
    same(output(mount % d, "confine=off"), [SECRET])


@case
def landlock_stands_behind():
    # What hostfs would let through, the host refuses: a file of the kernel process's own user.
    p = subprocess.Popen([LINUX, *SPEAK, "uml_dir=" + tmp("uml"), *hostfs(busybox_root()), "init=/bin/sh", "--", "-c",
                          "echo up; sleep 20"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         start_new_session=True)
    try:
        same(p.stdout.readline().strip(), b"up")
        with open(f"/proc/{p.pid}/status", encoding="utf-8") as f:
            status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
        same((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        for task in os.listdir(f"/proc/{p.pid}/task"):
            with open(f"/proc/{p.pid}/task/{task}/status", encoding="utf-8") as f:
                holds(f.read(), "Seccomp:\t2")
    finally:
        p.kill()
        p.wait()
        p.stdout.close()


@case
def both_sides_see_the_same():
    root = busybox_root()
    p = subprocess.Popen([LINUX, *SPEAK, *hostfs(root), "init=/bin/sh", "--", "-c",
                          "mount -t proc proc /proc; echo from guest >/tmp/a; echo up; "
                          "while [ ! -e /tmp/b ]; do sleep 0.02; done; cat /tmp/b; rm /tmp/b; echo more >>/tmp/a; "
                          "echo done; while :; do sleep 1; done"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        same(p.stdout.readline().strip(), "up")
        with open(root + "/tmp/a", encoding="utf-8") as f:
            same(f.read(), "from guest\n")
        write(root + "/tmp/.b", "from host\n")
        os.rename(root + "/tmp/.b", root + "/tmp/b")
        same(p.stdout.readline().strip(), "from host")
        same(p.stdout.readline().strip(), "done")
        check(not os.path.exists(root + "/tmp/b"), "not removed")
        with open(root + "/tmp/a", encoding="utf-8") as f:
            same(f.read(), "from guest\nmore\n")
    finally:
        p.kill()
        p.wait()
        p.stdout.close()


@case
def reading_only_what_the_user_may():
    if os.getuid() != 0:
        root = busybox_root()
        write(root + "/etc/closed", SECRET, 0)
        same(output("cat /etc/closed 2>&1 | grep -c 'Permission denied'", root=root), ["1"])
        return
    root = os.path.join(tmp(), "user-root")
    shutil.copytree(busybox_root("plain"), root, symlinks=True)
    write(root + "/etc/closed", SECRET, 0)
    for wrap in (["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "env", "HOME=/nonexistent"],):
        if subprocess.run([*wrap, "test", "-x", LINUX], check=False).returncode:
            return
        out = output("cat /etc/closed 2>&1 | grep -c 'Permission denied'; id -u", root=root, wrap=wrap)
        same([x for x in out if x.isdigit()], ["1", "0"])


main()
