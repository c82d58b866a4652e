#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Debian boots from its own disk: fsck, sysvinit, getty and login, syslog, cron, a second disk, a clean end."""
import os
import re
import shutil
import subprocess
import time

from umlaut import PATIENCE, Skip, Terminal, case, check, debian_image, holds, main, same, tmp

PROMPT = r"root@umlaut:\S+# "
TOOLS = os.environ["PATH"] + ":/usr/sbin:/sbin"


def tool(*args, status=0):
    path = shutil.which(args[0], path=TOOLS)
    if not path:
        raise Skip(args[0] + " is missing")
    p = subprocess.run([path, *args[1:]], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    same(p.returncode, status, f"{args}: {p.stdout}{p.stderr}")
    return p.stdout


def disks(name):
    """A copy of Debian's disk and an empty one, in a directory of their own."""
    place = tmp(name)
    root, data = os.path.join(place, "root.img"), os.path.join(place, "data.img")
    subprocess.run(["cp", "--sparse=always", debian_image(), root], check=True)
    with open(data, "wb") as f:
        f.truncate(64 << 20)
    tool("mke2fs", "-q", "-F", "-t", "ext4", data)
    return place, root, data


class Shell:
    """A login on the console."""

    def __init__(self, term, log):
        self.term = term
        term.io.logfile_read = log
        term.see("umlaut login: ", timeout=90 * PATIENCE)
        term.type("root\r")
        term.see(PROMPT)
        self.run("bind 'set enable-bracketed-paste off'; stty -echo")

    def run(self, line):
        self.term.type(line + "\r")
        self.term.see(PROMPT, timeout=30 * PATIENCE)
        return self.term.io.before.replace("\r", "")


def session(place, *options, wrap=(), end="poweroff"):
    """Boots, works on the second disk, powers off; what each command said, and the whole console."""
    log = os.path.join(place, "console")
    with open(log, "w", encoding="utf-8") as f, Terminal(["mem=256M", "uml_dir=" + os.path.join(place, "uml"), *options],
                                                         wrap=wrap) as t:
        shell = Shell(t, f)
        said = {line: shell.run(line) for line in WORK}
        t.type(end + "\r")
        same(t.end(60), 0)
    with open(log, encoding="utf-8") as f:
        return said, f.read().replace("\r", "")


WORK = [
    "mkdir /mnt/disk && mount /dev/ubdb /mnt/disk/ && echo 'This is a UML test!' >/mnt/disk/foo.txt",
    "cat /mnt/disk/foo.txt; for d in / /mnt/disk; do findmnt -rno SOURCE,FSTYPE,OPTIONS $d; done",
    "tty; who; runlevel; ps -eo comm= | sort -u",
    "logger -t test hello from the guest; service cron status; sleep 1; grep -h 'test: hello' /var/log/syslog",
    "echo '* * * * * root touch /tmp/by-cron' >/etc/cron.d/test; dmesg | grep -c 'Run /sbin/init'",
    "useradd -m somebody && su - somebody -c 'id -un; echo mine >note; stat -c %U note'",
]


def clean(*images):
    for i in images:
        tool("e2fsck", "-fn", i)


def check_session(said, console, root, data):
    answers = list(said.values())
    same(answers[0].count("rror"), 0, answers[0])
    holds(answers[1], "This is a UML test!", "/dev/ubda ext4 ", "rw,relatime", "/dev/ubdb ext4 ")
    holds(answers[2], "/dev/tty0", "root     tty0", "N 2", "init\n", "cron\n", "login\n", "syslogd\n")
    holds(answers[3], "cron is running", "test: hello from the guest")
    check("1" in answers[4], "dmesg", answers[4])
    same(re.findall(r"somebody", answers[5]), ["somebody", "somebody"], answers[5])
    uuid = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    for line in (rf"EXT4-fs \(ubda\): mounted filesystem {uuid} ro with ordered data mode\. Quota mode: none\.",
                 r"VFS: Mounted root \(ext4 filesystem\) readonly on device 98:0\.", r"root: clean, \d+/\d+ files",
                 rf"EXT4-fs \(ubda\): re-mounted {uuid} r/w\. Quota mode: none\.",
                 rf"EXT4-fs \(ubdb\): unmounting filesystem {uuid}\.",
                 rf"EXT4-fs \(ubda\): re-mounted {uuid} ro\. Quota mode: none\.", r"reboot: Power down"):
        check(re.search(line, console), line, console[-3000:])
    for word in ("failed", "unknown filesystem", "not supported", "Oops", "EXT4-fs error"):
        check(word not in console, word, console)
    clean(root, data)
    same(tool("debugfs", "-R", "cat /foo.txt", data), "This is a UML test!\n")


@case
def boots_to_a_login():
    place, root, data = disks("as-we-are")
    check_session(*session(place, "ubd0=" + root, "ubd1=" + data, "root=/dev/ubda"), root, data)


@case
def as_a_user_and_with_shutdown():
    if os.getuid() or not shutil.which("setpriv"):
        raise Skip("needs root and setpriv to become a user")
    place, root, data = disks("as-a-user")
    for f in (place, root, data):
        os.chown(f, 1000, 1000)
    user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"]
    # No root=: the first disk.
    check_session(*session(place, "ubd0=" + root, "ubd1=" + data, wrap=user, end="shutdown -h now"), root, data)


@case
def comes_back_after_a_kill():
    """Nothing was unmounted: the journal is replayed, fsck finds nothing, what was synced is there."""
    place, root, _ = disks("killed")
    with Terminal(["mem=256M", "ubda=" + root, "umid=killed", "uml_dir=" + place]) as t:
        with open(os.path.join(place, "first"), "w", encoding="utf-8") as f:
            Shell(t, f).run("echo kept >/root/note; sync; cp -r /etc /root/copy")
        t.proc.kill()
        t.proc.wait()
    time.sleep(0.2)
    with Terminal(["mem=256M", "ubda=" + root, "umid=again", "uml_dir=" + place]) as t:
        with open(os.path.join(place, "second"), "w", encoding="utf-8") as f:
            holds(Shell(t, f).run("cat /root/note"), "kept")
            t.type("poweroff\r")
            same(t.end(60), 0)
        with open(os.path.join(place, "second"), encoding="utf-8") as f:
            check("root: clean" in f.read() or "root: recovering journal" in f.read(), "fsck at boot")
    clean(root)


if __name__ == "__main__":
    main()
