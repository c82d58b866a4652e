#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same work in every way of running: fast paths off, one CPU, under a container's filter, unprivileged."""
import os
import subprocess

from umlaut import (BUSYBOX, LINUX, Skip, busybox_root, case, compile_c, debian_root, hostfs, main, output, run,
                    same, tmp, SPEAK, END)

USER = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"]

# Touches processes, pipes, signals, files, time, terminals.
WORK = r"""
cd /tmp; for i in 1 2 3 4 5; do echo line $i; done | sort -r | head -n 2 | tr '\n' ' '; echo
f() { (exit $1); echo $?; }; f 0; f 7
sleep 30 & kill $!; wait $!; echo killed $?
trap 'echo usr1' USR1; kill -USR1 $$; trap - USR1
cat <<EOF | wc -c
here-document with $((6 * 7))
EOF
mkdir -p a/b/c && echo data >a/b/c/f && cp -r a d && mv d e && ln -s e/b l && cat l/c/f && ln e/b/c/f hard && stat -c %h hard && rm -r a e l hard && ls | wc -l
seq 1 2000 | while read n; do echo $((n * n)); done | md5sum
dd if=/dev/zero bs=64k count=64 2>/dev/null | md5sum
i=0; while [ $i -lt 30 ]; do /bin/true; i=$((i+1)); done; echo thirty
(sleep 0.2; echo slow) & (echo fast); wait
find /proc/self/fd -type l | wc -l; test -c /dev/null && echo device
timeout 1 sleep 10; echo timeout $?
"""
def expected():
    """What the host's busybox prints, once."""
    if not expected.lines:
        text = WORK.replace("cd /tmp", "cd " + tmp("host-work"))
        done = subprocess.run([BUSYBOX, "sh", "-c", text], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=True)
        expected.lines = done.stdout.splitlines()
    return expected.lines


expected.lines = []


def setup(root=False):
    dev = "mount -t devtmpfs dev /dev; " if not root else ""
    return dev + "mount -t tmpfs tmp /tmp\n"


def work(*options, root=None, **more):
    out = output(setup(root is not None) + WORK, *options, root=root, timeout=60, **more)
    # sh says it only when it finds out at a certain moment.
    same([x for x in out if x != "Terminated"], [x for x in expected() if x != "Terminated"])


@case
def plain():
    work()
    work(root=busybox_root())


@case
def fastpath_off():
    work("fastpath=off")


@case
def patch_off():
    work("patch=off")


@case
def both_off():
    work("patch=off", "fastpath=off", root=busybox_root())


@case
def one_cpu():
    work(wrap=["taskset", "-c", str(min(os.sched_getaffinity(0)))])
    work(root=busybox_root(), wrap=["taskset", "-c", str(min(os.sched_getaffinity(0)))])
    work("ncpus=1")


@case
def outer_filter():
    outer = compile_c("outer-filter")
    work(wrap=[outer])
    work(root=busybox_root(), wrap=[outer])
    work("fastpath=off", wrap=[outer, "taskset", "-c", str(min(os.sched_getaffinity(0)))])


@case
def confinement_off_and_on():
    work("confine=off")
    work("noreboot")


@case
def reboots_under_an_outer_filter():
    outer = compile_c("outer-filter")
    root = busybox_root("reboots")
    text = ("echo boot $(cat /root/n 2>/dev/null | wc -l); echo x >>/root/n; "
            "test $(wc -l </root/n) -lt 3 && /bin/busybox reboot -f")
    out = output(text, root=root, wrap=[outer])
    same(out, ["boot 0", "boot 1", "boot 2"])


def as_user():
    if os.getuid() != 0:
        return []
    home = tmp("user-home")
    os.chown(home, 1000, 1000)
    wrap = [*USER, "env", "HOME=" + home]
    if subprocess.run([*wrap, "test", "-x", LINUX], check=False).returncode:
        raise Skip("other users cannot reach the kernel")
    return wrap


def give_away(path):
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", "1000:1000", path], check=True)


@case
def unprivileged():
    wrap = as_user()
    root = busybox_root("users")
    give_away(root)
    work(wrap=wrap)
    work(root=root, wrap=wrap)
    work("fastpath=off", root=root, wrap=[*wrap, compile_c("outer-filter")])
    out = output("id -u; echo mine >/root/file; stat -c %u:%g /root/file", root=root, wrap=wrap)
    same(out[0], "0")
    same(os.stat(root + "/root/file").st_uid, 1000 if os.getuid() == 0 else os.getuid())


DEBIAN = r"""
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
mount -t proc proc /proc; mount -t tmpfs tmp /tmp; mount -t devpts devpts /dev/pts 2>/dev/null; cd /tmp
echo ${BASH_VERSION%%.*}; x=(a b c); echo ${x[@]:1} ${#x[@]}; diff <(seq 3) <(seq 3) && echo same
coproc cat; echo hi >&${COPROC[1]}; read -u ${COPROC[0]} y; echo $y; exec {COPROC[1]}>&-; wait
seq 200000 | sort -n | sha256sum | cut -c1-16; find /usr/bin -xdev -type f | wc -l
ps -o pid,comm -p 1 | tail -n 1 | tr -s ' '; free -m | grep -c Mem; df / | wc -l; uptime | grep -c load
mkdir t; cp -a /etc t/; tar -C t -cf - etc | gzip | tar -tzf - | sort | sha256sum | cut -c1-16 >/tmp/1
(cd t; find etc | sort) | sed 's,/$,,' | wc -l >/tmp/2; test -s /tmp/1 && echo tar
flock /tmp/1 echo locked; setsid -w bash -c 'echo $(($(ps -o sid= -p $$) == $$))'
for i in {1..50}; do /bin/true & done; wait; echo fifty; ulimit -n 50; ulimit -n
"""


def debian_work(root, *options, **more):
    r = run([*SPEAK, *hostfs(root), *options, "init=/bin/bash", "--", "-c", DEBIAN + END], timeout=60, **more)
    same(r.status, 0, r.out)
    out = [x for x in r.out.splitlines() if not x.startswith("[")]
    same([x for i, x in enumerate(out) if i not in (4, 5)],
         ["5", "b c 3", "same", "hi", " 1 bash", "1", "2", "1", "tar", "locked", "1", "fifty", "50"])
    return out


@case
def debian():
    root = debian_root()
    first = debian_work(root)
    files = subprocess.run(["find", root + "/usr/bin", "-xdev", "-type", "f"], capture_output=True, check=True)
    same(first[5], str(files.stdout.count(b"\n")))
    for options in (["fastpath=off"], ["patch=off"]):
        same(debian_work(root, *options), first)
    same(debian_work(root, wrap=["taskset", "-c", str(min(os.sched_getaffinity(0)))]), first)
    same(debian_work(root, wrap=[compile_c("outer-filter")]), first)


@case
def debian_unprivileged():
    wrap, root = as_user(), debian_root()
    if os.getuid() == 0:
        mine = os.environ.get("UMLAUT_DEBIAN_USER") or tmp("deb-user")
        if not os.listdir(mine):
            subprocess.run(["cp", "-a", root + "/.", mine], check=True)
            give_away(mine)
        root = mine
    debian_work(root, wrap=wrap)
    debian_work(root, wrap=[*wrap, compile_c("outer-filter")])


main()
