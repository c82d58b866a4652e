#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libumlaut from Python, by ctypes: a module and a small program.

    sandbox.py [--root DIR] [--memory MIB] [--timeout SECONDS] [--processes N] COMMAND [ARGUMENT...]

As a module: sandbox.run(["sh", "-c", "..."], memory=64 << 20) gives a Result. Calls may run in
parallel: ctypes lets other threads of Python go on meanwhile. LIBUMLAUT names the library.
"""
import argparse
import ctypes
import os
import sys
from dataclasses import dataclass

REASONS = ["exited", "signaled", "timeout", "memory", "processes", "cancelled", "not found", "not run", "machine"]
STRINGS = ctypes.POINTER(ctypes.c_char_p)


class Options(ctypes.Structure):
    """struct umlaut_options"""
    _fields_ = [("size", ctypes.c_size_t), ("kernel", ctypes.c_char_p), ("root", ctypes.c_char_p),
                ("ephemeral", ctypes.c_int), ("read_only", ctypes.c_int), ("binds", STRINGS),
                ("kernel_options", STRINGS), ("user", ctypes.c_char_p), ("workdir", ctypes.c_char_p),
                ("env", STRINGS), ("input", ctypes.c_char_p), ("input_size", ctypes.c_size_t),
                ("memory", ctypes.c_uint64), ("cpus", ctypes.c_uint), ("processes", ctypes.c_uint),
                ("timeout_ms", ctypes.c_uint), ("output_max", ctypes.c_size_t), ("cancel_fd", ctypes.c_int)]


class CResult(ctypes.Structure):
    """struct umlaut_result"""
    _fields_ = [("reason", ctypes.c_int), ("status", ctypes.c_int), ("signal", ctypes.c_int),
                ("output", ctypes.POINTER(ctypes.c_char)), ("error_output", ctypes.POINTER(ctypes.c_char)),
                ("output_size", ctypes.c_size_t), ("error_output_size", ctypes.c_size_t),
                ("truncated", ctypes.c_int), ("user_ns", ctypes.c_uint64), ("system_ns", ctypes.c_uint64),
                ("wall_ns", ctypes.c_uint64), ("maxrss_kib", ctypes.c_uint64), ("oom_kills", ctypes.c_uint64),
                ("fork_refusals", ctypes.c_uint64), ("message", ctypes.c_char * 256)]


@dataclass
class Result:
    reason: str
    status: int
    output: bytes
    error_output: bytes
    truncated: bool
    cpu: float          # seconds
    wall: float
    maxrss_kib: int
    message: str


lib = ctypes.CDLL(os.environ.get("LIBUMLAUT", "libumlaut.so.0"))
lib.umlaut_run.argtypes = [ctypes.POINTER(Options), STRINGS, ctypes.POINTER(CResult)]
lib.umlaut_result_free.argtypes = [ctypes.POINTER(CResult)]


def _strings(words):
    """NULL for none, else char *[] that ends with NULL."""
    return (ctypes.c_char_p * (len(words) + 1))(*map(os.fsencode, words), None) if words else None


def _text(s):
    return os.fsencode(s) if s else None


def run(command, root=None, ephemeral=True, binds=(), env=(), user=None, workdir=None, stdin=b"", memory=0,
        cpus=0, processes=0, timeout=0.0, output_max=0, cancel_fd=0):
    """Runs a command in a fresh machine. OSError when it cannot even be tried."""
    o = Options(size=ctypes.sizeof(Options), root=_text(root), ephemeral=ephemeral, binds=_strings(binds),
                user=_text(user), workdir=_text(workdir), env=_strings(env), input=stdin,
                input_size=len(stdin), memory=memory, cpus=cpus, processes=processes,
                timeout_ms=int(timeout * 1000), output_max=output_max, cancel_fd=cancel_fd)
    r = CResult()
    err = lib.umlaut_run(ctypes.byref(o), _strings(command), ctypes.byref(r))
    if err:
        raise OSError(-err, r.message.decode(errors="replace"))
    try:
        return Result(REASONS[r.reason], r.status, ctypes.string_at(r.output, r.output_size),
                      ctypes.string_at(r.error_output, r.error_output_size), bool(r.truncated),
                      (r.user_ns + r.system_ns) / 1e9, r.wall_ns / 1e9, r.maxrss_kib,
                      r.message.decode(errors="replace"))
    finally:
        lib.umlaut_result_free(ctypes.byref(r))


def main():
    p = argparse.ArgumentParser(description="runs a command in a machine of its own")
    p.add_argument("--root")
    p.add_argument("--memory", type=int, default=0, metavar="MIB")
    p.add_argument("--timeout", type=float, default=0)
    p.add_argument("--processes", type=int, default=0)
    p.add_argument("command", nargs=argparse.REMAINDER)
    a = p.parse_args()
    if not a.command:
        p.error("a command is needed")
    r = run(a.command, root=a.root, memory=a.memory << 20, timeout=a.timeout, processes=a.processes)
    sys.stdout.buffer.write(r.output)
    sys.stderr.buffer.write(r.error_output)
    print(f"{r.reason}, status {r.status}, {r.cpu:.3f} s of CPU, {r.wall:.3f} s, {r.maxrss_kib} KiB {r.message}",
          file=sys.stderr)
    return r.status


if __name__ == "__main__":
    sys.exit(main())
