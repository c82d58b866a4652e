#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Wrong input and poor hosts: the cause is named, the status is the documented one."""
import gzip
import os
import resource
import signal
import subprocess
import time

from umlaut import (BUSYBOX, LINUX, SPEAK, Skip, busybox_root, case, check, compile_c, holds, hostfs, main, output,
                    run, same, script, tmp, wait_for, write)

ABORT = -signal.SIGABRT
NOBODY = 65534


def boot_root(root, *more, **kw):
    return run([*SPEAK, *hostfs(root), *more], **kw)


@case
def missing_root():
    r = boot_root("/does/not/exist")
    same(r.status, ABORT, r.out)
    holds(r.out, 'Cannot open root "/does/not/exist"', "no such directory",
          "Kernel panic - not syncing: VFS: Unable to mount root fs on hostfs")


@case
def root_that_is_a_file():
    r = boot_root("/etc/passwd")
    same(r.status, ABORT, r.out)
    holds(r.out, 'Cannot open root "/etc/passwd"', "not a directory")


@case
def unreadable_root():
    closed = tmp("closed")
    os.makedirs(closed + "/inner", exist_ok=True)
    os.chmod(closed, 0)
    try:
        r = boot_root(closed + "/inner", wrap=unprivileged())
    finally:
        os.chmod(closed, 0o700)
    same(r.status, ABORT, r.out)
    holds(r.out, "Cannot open root", "permission denied")


@case
def unknown_file_system():
    r = run([*SPEAK, "root=/dev/x", "rootfstype=qqfs"])
    same(r.status, ABORT, r.out)
    holds(r.out, '"qqfs" is not known', "Unable to mount root fs")


@case
def no_init():
    r = boot_root(tmp("empty"))
    same(r.status, ABORT, r.out)
    holds(r.out, "No working init found.  Try passing init= option to kernel.")
    r = boot_root(busybox_root(), "init=/bin/nothing")
    same(r.status, ABORT, r.out)
    holds(r.out, "Requested init /bin/nothing failed (error -2).")


def refused_init(name, data, error):
    root = busybox_root()
    path = os.path.join(root, name)
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, 0o755)
    r = boot_root(root, "init=/" + name)
    same(r.status, ABORT, r.out)
    holds(r.out, f"Starting init: /{name} exists but couldn't execute it (error {error})",
          f"Requested init /{name} failed (error {error}).")


def busybox_bytes():
    with open(BUSYBOX, "rb") as f:
        return f.read()


@case
def foreign_elf():
    data = bytearray(busybox_bytes())
    data[18:20] = (183).to_bytes(2, "little")       # EM_AARCH64
    refused_init("aarch64", bytes(data), -8)
    data = bytearray(busybox_bytes())
    data[4] = 1                                     # ELFCLASS32
    refused_init("class32", bytes(data), -8)


@case
def truncated_elf():
    data = busybox_bytes()
    refused_init("header-only", data[:40], -8)
    refused_init("no-program-headers", data[:100], -8)
    # Headers that promise more than is there: the program dies, not the kernel.
    root = busybox_root()
    with open(root + "/bin/short", "wb") as f:
        f.write(data[:len(data) // 3])
    os.chmod(root + "/bin/short", 0o755)
    out = output("/bin/short; test $? -ge 126 && echo died; echo alive", root=root)
    same([x for x in out if x in ("died", "alive")], ["died", "alive"])


@case
def garbage_as_init():
    refused_init("garbage", b"\x01\x02\x03 nothing\n", -8)
    refused_init("nothing", b"", -8)


@case
def interpreters():
    root = busybox_root()
    write(root + "/script", "#!/no/such/interpreter\n", 0o755)
    r = boot_root(root, "init=/script")
    holds(r.out, "Requested init /script failed (error -2).")
    write(root + "/loop1", "#!/loop2\n", 0o755)
    refused_init("loop2", b"#!/loop1\n", -40)
    write(root + "/file", "#!/bin/sh\n", 0o644)
    r = boot_root(root, "init=/file")
    holds(r.out, "Requested init /file failed (error -13).")


@case
def memory_sizes():
    for text, given in (("abc", 0), ("", 0), ("1M", 1 << 20), ("4096", 4096)):
        r = run(["mem=" + text])
        same(r.status, 1, r.out)
        holds(r.out, "Too few physical memory! Needed=", f"given={given}\n")


@case
def little_memory():
    # Enough to start, not to live: the machine ends in words, never by a fault of the kernel.
    for size in ("8M", "10M", "16M"):
        r = script("echo alive", "mem=" + size)
        check(r.status in (0, ABORT), "status", r)
        check("alive" in r.out or "Kernel panic" in r.out, "words", r)


@case
def initrds():
    r = run([*SPEAK, "initrd=/does/not/exist"])
    same(r.status, ABORT, r.out)
    holds(r.out, "Opening '/does/not/exist' failed - err = 2")
    r = run([*SPEAK, "initrd=/etc/passwd"])
    same(r.status, ABORT, r.out)
    holds(r.out, 'initrd "/etc/passwd": not a cpio archive')


def cpio(*entries):
    """An archive of (name, mode, data), and what a machine that only unpacks it says."""
    blob = b""
    for name, mode, data in (*entries, ("TRAILER!!!", 0, b"")):
        fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        for part in (b"070701" + b"".join(b"%08X" % f for f in fields) + name.encode() + b"\0", data):
            blob += part + b"\0" * (-len(blob + part) % 4)
    return blob


@case
def hostile_initrds():
    # All end in "No working init found": what counts is that they end.
    fifo = cpio(("f", 0o10600, b""), ("f", 0o100600, b"data"), ("d", 0o40755, b""), ("d", 0o100600, b"x"))
    for name, blob in (("neither", b"\x1f\x8a\x08\0" * 100), ("fifo", fifo), ("nested", gzip.compress(b"\x1f\x8b" * 9))):
        path = os.path.join(tmp(), name)
        with open(path, "wb") as f:
            f.write(blob)
        r = run([*SPEAK, "initrd=" + path], timeout=30)
        same(r.status, ABORT, r.out)
        holds(r.out, "No working init found")
        same("not a cpio archive" in r.out, name != "fifo", name)


@case
def name_in_use():
    d = tmp("uml")
    first = subprocess.Popen([LINUX, *SPEAK, "uml_dir=" + d, "umid=taken", "rdinit=/bin/sh", "--", "-c",
                              "echo up; while :; do sleep 0.1; done"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, start_new_session=True)
    same(first.stdout.readline().strip(), b"up")
    try:
        r = script("echo second", "uml_dir=" + d, "umid=taken")
        same(r.status, 0, r.out)
        holds(r.out, f'umid "taken" is already in use by pid {first.pid}',
              'Failed to initialize umid "taken", trying with a random umid', "second\n")
        same(os.listdir(d), ["taken"])
    finally:
        first.kill()
        first.wait()
        first.stdout.close()
    # The directory of a machine that was killed is taken over.
    r = script("echo third", "uml_dir=" + d, "umid=taken")
    check("in use" not in r.out, "still in use", r)
    same(os.listdir(d), [])


@case
def useless_directories():
    r = script("echo runs", "uml_dir=/proc/none")
    same(r.status, 0, r.out)
    holds(r.out, "Failed to mkdir '/proc/none/'", "runs\n")
    r = script("echo runs", env={**os.environ, "HOME": "/dev/null"})
    same(r.status, 0, r.out)
    holds(r.out, "runs\n")


# ---- standard input -------------------------------------------------------------------------

def shell_with(stdin, args=("quiet",), timeout=10):
    return run(list(args), stdin=stdin, timeout=timeout)


@case
def stdin_is_null():
    # The shell reads the end of file, like any shell on the host.
    r = shell_with(subprocess.DEVNULL)
    same(r.status, 0, r.out)
    holds(r.out, "embedded root file system", "reboot: Power down")


@case
def stdin_is_closed():
    r = run(["quiet"], stdin=None, wrap=["sh", "-c", 'exec "$0" "$@" <&-'], timeout=20)
    same(r.status, 0, r.out)
    holds(r.out, "embedded root file system", "reboot: Power down")
    r = run([*SPEAK, "rdinit=/bin/echo", "--", "said"], wrap=["sh", "-c", 'exec "$0" "$@" <&- 2>&-'])
    holds(r.out, "said\n")


@case
def stdin_is_a_pipe():
    rd, wr = os.pipe()
    os.write(wr, b"echo from a $((1+1))nd pipe\n")
    os.close(wr)
    r = shell_with(rd)
    os.close(rd)
    same(r.status, 0, r.out)
    holds(r.out, "from a 2nd pipe\n", "reboot: Power down")


@case
def stdin_is_a_file():
    path = os.path.join(tmp(), "commands")
    write(path, "echo $((40+2)) lines\n" + "".join(f"echo line {i}\n" for i in range(3000)))
    with open(path, "rb") as f:
        r = shell_with(f, timeout=60)
    same(r.status, 0, r.out)
    holds(r.out, "42 lines\n", "\nline 2999\n", "reboot: Power down")


@case
def stdout_is_full():
    with open("/dev/full", "wb") as full:
        p = subprocess.run([LINUX, *SPEAK, "rdinit=/bin/sh", "--", "-c",
                            "mount -t proc proc /proc; echo 3 >/proc/exitcode; echo lost; poweroff -f"],
                           stdin=subprocess.DEVNULL, stdout=full, stderr=full, timeout=20, check=False)
    same(p.returncode, 3)


@case
def stdout_is_a_closed_pipe():
    p = subprocess.Popen([LINUX, *SPEAK, "rdinit=/bin/sh", "--", "-c",
                          "mount -t proc proc /proc; echo 3 >/proc/exitcode; sleep 0.2; echo lost; poweroff -f"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    p.stdout.close()
    same(p.wait(20), 3)


# ---- poor hosts -----------------------------------------------------------------------------

def unprivileged():
    """A wrapper that runs its command as nobody."""
    if os.getuid() != 0:
        return []
    return ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "env",
            "HOME=" + home()]


def home():
    d = tmp("home")
    os.chown(d, NOBODY, NOBODY)
    return d


def reachable():
    if os.getuid() == 0 and subprocess.run([*unprivileged(), "test", "-x", LINUX], check=False).returncode:
        raise Skip("other users cannot reach the kernel")


def limited(which, value):
    return lambda: resource.setrlimit(which, (value, value))


def processes_of(uid):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
                found += [pid for line in f if line.startswith("Uid:") and line.split()[1] == str(uid)]
        except OSError:
            pass
    return found


def nobody_is_gone():
    """Processes of the cases before count until the host's init has taken note of their end."""
    wait_for("the end of nobody's processes", 20, lambda: not processes_of(NOBODY))


@case
def few_processes():
    reachable()
    if os.getuid() == 0:
        nobody_is_gone()
    # How many the user has now, so that the limit leaves no room for more.
    r = run([*SPEAK, "rdinit=/bin/echo", "--", "hello"],
            wrap=["prlimit", "--nproc=1", *unprivileged()])
    same(r.status, 1, r.out)
    holds(r.out, "RLIMIT_NPROC", "ulimit -u")


@case
def few_processes_for_the_guest():
    reachable()
    # The limit counts the user's processes: nobody has none but ours.
    if os.getuid() != 0:
        raise Skip("needs a user without processes")
    # The shell counts a while before its next fork: the host has yet to note the end of the one before.
    nobody_is_gone()
    r = script("sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do sleep 1 & done'; echo alive; "
               "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; sleep 2; sh -c 'exit 3'; echo then $?",
               wrap=["prlimit", "--nproc=17", *unprivileged()])
    same(r.status, 0, r.out)
    holds(r.out, "can't fork: Resource temporarily unavailable", "alive\n", "then 3\n")


@case
def few_descriptors():
    r = script(":", preexec_fn=limited(resource.RLIMIT_NOFILE, 40))
    same(r.status, 1, r.out)
    holds(r.out, "RLIMIT_NOFILE", "ulimit -n")
    out = output("for i in 1 2 3 4 5 6 7 8 9 10; do cat /proc/uptime >/dev/null; done; echo alive",
                 preexec_fn=limited(resource.RLIMIT_NOFILE, 64))
    check("alive" in out, "with 64 descriptors", out)


@case
def little_address_space():
    r = script("echo alive", preexec_fn=limited(resource.RLIMIT_AS, 48 << 20))
    same(r.status, 1, r.out)
    holds(r.out, "RLIMIT_AS", "ulimit -v")
    out = output("echo alive", preexec_fn=limited(resource.RLIMIT_AS, 2 << 30))
    same(out, ["alive"])


@case
def mapping_that_the_host_refuses():
    """It travels with the answer of the guest's call: the call fails all the same, and nothing else."""
    text = ("for i in 1 2 3; do dd if=/dev/zero of=/dev/null bs=5G count=0 2>&1; done\n"
            "dd if=/proc/self/exe of=/tmp/x bs=1M count=1 2>/dev/null && echo alive")
    out = output(text, "mem=16G", preexec_fn=limited(resource.RLIMIT_AS, 6 << 30))
    same(out, ["dd: out of memory"] * 3 + ["alive"])


def denied(names, text):
    deny = compile_c("deny")
    r = script("echo alive", wrap=[deny, *names.split(), "--"])
    same(r.status, 1, r.out)
    holds(r.out, *text)


@case
def host_forbids_seccomp():
    denied("seccomp seccomp-by-prctl", ("forbids seccomp filters", "CONFIG_SECCOMP_FILTER"))


@case
def host_forbids_memfd():
    denied("memfd_create", ("forbids memory files (memfd_create)", "Allow the memfd_create system call"))


@case
def host_lacks_what_is_optional():
    deny = compile_c("deny")
    for names in ("landlock_create_ruleset", "statx", "openat2", "clone3", "rseq", "close_range",
                  "ptrace process_vm_readv process_vm_writev userfaultfd"):
        root = busybox_root()
        out = output("ls -d /bin; echo x >/tmp/f && mv /tmp/f /tmp/g && cat /tmp/g; echo $(ls /proc | grep -c '^1$')",
                     root=root, wrap=[deny, *names.split(), "--"])
        same(out, ["/bin", "x", "1"], names)


@case
def full_disk():
    if os.getuid() != 0:
        raise Skip("needs root to mount a small file system")
    d = tmp("small")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "small", d], check=False).returncode:
        raise Skip("cannot mount here")
    try:
        subprocess.run(["cp", "-a", busybox_root("plain") + "/.", d], check=True)
        with open(d + "/precious", "w", encoding="utf-8") as f:
            f.write("kept\n")
        out = output("dd if=/dev/zero of=/big bs=64k count=200 2>&1 | grep -o 'No space left on device'; "
                     "echo more >>/precious; rm /big; cat /precious; echo again >/after; cat /after", root=d)
        same([x for x in out if x in ("No space left on device", "kept", "again")],
             ["No space left on device", "kept", "again"])
    finally:
        subprocess.run(["umount", d], check=False)


@case
def odd_options():
    r = script("echo runs", "ncpus=many", "udb0=x", "con1=port", "con99=null", "conX=fd:0", "ssl0=fd:77", "console=nothing0",
               "umid=", "uml_dir=", "hostfs=/tmp,wrong")
    same(r.status, 0, r.out)
    holds(r.out, "uml_ncpus_setup: Couldn't parse 'many'", "ubd -> udb TYPO", "hostfs_args - unsupported option - wrong",
          "uml_dir can't be an empty string", "runs\n")
    r = run(["x" * 300] * 20)
    same(r.status, 1, r.out)
    holds(r.out, "Too many command line arguments!")


main()
