/* SPDX-License-Identifier: MIT */
/*
 * Host memory: the kernel's heap (malloc), page ranges, stacks, memfds.
 */
#include "host/host.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/inject.h"
#include "lib/alloc.h"

void *kmalloc(size_t n)
{
	return inject_malloc() ? NULL : malloc(n ? n : 1);
}

void *kzalloc(size_t n)
{
	return inject_malloc() ? NULL : calloc(1, n ? n : 1);
}

void *krealloc(void *p, size_t n)
{
	return inject_malloc() ? NULL : realloc(p, n ? n : 1);
}

void kfree(void *p)
{
	free(p);
}

char *kstrdup(const char *s)
{
	return inject_malloc() ? NULL : strdup(s);
}

char *kstrndup(const char *s, size_t n)
{
	return inject_malloc() ? NULL : strndup(s, n);
}

char *kasprintf(const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	if (inject_malloc())
		return NULL;
	va_start(ap, fmt);
	n = vasprintf(&p, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : p;
}

void *host_pages_alloc(size_t len)
{
	void *p;

	if (inject_call())
		return NULL;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

void host_pages_free(void *p, size_t len)
{
	munmap(p, len);
}

/* Guard page at the low end inside the block, so that the whole is size aligned. */
void *host_stack_alloc(size_t size)
{
	char *p = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *base;

	if (p == MAP_FAILED)
		return NULL;
	if (inject_call()) {
		munmap(p, 2 * size);
		return NULL;
	}
	base = (char *)(((u64)p + size - 1) & ~(size - 1));
	if (base > p)
		munmap(p, (size_t)(base - p));
	if (base + size < p + 2 * size)
		munmap(base + size, (size_t)(p + 2 * size - (base + size)));
	if (mprotect(base + PAGE_SIZE, size - PAGE_SIZE, PROT_READ | PROT_WRITE)) {
		munmap(base, size);
		return NULL;
	}
	return base;
}

void host_stack_free(void *base, size_t size)
{
	munmap(base, size);
}

void *host_map_shared(int fd, u64 off, size_t len)
{
	void *p;

	if (inject_call())
		return NULL;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)off);
	return p == MAP_FAILED ? NULL : p;
}

int host_map_fixed(u64 addr, size_t len, int fd, u64 off, bool shared, bool exec)
{
	int prot = exec ? PROT_READ | PROT_EXEC : PROT_READ | PROT_WRITE;
	int flags = MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE) | (fd < 0 ? MAP_ANONYMOUS : 0);

	return mmap((void *)addr, len, prot, flags, fd, (off_t)off) == MAP_FAILED ? -errno : 0;
}

int host_map_fixed_readonly(u64 addr, size_t len, int fd)
{
	return mmap((void *)addr, len, PROT_READ, MAP_FIXED | MAP_SHARED, fd, 0) == MAP_FAILED ? -errno : 0;
}

void host_unmap(void *p, size_t len)
{
	munmap(p, len);
}

void host_dontneed(void *p, size_t len)
{
	madvise(p, len, MADV_DONTNEED);
}

void host_dontneed_const(const char *from, const char *end)
{
	u64 a = PAGE_ALIGN((u64)from), b = (u64)end & PAGE_MASK;

	if (a < b)
		madvise((void *)a, b - a, MADV_DONTNEED);
}

void host_heap_trim(void)
{
	malloc_trim(0);
}

int host_memfd(const char *name, u64 size)
{
	int fd;

	if (inject_call())
		return -EMFILE;
	fd = memfd_create(name, MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (size && ftruncate(fd, (off_t)size)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}
