/* SPDX-License-Identifier: MIT */
/*
 * Memory of the host for unit tests in which it is refused now and then: refuse(), which the test has before it
 * includes this, says when.
 */
void *mmap(void *addr, size_t len, int prot, int flags, int fd, long off);
int munmap(void *addr, size_t len);
int memfd_create(const char *name, unsigned int flags);
int ftruncate(int fd, long len);
#define RW 3
#define SHARED 1
#define PRIVATE_ANON 0x22
#define FIXED 0x10

void *host_pages_alloc(size_t len)
{
	return refuse() ? NULL : mmap(NULL, len, RW, PRIVATE_ANON, -1, 0);
}

void host_dontneed(void *p, size_t len)
{
	memset(p, 0xee, len);
}

int host_memfd(const char *name, u64 size)
{
	int fd = refuse() ? -ENOMEM : memfd_create(name, 0);

	if (fd >= 0 && ftruncate(fd, (long)size))
		return -EIO;
	return fd;
}

void *host_map_shared(int fd, u64 off, size_t len)
{
	return refuse() ? NULL : mmap(NULL, len, RW, SHARED, fd, (long)off);
}

int host_map_fixed(u64 addr, size_t len, int fd, u64 off, bool shared, bool exec)
{
	int flags = FIXED | (shared ? SHARED : PRIVATE_ANON);

	/* Giving back what was there before is not refused. */
	if (fd >= 0 && refuse())
		return -ENOMEM;
	return mmap((void *)addr, len, RW, flags, fd, (long)off) == (void *)addr ? 0 : -ENOMEM;
}

void host_unmap(void *p, size_t len)
{
	munmap(p, len);
}
