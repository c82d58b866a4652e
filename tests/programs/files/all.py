# SPDX-License-Identifier: MIT
"""Threads, processes, subprocesses, sockets, signals, files: what Python's library makes of the kernel."""
import asyncio
import concurrent.futures
import ctypes
import hashlib
import mmap
import multiprocessing
import os
import queue
import selectors
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import zlib


def square(n):
    return n * n


def counter(q, total, n):
    for i in range(n):
        with total.get_lock():
            total.value += 1
    q.put(n)


def threads():
    q, results, lock = queue.Queue(), [], threading.Lock()

    def work():
        while True:
            n = q.get()
            if n is None:
                return
            with lock:
                results.append(square(n))
    pool = [threading.Thread(target=work) for _ in range(8)]
    for t in pool:
        t.start()
    for n in range(2000):
        q.put(n)
    for _ in pool:
        q.put(None)
    for t in pool:
        t.join()
    print("threads", len(results), sum(results))
    barrier, event, order = threading.Barrier(5), threading.Event(), []
    pool = [threading.Thread(target=lambda: (barrier.wait(), event.wait(), order.append(1))) for _ in range(4)]
    for t in pool:
        t.start()
    barrier.wait()
    event.set()
    for t in pool:
        t.join()
    print("barrier", len(order))
    with concurrent.futures.ThreadPoolExecutor(4) as ex:
        print("executor", sum(ex.map(square, range(100))))


def processes():
    with multiprocessing.Pool(4) as pool:
        print("pool", sum(pool.map(square, range(1000))))
    q, total = multiprocessing.Queue(), multiprocessing.Value("i", 0)
    all_ = [multiprocessing.Process(target=counter, args=(q, total, 500)) for _ in range(4)]
    for p in all_:
        p.start()
    print("queue", sum(q.get() for _ in all_))
    for p in all_:
        p.join()
    print("value", total.value, [p.exitcode for p in all_])
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        print("spawn", pool.map(square, range(5)))
    with concurrent.futures.ProcessPoolExecutor(2) as ex:
        print("process executor", sum(ex.map(square, range(50))))
    with multiprocessing.Manager() as manager:
        d = manager.dict()
        p = multiprocessing.Process(target=d.update, args=({"a": 1},))
        p.start()
        p.join()
        print("manager", dict(d))
    from multiprocessing import shared_memory
    block = shared_memory.SharedMemory(create=True, size=4096)
    block.buf[:5] = b"hello"
    other = shared_memory.SharedMemory(name=block.name)
    print("shared memory", bytes(other.buf[:5]))
    other.close()
    block.close()
    block.unlink()
    a, b = multiprocessing.Pipe()
    p = multiprocessing.Process(target=lambda: b.send([1, 2, {"x": "y"}]))
    p.start()
    print("pipe", a.recv())
    p.join()


def subprocesses():
    print(subprocess.run(["sort", "-r"], input="a\nc\nb\n", capture_output=True, text=True, check=True).stdout.split())
    print(subprocess.run("exit 7", shell=True, check=False).returncode)
    try:
        subprocess.run(["sleep", "10"], timeout=0.2, check=False)
    except subprocess.TimeoutExpired:
        print("timeout")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
        print("big", len(p.communicate(b"x" * 3000000)[0]))
    many = [subprocess.Popen([sys.executable, "-c", f"print({i})"], stdout=subprocess.PIPE, text=True) for i in range(8)]
    print([int(p.communicate()[0]) for p in many])
    try:
        subprocess.run(["/nonexistent"], check=False)
    except FileNotFoundError as e:
        print(e.strerror)
    p = subprocess.Popen(["sleep", "100"], start_new_session=True)
    os.killpg(p.pid, signal.SIGTERM)
    print("killed", p.wait())


def signals():
    got = []
    for s in (signal.SIGUSR1, signal.SIGALRM, signal.SIGRTMIN):
        signal.signal(s, lambda n, f: got.append(n))
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    time.sleep(0.1)
    signal.raise_signal(signal.SIGRTMIN)
    print("signals", got)
    r, w = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(r)
        os.write(w, b"from the child")
        os.kill(os.getpid(), signal.SIGKILL)
    os.close(w)
    print(os.read(r, 100), os.WTERMSIG(os.waitpid(pid, 0)[1]))


async def echo():
    async def serve(reader, writer):
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
        writer.close()
    path = os.path.join(tempfile.mkdtemp(), "socket")
    server = await asyncio.start_unix_server(serve, path)

    async def ask(i):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(f"line {i}\n".encode())
        answer = await reader.readline()
        writer.close()
        return answer.decode().strip()
    answers = await asyncio.gather(*(ask(i) for i in range(50)))
    server.close()
    process = await asyncio.create_subprocess_exec("echo", "asynchronous", stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    print("asyncio", answers[0], answers[-1], len(answers), out.decode().strip())
    try:
        await asyncio.wait_for(asyncio.sleep(10), 0.05)
    except asyncio.TimeoutError:
        print("asyncio timeout")


def files():
    d = tempfile.mkdtemp(dir=".")
    path = os.path.join(d, "f")
    with open(path, "wb+") as f:
        f.truncate(1 << 20)
        with mmap.mmap(f.fileno(), 0) as m:
            m[1000:1005] = b"mmap!"
            m.flush()
        f.seek(1000)
        print(f.read(5), os.fstat(f.fileno()).st_size)
    os.symlink("f", d + "/l")
    os.link(path, d + "/h")
    print(sorted(os.listdir(d)), os.stat(path).st_nlink, os.readlink(d + "/l"))
    print(hashlib.sha256(zlib.compress(open(path, "rb").read(), 6)).hexdigest()[:16])
    base = sqlite3.connect(d + "/db")
    base.execute("create table t(a)")
    base.executemany("insert into t values(?)", ((i,) for i in range(1000)))
    base.commit()
    print(base.execute("select sum(a) from t").fetchone())
    with selectors.DefaultSelector() as sel:
        a, b = socket.socketpair()
        sel.register(a, selectors.EVENT_READ)
        print(len(sel.select(0)), b.send(b"x"), len(sel.select(1)))
    print(ctypes.CDLL(None).getpid() == os.getpid(), os.cpu_count() > 0, os.uname().sysname)


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    for part in (threads, processes, subprocesses, signals, files):
        part()
        sys.stdout.flush()
    asyncio.run(echo())
