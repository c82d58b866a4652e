// SPDX-License-Identifier: MIT
import java.io.*;
import java.nio.*;
import java.nio.channels.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;

/** Threads, locks, garbage, children, files, null pointers by fault. */
public class All {
	static long counted;

	static synchronized void count() {
		counted++;
	}

	public static void main(String[] args) throws Exception {
		ExecutorService pool = Executors.newFixedThreadPool(8);
		List<Future<Long>> list = new ArrayList<>();
		for (int i = 0; i < 100; i++) {
			final int n = i;
			list.add(pool.submit(() -> {
				for (int k = 0; k < 1000; k++)
					count();
				return (long) n * n;
			}));
		}
		long sum = 0;
		for (Future<Long> f : list)
			sum += f.get();
		pool.shutdown();
		System.out.println(sum + " " + counted + " " + pool.awaitTermination(10, TimeUnit.SECONDS));
		System.out.println(IntStream.range(0, 1000000).parallel().mapToLong(x -> x % 7).sum());
		byte[][] keep = new byte[100][];
		for (int i = 0; i < 200000; i++)
			keep[i % 100] = new byte[i % 5000];
		System.gc();
		Object o = args.length > 5 ? "x" : null;
		int caught = 0;
		for (int i = 0; i < 20000; i++)
			try {
				o.hashCode();
			} catch (NullPointerException e) {
				caught++;
			}
		System.out.println("caught " + caught);
		try {
			deep(0);
		} catch (StackOverflowError e) {
			System.out.println("stack");
		}
		Process p = new ProcessBuilder("sh", "-c", "read x; echo got $x; exit 3").start();
		try (Writer w = new OutputStreamWriter(p.getOutputStream())) {
			w.write("input\n");
		}
		System.out.println(new BufferedReader(new InputStreamReader(p.getInputStream())).readLine() + " " + p.waitFor());
		Path f = Files.createTempFile(Path.of("."), "java", null);
		try (FileChannel c = FileChannel.open(f, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
			MappedByteBuffer m = c.map(FileChannel.MapMode.READ_WRITE, 0, 65536);
			m.putInt(4096, 0x12345678);
			m.force();
			ByteBuffer b = ByteBuffer.allocate(4);
			c.read(b, 4096);
			System.out.println(Integer.toHexString(b.getInt(0)) + " " + c.size());
		}
		Files.delete(f);
		AtomicInteger woken = new AtomicInteger();
		Thread t = new Thread(() -> {
			try {
				Thread.sleep(100000);
			} catch (InterruptedException e) {
				woken.incrementAndGet();
			}
		});
		t.start();
		t.interrupt();
		t.join();
		System.out.println("woken " + woken + " " + System.getProperty("os.name"));
	}

	static int deep(int n) {
		return deep(n + 1) + 1;
	}
}
