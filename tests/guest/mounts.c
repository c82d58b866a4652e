/* SPDX-License-Identifier: MIT */
/*
 * Mounts as objects: contexts, trees held by descriptors, attributes, mounts by number. Every case works in
 * a mount namespace of its own, on tmpfs.
 */
#include "places.h"
#include <linux/mount.h>
#include <linux/stat.h>
#include <sys/statvfs.h>

#define BENEATH 0x200
#define ID_UNIQUE 0x4000u
#define SM_SB_BASIC 1
#define SM_MNT_BASIC 2
#define SM_MNT_ROOT 8
#define SM_MNT_POINT 16
#define SM_FS_TYPE 32
#define LIST_ROOT (~0ull)
#define NR_statmount 457
#define NR_listmount 458

struct id_req {
	uint32_t size, spare;
	uint64_t id, param, ns;
};

struct sm {
	uint32_t size, mnt_opts;
	uint64_t mask;
	uint32_t dev_major, dev_minor;
	uint64_t magic;
	uint32_t sb_flags, fs_type;
	uint64_t id, parent_id;
	uint32_t id_old, parent_id_old;
	uint64_t attr, propagation, peer_group, master, from;
	uint32_t root, point;
	uint64_t spare[50];
	char str[512];
};

static void own_namespace(void)
{
	enter_own_mounts();
	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
}

static int fs_open(const char *type)
{
	return syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

static long config(int fd, unsigned int cmd, const char *key, const void *value, int aux)
{
	return syscall(SYS_fsconfig, fd, cmd, key, value, aux);
}

static long move(int from, const char *path, const char *to, unsigned int flags)
{
	return syscall(SYS_move_mount, from, path, AT_FDCWD, to, flags);
}

static long clone_tree(const char *path, unsigned int flags)
{
	return syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
}

static long set_attr(int fd, const char *path, unsigned int flags, struct mount_attr *a)
{
	return syscall(SYS_mount_setattr, fd, path, flags, a, sizeof(*a));
}

static int new_tmpfs(void)
{
	int fd = OK(fs_open("tmpfs")), m;

	OK(config(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	m = OK(syscall(SYS_fsmount, fd, FSMOUNT_CLOEXEC, 0));
	OK(close(fd));
	return m;
}

static unsigned long flags_of(const char *path)
{
	struct statvfs v;

	OK(statvfs(path, &v));
	return v.f_flag;
}

/* The last mount of /proc/self/mountinfo whose place ends in name has this word in its line. */
static int info_has(const char *name, const char *word)
{
	char line[1024], place[512];
	FILE *f = fopen("/proc/self/mountinfo", "r");
	int found = 0;

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		size_t n;

		EQ(sscanf(line, "%*d %*d %*d:%*d %*s %511s", place), 1);
		n = strlen(place);
		if (n > strlen(name) && !strcmp(place + n - strlen(name), name))
			found = strstr(line, word) != NULL;
	}
	fclose(f);
	return found;
}

TEST(context_makes_a_mount)
{
	struct stat st;
	int fd, m;

	NEED_ROOT();
	own_namespace();
	fd = OK(fs_open("tmpfs"));
	OK(config(fd, FSCONFIG_SET_STRING, "mode", "0711", 0));
	OK(config(fd, FSCONFIG_SET_STRING, "size", "1M", 0));
	OK(config(fd, FSCONFIG_SET_STRING, "source", "mine", 0));
	ERR(syscall(SYS_fsmount, fd, 0, 0), EINVAL);
	OK(config(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	ERR(config(fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0), EBUSY);
	ERR(config(fd, FSCONFIG_SET_STRING, "mode", "0700", 0), EBUSY);
	m = OK(syscall(SYS_fsmount, fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
	ERR(syscall(SYS_fsmount, fd, 0, 0), EBUSY);
	EQ(fcntl(m, F_GETFL) & O_PATH, O_PATH);
	/* Usable before it has a place. */
	OK(mkdirat(m, "dir", 0755));
	OK(move(m, "", "a", MOVE_MOUNT_F_EMPTY_PATH));
	OK(close(m));
	OK(stat("a", &st));
	EQ(st.st_mode & 0777, 0711);
	OK(access("a/dir", F_OK));
	EQ(flags_of("a") & (ST_NODEV | ST_NOEXEC | ST_NOSUID), ST_NODEV | ST_NOEXEC);
	CHECK(info_has("/a", " mine "));
	OK(umount("a"));
	ERR(access("a/dir", F_OK), ENOENT);
}

TEST(context_errors)
{
	int fd, other;

	NEED_ROOT();
	own_namespace();
	ERR(syscall(SYS_fsopen, "nosuchfs", 0), ENODEV);
	ERR(syscall(SYS_fsopen, "tmpfs", 2), EINVAL);
	ERR(syscall(SYS_fsopen, BAD_PTR, 0), EFAULT);
	fd = OK(fs_open("tmpfs"));
	ERR(config(-1, FSCONFIG_SET_FLAG, "ro", NULL, 0), EINVAL);
	ERR(config(fd, 100, "ro", NULL, 0), EOPNOTSUPP);
	ERR(config(fd, FSCONFIG_SET_FLAG, NULL, NULL, 0), EINVAL);
	ERR(config(fd, FSCONFIG_SET_FLAG, "ro", "x", 0), EINVAL);
	ERR(config(fd, FSCONFIG_SET_STRING, "mode", NULL, 0), EINVAL);
	ERR(config(fd, FSCONFIG_SET_FD, "x", NULL, -1), EINVAL);
	ERR(config(fd, FSCONFIG_CMD_CREATE, "x", NULL, 0), EINVAL);
	ERR(config(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0), EBUSY);
	other = OK(open(".", O_RDONLY));
	ERR(config(other, FSCONFIG_SET_FLAG, "ro", NULL, 0), EINVAL);
	ERR(config(99, FSCONFIG_SET_FLAG, "ro", NULL, 0), EBADF);
	ERR(syscall(SYS_fsmount, other, 0, 0), EINVAL);
	ERR(syscall(SYS_fsmount, 99, 0, 0), EBADF);
	ERR(syscall(SYS_fsmount, fd, 2, 0), EINVAL);
	ERR(syscall(SYS_fsmount, fd, 0, 0x100), EINVAL);
	ERR(syscall(SYS_fspick, AT_FDCWD, "a", 0), EINVAL);
	ERR(syscall(SYS_fspick, AT_FDCWD, "nothing", 0), ENOENT);
	OK(setresuid(1000, 1000, 1000));
	ERR(syscall(SYS_fsopen, "tmpfs", 0), EPERM);
	ERR(syscall(SYS_fspick, AT_FDCWD, "a", 0), EPERM);
	ERR(clone_tree("a", 0), EPERM);
	ERR(move(AT_FDCWD, "a", "b", 0), EPERM);
}

TEST(context_reconfigures)
{
	int fd, m;

	NEED_ROOT();
	own_namespace();
	m = new_tmpfs();
	OK(move(m, "", "a", MOVE_MOUNT_F_EMPTY_PATH));
	fd = OK(syscall(SYS_fspick, AT_FDCWD, "a", FSPICK_CLOEXEC));
	OK(config(fd, FSCONFIG_SET_FLAG, "ro", NULL, 0));
	EQ(flags_of("a") & ST_RDONLY, 0);
	OK(config(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
	EQ(flags_of("a") & ST_RDONLY, ST_RDONLY);
	ERR(mkdir("a/x", 0755), EROFS);
	OK(config(fd, FSCONFIG_SET_FLAG, "rw", NULL, 0));
	OK(config(fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
	OK(mkdir("a/x", 0755));
	ERR(syscall(SYS_fsmount, fd, 0, 0), EBUSY);
}

TEST(tree_without_a_place)
{
	int m, d;

	NEED_ROOT();
	own_namespace();
	m = new_tmpfs();
	OK(mkdirat(m, "sub", 0755));
	d = OK(openat(m, "sub", O_RDONLY | O_DIRECTORY));
	OK(close(m));
	/* The tree is over, what is open stays. */
	OK(mkdirat(d, "more", 0755));
	OK(fchdir(d));
	OK(access("more", F_OK));
}

TEST(open_tree_copies)
{
	int t;

	NEED_ROOT();
	own_namespace();
	OK(mount("t", "a", "tmpfs", 0, NULL));
	OK(mkdir("a/in", 0755));
	OK(mount("t", "a/in", "tmpfs", 0, NULL));
	OK(mkdir("a/in/deep", 0755));
	t = OK(clone_tree("a", 0));
	OK(faccessat(t, "in", F_OK, 0));
	ERR(faccessat(t, "in/deep", F_OK, 0), ENOENT);
	OK(close(t));
	t = OK(clone_tree("a", AT_RECURSIVE));
	OK(faccessat(t, "in/deep", F_OK, 0));
	OK(move(t, "", "b", MOVE_MOUNT_F_EMPTY_PATH));
	OK(access("b/in/deep", F_OK));
	OK(close(t));
	OK(access("b/in/deep", F_OK));
	ERR(umount("b"), EBUSY);
	OK(umount2("b", MNT_DETACH));
	OK(access("a/in/deep", F_OK));
	ERR(syscall(SYS_open_tree, AT_FDCWD, "a", AT_RECURSIVE), EINVAL);
	ERR(syscall(SYS_open_tree, AT_FDCWD, "a", 4), EINVAL);
	ERR(clone_tree("nothing", 0), ENOENT);
	t = OK(syscall(SYS_open_tree, AT_FDCWD, "a", OPEN_TREE_CLOEXEC));
	OK(faccessat(t, "in/deep", F_OK, 0));
}

TEST(move_mount_moves)
{
	int m;

	NEED_ROOT();
	own_namespace();
	OK(mount("t", "a", "tmpfs", 0, NULL));
	OK(mkdir("a/x", 0755));
	ERR(move(AT_FDCWD, "a/x", "b", 0), EINVAL);
	ERR(move(AT_FDCWD, "a", "a/x", 0), ELOOP);
	ERR(move(AT_FDCWD, "a", "nothing", 0), ENOENT);
	ERR(move(AT_FDCWD, "a", "b", 8), EINVAL);
	ERR(move(-1, "", "b", MOVE_MOUNT_F_EMPTY_PATH), EBADF);
	ERR(move(-1, "", "b", 0), ENOENT);
	OK(move(AT_FDCWD, "a", "b", 0));
	OK(access("b/x", F_OK));
	ERR(access("a/x", F_OK), ENOENT);
	write_file("file", "", 0);
	ERR(move(AT_FDCWD, "b", "file", 0), EINVAL);
	/* A descriptor of a mount that was put somewhere and taken away is none of a tree. */
	m = new_tmpfs();
	OK(move(m, "", "a", MOVE_MOUNT_F_EMPTY_PATH));
	OK(umount2("a", MNT_DETACH));
	ERR(move(m, "", "a", MOVE_MOUNT_F_EMPTY_PATH), EINVAL);
}

TEST(move_mount_beneath)
{
	int t;

	NEED_ROOT();
	own_namespace();
	OK(mount("t", "a", "tmpfs", 0, NULL));
	OK(mount("t", "b", "tmpfs", 0, NULL));
	write_file("a/A", "", 0);
	write_file("b/B", "", 0);
	t = OK(clone_tree("a", 0));
	if (move(t, "", "b", MOVE_MOUNT_F_EMPTY_PATH | BENEATH) && errno == EINVAL)
		SKIP("older than Linux 6.5");
	OK(close(t));
	OK(access("b/B", F_OK));
	OK(umount("b"));
	OK(access("b/A", F_OK));
	OK(umount("b"));
	ERR(access("b/A", F_OK), ENOENT);
	OK(access("a/A", F_OK));
	t = OK(clone_tree("a", 0));
	ERR(move(t, "", "b", MOVE_MOUNT_F_EMPTY_PATH | BENEATH), EINVAL);
}

TEST(setattr_flags)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };
	int fd;

	NEED_ROOT();
	own_namespace();
	OK(mount("t", "a", "tmpfs", 0, NULL));
	OK(mkdir("a/in", 0755));
	OK(mount("t", "a/in", "tmpfs", 0, NULL));
	fd = OK(open("a/f", O_CREAT | O_RDWR, 0644));
	ERR(set_attr(AT_FDCWD, "a", 0, &a), EBUSY);
	EQ(flags_of("a") & ST_NOSUID, 0);
	OK(close(fd));
	OK(set_attr(AT_FDCWD, "a", 0, &a));
	EQ(flags_of("a") & (ST_RDONLY | ST_NOSUID), ST_RDONLY | ST_NOSUID);
	ERR(mkdir("a/x", 0755), EROFS);
	OK(mkdir("a/in/x", 0755));
	a.attr_clr = MOUNT_ATTR_RDONLY;
	a.attr_set = MOUNT_ATTR_NODEV;
	OK(set_attr(AT_FDCWD, "a", AT_RECURSIVE, &a));
	EQ(flags_of("a") & (ST_RDONLY | ST_NOSUID | ST_NODEV), ST_NOSUID | ST_NODEV);
	EQ(flags_of("a/in") & (ST_RDONLY | ST_NOSUID | ST_NODEV), ST_NODEV);
	a = (struct mount_attr){ .attr_clr = MOUNT_ATTR__ATIME, .attr_set = MOUNT_ATTR_NOATIME };
	OK(set_attr(AT_FDCWD, "a", 0, &a));
	EQ(flags_of("a") & (ST_NOATIME | ST_RELATIME), ST_NOATIME);
	a.attr_set = MOUNT_ATTR_STRICTATIME;
	OK(set_attr(AT_FDCWD, "a", 0, &a));
	EQ(flags_of("a") & (ST_NOATIME | ST_RELATIME), 0);
	a = (struct mount_attr){ .propagation = MS_SHARED };
	OK(set_attr(AT_FDCWD, "a", 0, &a));
	CHECK(info_has("/a", "shared:"));
	CHECK(!info_has("/a/in", "shared:"));
}

TEST(setattr_errors)
{
	struct mount_attr a = { 0 }, none = { 0 };
	char big[128] = { 0 };

	NEED_ROOT();
	own_namespace();
	OK(mount("t", "a", "tmpfs", 0, NULL));
	OK(mkdir("a/dir", 0755));
	OK(set_attr(-1, "nothing", 0, &none));
	a.attr_set = MOUNT_ATTR_NOATIME;
	ERR(set_attr(AT_FDCWD, "a", 0, &a), EINVAL);
	a = (struct mount_attr){ .attr_clr = MOUNT_ATTR_NOATIME };
	ERR(set_attr(AT_FDCWD, "a", 0, &a), EINVAL);
	a = (struct mount_attr){ .attr_set = 0x100 };
	ERR(set_attr(AT_FDCWD, "a", 0, &a), EINVAL);
	a = (struct mount_attr){ .propagation = MS_SHARED | MS_PRIVATE };
	ERR(set_attr(AT_FDCWD, "a", 0, &a), EINVAL);
	a = (struct mount_attr){ .attr_set = MOUNT_ATTR_NODEV };
	ERR(set_attr(AT_FDCWD, "a/dir", 0, &a), EINVAL);
	ERR(set_attr(AT_FDCWD, "nothing", 0, &a), ENOENT);
	ERR(set_attr(AT_FDCWD, "a", 1, &a), EINVAL);
	ERR(syscall(SYS_mount_setattr, AT_FDCWD, "a", 0, &a, 16), EINVAL);
	ERR(syscall(SYS_mount_setattr, AT_FDCWD, "a", 0, big, 5000), E2BIG);
	big[100] = 1;
	ERR(syscall(SYS_mount_setattr, AT_FDCWD, "a", 0, big, sizeof(big)), E2BIG);
}

static uint64_t unique_id(const char *path)
{
	struct statx x;

	OK(syscall(SYS_statx, AT_FDCWD, path, 0, ID_UNIQUE, &x));
	if (!(x.stx_mask & ID_UNIQUE))
		SKIP("older than Linux 6.8");
	return x.stx_mnt_id;
}

static uint32_t old_id(const char *path)
{
	struct statx x;

	OK(syscall(SYS_statx, AT_FDCWD, path, 0, STATX_MNT_ID, &x));
	return x.stx_mnt_id;
}

static long stat_mount(uint64_t id, uint64_t mask, void *buf, size_t size)
{
	struct id_req r = { .size = 24, .id = id, .param = mask };

	return syscall(NR_statmount, &r, buf, size, 0);
}

static long list_mounts(uint64_t id, uint64_t last, uint64_t *ids, size_t n, unsigned int flags)
{
	struct id_req r = { .size = 24, .id = id, .param = last };

	return syscall(NR_listmount, &r, ids, n, flags);
}

TEST(statmount_tells)
{
	uint64_t id, parent;
	struct sm s;
	char *cwd;

	NEED_ROOT();
	own_namespace();
	parent = unique_id("a");
	OK(mount("t", "a", "tmpfs", MS_NOSUID, NULL));
	OK(mkdir("a/dir", 0755));
	OK(mount("a/dir", "b", NULL, MS_BIND, NULL));
	id = unique_id("a");
	CHECK(id != parent && id > 1ull << 31);
	OK(stat_mount(id, SM_SB_BASIC | SM_MNT_BASIC, &s, sizeof(s)));
	EQ(s.mask, SM_SB_BASIC | SM_MNT_BASIC);
	EQ(s.magic, 0x01021994);
	EQ(s.id, id);
	EQ(s.parent_id, parent);
	EQ(s.id_old, old_id("a"));
	EQ(s.attr & 0xff, MOUNT_ATTR_NOSUID);
	EQ(s.propagation, MS_PRIVATE);
	OK(stat_mount(unique_id("b"), SM_FS_TYPE | SM_MNT_ROOT | SM_MNT_POINT, &s, sizeof(s)));
	CHECK(!strcmp(s.str + s.fs_type, "tmpfs"));
	CHECK(!strcmp(s.str + s.root, "/dir"));
	cwd = getcwd(NULL, 0);
	CHECK(cwd && !strncmp(s.str + s.point, cwd, strlen(cwd)));
	CHECK(!strcmp(s.str + s.point + strlen(cwd), "/b"));
	ERR(stat_mount(id, SM_FS_TYPE, &s, 512), EOVERFLOW);
	ERR(stat_mount(id, SM_SB_BASIC, BAD_PTR, 512), EFAULT);
	ERR(stat_mount(-1, 0, &s, 512), ENOENT);
	ERR(stat_mount(0, 0, &s, 512), EINVAL);
}

TEST(listmount_lists)
{
	uint64_t ids[3] = { 0 }, a, in, b;

	NEED_ROOT();
	own_namespace();
	OK(mount("t", "a", "tmpfs", 0, NULL));
	a = unique_id("a");
	EQ(OK(list_mounts(a, 0, ids, 3, 0)), 0);
	OK(mkdir("a/in", 0755));
	OK(mount("t", "a/in", "tmpfs", 0, NULL));
	in = unique_id("a/in");
	OK(mkdir("a/b", 0755));
	OK(mount("t", "a/b", "tmpfs", 0, NULL));
	b = unique_id("a/b");
	CHECK(b > in);
	EQ(OK(list_mounts(a, 0, ids, 3, 0)), 2);
	EQ(ids[0], in);
	EQ(ids[1], b);
	EQ(OK(list_mounts(a, in, ids, 3, 0)), 1);
	EQ(ids[0], b);
	EQ(OK(list_mounts(a, 0, ids, 1, 0)), 1);
	ERR(list_mounts(a, 0, BAD_PTR, 3, 0), EFAULT);
	ERR(list_mounts(LIST_ROOT - 1, 0, ids, 3, 0), ENOENT);
	ERR(list_mounts(0, 0, ids, 3, 0), EINVAL);
	OK(chroot("a"));
	EQ(OK(list_mounts(LIST_ROOT, 0, ids, 3, 0)), 3);
	EQ(ids[0], a);
}

TEST_MAIN("mounts")
