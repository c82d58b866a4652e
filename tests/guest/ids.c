/* SPDX-License-Identifier: MIT */
/*
 * Who am I: process, thread, group and session numbers, user and group identities, and the rules by
 * which they change. Cases that change identity need root and otherwise skip.
 */
#include "test.h"
#include <grp.h>
#include <pthread.h>
#include <sys/fsuid.h>

TEST(pid)
{
	pid_t pid = getpid(), up[2] = { 0 };
	int p[2];
	pid_t kid;

	CHECK(pid > 0);
	EQ(syscall(SYS_getpid), pid);
	EQ(syscall(SYS_gettid), pid);
	OK(pipe(p));
	kid = CHILD(up[0] = getpid(); up[1] = getppid(); write(p[1], up, sizeof(up)));
	EQ(read(p[0], up, sizeof(up)), sizeof(up));
	EQ(up[0], kid);
	EQ(up[1], pid);
	WAIT_EXIT(kid, 0);
}

static void *thread_ids(void *arg)
{
	long *v = arg;

	v[0] = syscall(SYS_gettid);
	v[1] = getpid();
	v[2] = getppid();
	return NULL;
}

TEST(tid_in_threads)
{
	pthread_t t;
	long v[3];

	ZERO(pthread_create(&t, NULL, thread_ids, v));
	ZERO(pthread_join(t, NULL));
	CHECK(v[0] != getpid());
	EQ(v[1], getpid());
	EQ(v[2], getppid());
}

TEST(pgrp_and_sid)
{
	EQ(getpgrp(), getpid());	/* the runner made this case a group of its own */
	EQ(getpgid(0), getpid());
	EQ(getpgid(getpid()), getpid());
	EQ(getsid(0), getsid(getppid()));
	ERR(getpgid(-1), ESRCH);
	ERR(getpgid(0x3fffffff), ESRCH);
	ERR(getsid(0x3fffffff), ESRCH);
	ERR(setsid(), EPERM);		/* a group leader may not */
}

TEST(new_session)
{
	pid_t kid = OK(fork());

	if (!kid) {
		EQ(OK(setsid()), getpid());
		EQ(getsid(0), getpid());
		EQ(getpgrp(), getpid());
		ERR(setsid(), EPERM);
		ERR(setpgid(0, 0), EPERM);	/* a session leader */
		_exit(0);
	}
	WAIT_EXIT(kid, 0);
}

TEST(uid_consistent)
{
	uid_t r, e, s;
	gid_t gr, ge, gs;

	OK(getresuid(&r, &e, &s));
	OK(getresgid(&gr, &ge, &gs));
	EQ(getuid(), r);
	EQ(geteuid(), e);
	EQ(getgid(), gr);
	EQ(getegid(), ge);
	ERR(syscall(SYS_getresuid, BAD_PTR, &e, &s), EFAULT);
	ERR(syscall(SYS_getresgid, &gr, &ge, BAD_PTR), EFAULT);
}

TEST(set_same_ids)
{
	OK(setuid(getuid()));
	OK(setgid(getgid()));
	OK(setreuid(-1, -1));
	OK(setregid(-1, -1));
	OK(setresuid(-1, -1, -1));
	OK(setresgid(-1, -1, -1));
	ERR(syscall(SYS_setuid, -1), EINVAL);
	ERR(syscall(SYS_setgid, -1), EINVAL);
}

TEST(getgroups)
{
	gid_t list[256];
	int n = OK(getgroups(0, NULL));

	CHECK(n <= 256);
	EQ(getgroups(256, list), n);
	ERR(syscall(SYS_getgroups, -1, list), EINVAL);
	if (n > 1)
		ERR(syscall(SYS_getgroups, 1, list), EINVAL);
	if (n > 0)
		ERR(syscall(SYS_getgroups, n, BAD_PTR), EFAULT);
}

TEST(setgroups)
{
	gid_t in[3] = { 30, 10, 20 }, out[3] = { 0 };

	NEED_ROOT();
	OK(setgroups(3, in));
	EQ(getgroups(3, out), 3);
	EQ(out[0] + out[1] + out[2], 60);
	OK(setgroups(0, NULL));
	EQ(getgroups(0, NULL), 0);
	ERR(syscall(SYS_setgroups, 65537, in), EINVAL);
	ERR(syscall(SYS_setgroups, 3, BAD_PTR), EFAULT);
}

TEST(drop_root_for_good)
{
	uid_t r, e, s;

	NEED_ROOT();
	OK(setgid(1000));
	OK(setuid(1000));
	OK(getresuid(&r, &e, &s));
	CHECK(r == 1000 && e == 1000 && s == 1000);
	ERR(setuid(0), EPERM);
	ERR(setgid(0), EPERM);
	ERR(seteuid(0), EPERM);
	ERR(setgroups(0, NULL), EPERM);
	ERR(setresuid(-1, 1001, -1), EPERM);
	ERR(kill(getppid(), 0), EPERM);
}

TEST(drop_and_return)
{
	NEED_ROOT();
	OK(seteuid(1000));
	EQ(geteuid(), 1000);
	EQ(getuid(), 0);
	ERR(seteuid(1001), EPERM);
	OK(seteuid(0));
	EQ(geteuid(), 0);
	OK(setresuid(1000, 1001, 1002));
	OK(setresuid(-1, 1002, -1));
	OK(setreuid(1001 - 1, 1000));
	EQ(geteuid(), 1000);
}

TEST(setreuid_saved)
{
	uid_t r, e, s;

	NEED_ROOT();
	OK(setreuid(1000, 1001));	/* the real one changed: saved follows effective */
	OK(getresuid(&r, &e, &s));
	CHECK(r == 1000 && e == 1001 && s == 1001);
}

TEST(fsuid)
{
	NEED_ROOT();
	OK(chmod(".", 0777));
	EQ(setfsuid(1000), 0);
	EQ(setfsuid(-1), 1000);
	write_file("f", "", 0);
	struct stat st;

	OK(stat("f", &st));
	EQ(st.st_uid, 1000);
	EQ(setfsuid(0), 1000);
	EQ(setfsgid(77), 0);
	EQ(setfsgid(-1), 77);
}

TEST(permission_as_user)
{
	NEED_ROOT();
	write_file("secret", "x", 1);
	OK(chmod("secret", 0600));
	OK(chmod(".", 0755));
	OK(setgid(1000));
	OK(setuid(1000));
	ERR(open("secret", O_RDONLY), EACCES);
	ERR(open("new", O_WRONLY | O_CREAT, 0600), EACCES);
	ERR(unlink("secret"), EACCES);
	ERR(chmod("secret", 0666), EPERM);
	ERR(chown("secret", 1000, 1000), EPERM);
	ERR(access("secret", R_OK), EACCES);
	OK(access("secret", F_OK));
}

static void *uid_in_thread(void *arg)
{
	*(long *)arg = syscall(SYS_setresuid, -1, 1000, -1);
	return NULL;
}

TEST(uid_is_per_thread_in_the_kernel)
{
	pthread_t t;
	long r = -1;

	NEED_ROOT();
	ZERO(pthread_create(&t, NULL, uid_in_thread, &r));
	ZERO(pthread_join(t, NULL));
	EQ(r, 0);
	EQ(syscall(SYS_geteuid), 0);
}

TEST(many_getpid)
{
	pid_t pid = getpid();
	int i;

	for (i = 0; i < 100000; i++)
		if (syscall(SYS_getpid) != pid)
			FAIL("call %d differs", i);
}

/* By a write or an allocation of somebody unprivileged; the group's also without its right to execute. */
TEST(set_id_bits_go)
{
	struct stat st;
	int fd;

	NEED_ROOT();
	fd = OK(open("f", O_CREAT | O_RDWR, 0666));
	OK(fchmod(fd, 06666));
	OK(fallocate(fd, 0, 0, PAGE));
	EQ(pwrite(fd, "x", 1, 0), 1);
	OK(fstat(fd, &st));
	EQ(st.st_mode & 07777, 06666);
	WAIT_EXIT(CHILD({
		OK(setresgid(1000, 1000, 1000));
		OK(setresuid(1000, 1000, 1000));
		OK(fallocate(fd, 0, 0, 2 * PAGE));
	}), 0);
	OK(fstat(fd, &st));
	EQ(st.st_mode & 07777, 0666);
	OK(fchmod(fd, 02676));
	WAIT_EXIT(CHILD({
		OK(setresgid(1000, 1000, 1000));
		OK(setresuid(1000, 1000, 1000));
		EQ(pwrite(fd, "x", 1, 0), 1);
	}), 0);
	OK(fstat(fd, &st));
	EQ(st.st_mode & 07777, 0676);
}

TEST_MAIN("ids")
