/* SPDX-License-Identifier: MIT */
/*
 * Mounts that come to peers and slaves, and go there. Every case works in a mount namespace of its own, on tmpfs.
 */
#include "places.h"

static void own_namespace(void)
{
	NEED_ROOT();
	enter_own_tmpfs();
}

static void tmpfs(const char *at)
{
	OK(mkdir(at, 0755) && errno != EEXIST ? -1 : 0);
	OK(mount("t", at, "tmpfs", 0, NULL));
}

static void type(const char *at, unsigned long flags)
{
	OK(mount(NULL, at, NULL, flags, NULL));
}

static void bind(const char *from, const char *to, unsigned long flags)
{
	OK(mkdir(to, 0755) && errno != EEXIST ? -1 : 0);
	OK(mount(from, to, NULL, MS_BIND | flags, NULL));
}

/* The optional fields of the last mount whose place ends in name; "-" for none, "no" if there is no such mount. */
static const char *tags(const char *name)
{
	static char line[1024];
	char place[512], found[256] = "no", *from, *to;
	FILE *f = fopen("/proc/self/mountinfo", "r");

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		size_t n, k = strlen(name);

		EQ(sscanf(line, "%*d %*d %*d:%*d %*s %511s", place), 1);
		n = strlen(place);
		if (n < k || strcmp(place + n - k, name))
			continue;
		from = strchr(strstr(line, place) + n + 1, ' ') + 1;
		to = strstr(from - 1, " - ");
		if (to >= from)
			snprintf(found, sizeof(found), "%.*s", (int)(to - from), from);
		else
			strcpy(found, "-");
	}
	fclose(f);
	return strcpy(line, found);
}

static int mounted(const char *name)
{
	return strcmp(tags(name), "no") != 0;
}

static int count(const char *name)
{
	char line[1024], place[512];
	FILE *f = fopen("/proc/self/mountinfo", "r");
	int n = 0;

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		size_t k = strlen(name), l;

		EQ(sscanf(line, "%*d %*d %*d:%*d %*s %511s", place), 1);
		l = strlen(place);
		n += l >= k && !strcmp(place + l - k, name);
	}
	fclose(f);
	return n;
}

TEST(peers_get_each_others_mounts)
{
	own_namespace();
	tmpfs("a");
	type("a", MS_SHARED);
	bind("a", "b", 0);
	EQ(strncmp(tags("/a"), "shared:", 7), 0);
	tmpfs("a/x");
	CHECK(mounted("/b/x"));
	OK(mkdir("b/x/d", 0755));
	OK(access("a/x/d", F_OK));
	tmpfs("b/y");
	CHECK(mounted("/a/y"));
	EQ(strncmp(tags("/a/y"), "shared:", 7), 0);
	/* And what is mounted on those. */
	tmpfs("a/x/d");
	CHECK(mounted("/b/x/d"));
	ERR(umount("b/x"), EBUSY);
	OK(umount("b/x/d"));
	OK(umount("b/x"));
	CHECK(!mounted("/a/x"));
	OK(umount("a/y"));
	CHECK(!mounted("/b/y"));
}

TEST(slaves_get_and_do_not_give)
{
	own_namespace();
	tmpfs("a");
	type("a", MS_SHARED);
	bind("a", "s", 0);
	type("s", MS_SLAVE);
	EQ(strncmp(tags("/s"), "master:", 7), 0);
	tmpfs("a/x");
	CHECK(mounted("/s/x"));
	EQ(strncmp(tags("/s/x"), "master:", 7), 0);
	tmpfs("s/y");
	CHECK(!mounted("/a/y"));
	EQ(strcmp(tags("/s/y"), "-"), 0);
	OK(umount("a/x"));
	CHECK(!mounted("/s/x"));
	OK(umount("s/y"));
}

TEST(slaves_can_be_shared)
{
	own_namespace();
	tmpfs("a");
	type("a", MS_SHARED);
	bind("a", "b", 0);
	type("b", MS_SLAVE);
	type("b", MS_SHARED);
	CHECK(strstr(tags("/b"), "shared:") && strstr(tags("/b"), "master:"));
	bind("b", "c", 0);
	bind("c", "d", 0);
	type("d", MS_SLAVE);
	tmpfs("a/x");
	CHECK(mounted("/b/x") && mounted("/c/x") && mounted("/d/x"));
	CHECK(strstr(tags("/c/x"), "shared:") && strstr(tags("/c/x"), "master:"));
	tmpfs("c/y");
	CHECK(!mounted("/a/y"));
	CHECK(mounted("/b/y") && mounted("/d/y"));
	OK(umount("b/x"));
	CHECK(mounted("/a/x") && !mounted("/c/x") && !mounted("/d/x"));
}

TEST(private_ends_it)
{
	own_namespace();
	tmpfs("a");
	type("a", MS_SHARED);
	bind("a", "b", 0);
	bind("a", "c", 0);
	type("c", MS_SLAVE);
	type("b", MS_PRIVATE);
	EQ(strcmp(tags("/b"), "-"), 0);
	tmpfs("a/x");
	CHECK(!mounted("/b/x") && mounted("/c/x"));
	/* Its master is gone. */
	type("a", MS_PRIVATE);
	EQ(strcmp(tags("/c"), "-"), 0);
	tmpfs("a/y");
	CHECK(!mounted("/c/y"));
	/* A slave of nobody is private. */
	type("a", MS_SLAVE);
	EQ(strcmp(tags("/a"), "-"), 0);
}

TEST(slaves_change_masters)
{
	own_namespace();
	tmpfs("a");
	type("a", MS_SHARED);
	bind("a", "b", 0);
	bind("a", "s", 0);
	type("s", MS_SLAVE);
	bind("s", "t", 0);
	EQ(strcmp(tags("/s") + 7, strdup(tags("/t")) + 7), 0);
	type("a", MS_PRIVATE);
	tmpfs("b/x");
	CHECK(mounted("/s/x") && mounted("/t/x") && !mounted("/a/x"));
	OK(umount("b/x"));
	OK(umount("b"));
	EQ(strcmp(tags("/s"), "-"), 0);
}

TEST(unbindable)
{
	own_namespace();
	tmpfs("a");
	tmpfs("a/u");
	type("a/u", MS_UNBINDABLE);
	EQ(strcmp(tags("/a/u"), "unbindable"), 0);
	type("a/u", MS_SLAVE);
	EQ(strcmp(tags("/a/u"), "unbindable"), 0);
	OK(mkdir("b", 0755));
	ERR(mount("a/u", "b", NULL, MS_BIND, NULL), EINVAL);
	bind("a", "b", MS_REC);
	CHECK(!mounted("/b/u"));
	tmpfs("c");
	type("c", MS_SHARED);
	OK(mkdir("c/m", 0755));
	ERR(mount("a", "c/m", NULL, MS_MOVE, NULL), EINVAL);
	type("a/u", MS_PRIVATE);
	OK(mount("a", "c/m", NULL, MS_MOVE, NULL));
	CHECK(mounted("/c/m/u"));
	EQ(strncmp(tags("/c/m/u"), "shared:", 7), 0);
}

TEST(whole_trees_and_parts)
{
	own_namespace();
	tmpfs("t");
	tmpfs("t/in");
	tmpfs("a");
	OK(mkdir("a/sub", 0755));
	OK(mkdir("a/other", 0755));
	type("a", MS_SHARED);
	bind("a/sub", "b", 0);
	/* The part does not see the other directory. */
	tmpfs("a/other");
	EQ(count("/other"), 1);
	OK(mkdir("a/sub/x", 0755));
	OK(mount("t", "a/sub/x", NULL, MS_BIND | MS_REC, NULL));
	CHECK(mounted("/b/x") && mounted("/b/x/in") && mounted("/a/sub/x/in"));
	ERR(umount("a/sub/x"), EBUSY);
	OK(umount2("a/sub/x", MNT_DETACH));
	CHECK(!mounted("/b/x") && !mounted("/b/x/in"));
	CHECK(mounted("/t/in"));
}

TEST(onto_itself)
{
	own_namespace();
	tmpfs("a");
	type("a", MS_SHARED);
	OK(mkdir("a/x", 0755));
	OK(mount("a", "a/x", NULL, MS_BIND, NULL));
	EQ(count("/a/x"), 1);
	EQ(count("/a/x/x"), 0);
	OK(mount("a", "a/x", NULL, MS_BIND, NULL));
	CHECK(count("/a/x") >= 2);
}

TEST(what_is_there_already_lies_on_top)
{
	own_namespace();
	tmpfs("a");
	type("a", MS_SHARED);
	OK(mkdir("a/x", 0755));
	bind("a", "s", 0);
	type("s", MS_SLAVE);
	tmpfs("s/x");
	OK(mkdir("s/x/own", 0755));
	tmpfs("a/x");
	EQ(count("/s/x"), 2);
	OK(access("s/x/own", F_OK));
	OK(umount("a/x"));
	EQ(count("/s/x"), 1);
	OK(access("s/x/own", F_OK));
}

TEST(busy_elsewhere)
{
	int fd;

	own_namespace();
	tmpfs("a");
	type("a", MS_SHARED);
	bind("a", "b", 0);
	tmpfs("a/x");
	fd = OK(open("b/x", O_RDONLY | O_DIRECTORY));
	ERR(umount("a/x"), EBUSY);
	CHECK(mounted("/a/x") && mounted("/b/x"));
	OK(close(fd));
	OK(umount("a/x"));
}

TEST(other_namespaces)
{
	int go[2], done[2];
	pid_t child;
	char c;

	own_namespace();
	OK(pipe(go));
	OK(pipe(done));
	tmpfs("a");
	tmpfs("p");
	type("a", MS_SHARED);
	child = CHILD({
		OK(unshare(CLONE_NEWNS));
		EQ(write(done[1], "1", 1), 1);
		EQ(read(go[0], &c, 1), 1);
		CHECK(mounted("/a/x") && !mounted("/p/x"));
		tmpfs("a/y");
		EQ(write(done[1], "2", 1), 1);
		EQ(read(go[0], &c, 1), 1);
		CHECK(!mounted("/a/x") && !mounted("/a/y"));
	});
	EQ(read(done[0], &c, 1), 1);
	tmpfs("a/x");
	tmpfs("p/x");
	EQ(write(go[1], "1", 1), 1);
	EQ(read(done[0], &c, 1), 1);
	CHECK(mounted("/a/y"));
	OK(umount("a/x"));
	OK(umount("a/y"));
	EQ(write(go[1], "2", 1), 1);
	WAIT_EXIT(child, 0);
}

TEST(many_and_deep)
{
	char from[32], to[32];

	own_namespace();
	tmpfs("m0");
	type("m0", MS_SHARED);
	for (int i = 1; i < 60; i++) {
		sprintf(from, "m%d", i - 1);
		sprintf(to, "m%d", i);
		bind(from, to, 0);
		type(to, MS_SLAVE);
		type(to, MS_SHARED);
	}
	tmpfs("m0/x");
	EQ(count("/x"), 60);
	tmpfs("m30/y");
	EQ(count("/y"), 30);
	/* One in the middle goes: those behind it hang on the one before. */
	OK(umount2("m40", MNT_DETACH));
	tmpfs("m0/z");
	EQ(count("/z"), 59);
	OK(umount("m0/z"));
	EQ(count("/z"), 0);
}

TEST_MAIN("propagation")
