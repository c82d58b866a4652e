/* SPDX-License-Identifier: MIT */
/*
 * Attacks on the near kernel, its host calls and its shared pages. Addresses are those of kernel/near/layout.h; the
 * program knows them as any hostile program would.
 */
#include "attack.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "near/layout.h"
#include "near/proto.h"

#define GADGET (NEAR_TEXT + NEAR_TEXT_MAX - 0x1000)	/* a page of near text that we make our own */

/* --- calls from near text --- */

static sigjmp_buf back;

static void on_fault(int sig)
{
	siglongjmp(back, sig);
}

static long call_at(uint64_t at, long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("sub $256, %%rsp\n\tcall *%[at]\n\tadd $256, %%rsp"
			 : "=a"(ret)
			 : [at] "r"(at), "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#define RAW(nr, a, b, c, d, e, f) \
	call_at(GADGET, nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), (uint64_t)(f))

/*
 * The way in: a syscall instruction of the near kernel that is followed by ud2 maps a page of near text anew; the
 * ud2 comes to our handler. From then on the page holds "syscall; ret".
 */
bool make_gadget(void)
{
	static const unsigned char want[] = { 0x0f, 0x05, 0x0f, 0x0b }, ours[] = { 0x0f, 0x05, 0xc3 };
	const unsigned char *text = (const unsigned char *)NEAR_TEXT;

	signal(SIGILL, on_fault);
	for (unsigned int i = 0; i < NEAR_TEXT_MAX - 0x2000; i++) {
		if (memcmp(text + i, want, sizeof(want)))
			continue;
		if (!sigsetjmp(back, 1))
			call_at(NEAR_TEXT + i, SYS_mmap, GADGET, 0x1000, PROT_READ | PROT_WRITE | PROT_EXEC,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1UL, 0);
		signal(SIGILL, SIG_DFL);
		memcpy((void *)GADGET, ours, sizeof(ours));
		return RAW(SYS_getppid, 0, 0, 0, 0, 0, 0) > 1;	/* the kernel's host pid */
	}
	return false;
}

long raw_call(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	return RAW(nr, a, b, c, d, e, f);
}

static struct near_area *area(unsigned int i)
{
	return (struct near_area *)(NEAR_SHARED + (uint64_t)i * AREA_SIZE);
}

static void jump_at(uint64_t to, const uint64_t *r)
{
	__asm__ volatile("push %0\n\t"
			 "mov %1, %%r15\n\t"
			 "mov (%%r15), %%rax\n\tmov 8(%%r15), %%rbx\n\tmov 16(%%r15), %%rcx\n\t"
			 "mov 24(%%r15), %%rdx\n\tmov 32(%%r15), %%rsi\n\tmov 40(%%r15), %%rdi\n\t"
			 "mov 48(%%r15), %%r8\n\tmov 56(%%r15), %%r9\n\tmov 64(%%r15), %%r10\n\t"
			 "mov 72(%%r15), %%r11\n\tmov 80(%%r15), %%r12\n\tmov 88(%%r15), %%r13\n\t"
			 "mov 96(%%r15), %%r14\n\tmov 104(%%r15), %%r15\n\tret"
			 : : "r"(to), "r"(r) : "memory");
}

static void one_jump(void)
{
	static uint64_t stack[4096];
	uint64_t r[16];

	for (int i = 0; i < 16; i++)
		r[i] = below(3) ? some_value() : (uint64_t)(stack + 2048 + below(512));
	r[0] = below(2) ? below(450) : r[0];
	jump_at(NEAR_TEXT + below(0x4000), r);
}

void attack_jump(void)
{
	in_children(one_jump);
}

static long some_call(void)
{
	static const int allowed[] = {
		SYS_rt_sigreturn, SYS_sigaltstack, SYS_rt_sigprocmask, SYS_futex, SYS_write, SYS_recvmsg, SYS_close,
		SYS_close_range, SYS_dup3, SYS_mmap, SYS_munmap, SYS_mprotect, SYS_mremap, SYS_msync, SYS_mincore,
		SYS_madvise, SYS_clone, SYS_prctl, SYS_arch_prctl, SYS_getppid, SYS_sched_yield, SYS_exit,
		SYS_exit_group, SYS_pread64, SYS_pwrite64,
	};

	return below(3) ? allowed[below(sizeof(allowed) / sizeof(allowed[0]))] : (long)below(480);
}

static void many_calls(void)
{
	for (int i = 0; i < 200; i++)
		RAW(some_call(), some_value(), some_value(), some_value(), some_value(), some_value(), some_value());
}

void attack_calls(void)
{
	in_children(many_calls);
}

/* Everything honest that keeps the far kernel busy with this process. */
static void busy(void)
{
	char buf[5000], path[64];
	struct stat st;
	int p[2], fd;

	if (!pipe(p)) {
		write(p[1], buf, sizeof(buf));
		read(p[0], buf, sizeof(buf));
		close(p[0]);
		close(p[1]);
	}
	snprintf(path, sizeof(path), "/tmp/a%d", (int)below(4));
	fd = open(path, O_RDWR | O_CREAT, 0600);
	write(fd, buf, below(sizeof(buf)));
	lseek(fd, 0, SEEK_SET);
	read(fd, buf, sizeof(buf));
	mmap(NULL, 8192, PROT_READ | PROT_WRITE, below(2) ? MAP_SHARED : MAP_PRIVATE, fd, 0);
	fstat(fd, &st);
	close(fd);
	stat("/init", &st);
	readlink("/proc/self/exe", buf, sizeof(buf));
	raise(SIGUSR1);
}

static void ignore(int sig)
{
}

static void scribble_once(unsigned char *p, size_t n)
{
	switch (below(6)) {
	case 0:
		p[below(sizeof(struct near_area))] = (unsigned char)rnd();
		break;
	case 1:
		((uint32_t *)p)[below(sizeof(struct near_area) / 4)] = (uint32_t)some_value();
		break;
	case 2:
		((uint64_t *)p)[below(sizeof(struct near_area) / 8)] = some_value();
		break;
	case 3:
		((struct near_area *)p)->state = (uint32_t)below(4);
		break;
	case 4:
		((uint64_t *)p)[below(n / 8)] = some_value();
		break;
	case 5: {
		struct near_area *a = (struct near_area *)p;
		const struct { void *at; uint64_t v; } f[] = {
			{ &a->clone_ret, a->kernel_pid + below(20) }, { &a->ctx, below(AREA_SIZE) }, { &a->full, below(2) },
			{ &a->nr, below(480) }, { &a->npre, below(5) }, { &a->trap, below(7) }, { &a->orders_done, below(30) },
		};
		unsigned int i = (unsigned int)below(sizeof(f) / sizeof(f[0]));

		*(uint32_t *)f[i].at = (uint32_t)f[i].v;
	}
	}
}

static void *scribbler(void *arg)
{
	long gap = (long)below(200);

	for (;;) {
		scribble_once((unsigned char *)area((unsigned int)below(3)), AREA_SIZE);
		for (volatile long i = 0; i < gap; i++)
			;
	}
	return NULL;
}

static void scribble(void)
{
	pthread_t t;

	signal(SIGUSR1, ignore);
	busy();
	pthread_create(&t, NULL, scribbler, NULL);
	for (int i = 0; i < 1000; i++)
		busy();
}

void attack_scribble(void)
{
	in_children(scribble);
}

/* The same, but the victim also forks, execs, and is shot at. */
static void scribble_race(void)
{
	pthread_t t;

	signal(SIGUSR1, ignore);
	pthread_create(&t, NULL, scribbler, NULL);
	for (int i = 0; i < 100; i++) {
		pid_t pid = fork();

		if (!pid) {
			if (below(2))
				execl("/init", "init", "--exit", NULL);
			busy();
			_exit(0);
		}
		if (pid > 0) {
			if (below(2))
				kill(pid, below(2) ? SIGKILL : SIGUSR1);
			waitpid(pid, NULL, 0);
		}
		if (below(20) == 0)
			execl("/init", "init", "--exit", NULL);
		busy();
	}
}

void attack_race(void)
{
	in_children(scribble_race);
}

static void *ringer(void *arg)
{
	for (;;) {
		uint32_t id = below(2) ? (uint32_t)below(1 << 18) : (uint32_t)rnd();
		uint64_t bell = NEAR_FD_BELL + below(4);

		RAW(SYS_write, bell, &id, 4, 0, 0, 0);
		if (below(64) == 0)
			RAW(SYS_write, bell, &id, 1 + below(3), 0, 0, 0);
	}
	return NULL;
}

void attack_bell(void)
{
	pthread_t t;

	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, ringer, NULL);
	while (time_left())
		busy();
}

static void descriptors(void)
{
	char path[] = "/tmp/a0";
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	for (int i = 0; i < 30; i++) {
		static const int some[] = { 0, 1, 2, 3, NEAR_FD_CTL, NEAR_FD_LIFE };
		int a = some[below(6)], b = below(2) ? some[below(6)] : 35;

		switch (below(6)) {
		case 0:
			RAW(SYS_close, a, 0, 0, 0, 0, 0);
			break;
		case 1:
			RAW(SYS_dup3, a, b, 0, 0, 0, 0);
			break;
		case 2:
			RAW(SYS_close_range, a, ~0u, below(8), 0, 0, 0);
			break;
		case 3: {
			char data[64], byte;
			struct iovec iov = { &byte, 1 };
			struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = data,
					    .msg_controllen = sizeof(data) };

			RAW(SYS_recvmsg, NEAR_FD_CTL, &m, MSG_DONTWAIT, 0, 0, 0);
			break;
		}
		case 4:
			mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
			break;
		case 5:
			busy();
		}
	}
}

/* A child has its own areas, mapped, but no descriptor of anybody's. */
static void no_areas(void)
{
	for (int fd = 0; fd < NEAR_FD_BASE; fd++)
		if ((long)RAW(SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, fd, 0) > 0)
			complain("descriptor %d can be mapped", fd);
}

void attack_fds(void)
{
	no_areas();
	if (!fork()) {
		no_areas();
		_exit(0);
	}
	in_children(descriptors);
}

static void mappings(void)
{
	static const uint64_t at[][2] = {
		{ NEAR_TEXT, 0x8000 }, { NEAR_DATA, NEAR_DATA_SIZE }, { NEAR_ISLANDS, NEAR_ISLANDS_SIZE },
		{ NEAR_SHARED, AREA_SIZE }, { NEAR_SHARED, NEAR_SHARED_SIZE }, { FS_TABLE, FS_TABLE_SIZE },
		{ NEAR_SHARED + AREA_SIZE, AREA_SIZE }, { NEAR_TEXT, 0x1000 }, { NEAR_WATCH, NEAR_WATCH_SIZE },
	};

	for (int i = 0; i < 10; i++) {
		unsigned int k = (unsigned int)below(sizeof(at) / sizeof(at[0]));
		uint64_t a = at[k][0], n = at[k][1];

		switch (below(7)) {
		case 0:
			RAW(SYS_munmap, a, n, 0, 0, 0, 0);
			break;
		case 1:
			RAW(SYS_mmap, a, n, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			break;
		case 2:
			RAW(SYS_mprotect, a, n, below(8), 0, 0, 0);
			break;
		case 3:
			RAW(SYS_madvise, a, n, MADV_REMOVE, 0, 0, 0);
			break;
		case 4:
			RAW(SYS_mremap, a, n, n * 4, MREMAP_MAYMOVE, 0, 0);
			break;
		case 5:	/* every guest process runs this text */
			if (!RAW(SYS_mprotect, NEAR_TEXT, 0x8000, 7, 0, 0, 0))
				memset((void *)NEAR_TEXT, below(2) ? 0xcc : 0x90, 0x8000);
			break;
		case 6:
			memset((void *)(NEAR_DATA + below(64) * 4096), (int)rnd(), 4096);
		}
		busy();
	}
}

void attack_maps(void)
{
	in_children(mappings);
}

/* Children that the kernel never ordered: they outlive this process, but not for long. */
static void strangers(void)
{
	for (int i = 0; i < 4; i++) {
		if (RAW(SYS_clone, NEAR_CLONE_FORK, 0, 0, 0, 0, 0))
			continue;
		for (;;)
			RAW(SYS_futex, GADGET + 8, FUTEX_WAIT, 0, 0, 0, 0);
	}
	nap(20);
	if (below(2))
		RAW(SYS_exit, 0, 0, 0, 0, 0, 0);
	if (below(2))
		RAW(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

void attack_strangers(void)
{
	in_children(strangers);
}

/* No kick comes through, then no answer either: SIGKILL must end it all the same (init looks at the time). */
void attack_deaf(void)
{
	uint64_t all = ~0ULL;

	RAW(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, 8, 0, 0);
	for (;;)
		;
}

static void *muter(void *arg)
{
	for (;;)
		area(0)->state = ST_GO;
	return NULL;
}

void attack_mute(void)
{
	pthread_t t;

	pthread_create(&t, NULL, muter, NULL);
	for (;;)
		busy();
}

/* Host threads end behind the kernel's back. */
static void *leaver(void *arg)
{
	busy();
	RAW(SYS_exit, 0, 0, 0, 0, 0, 0);
	return NULL;
}

static void threads(void)
{
	pthread_t t;

	for (int i = 0; i < 20; i++) {
		pthread_create(&t, NULL, leaver, NULL);
		busy();
		if (below(8) == 0)
			RAW(SYS_clone, NEAR_CLONE_THREAD, some_address(), 0, 0, 0, 0);
	}
}

void attack_threads(void)
{
	in_children(threads);
}
