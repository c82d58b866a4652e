/* SPDX-License-Identifier: MIT */
/*
 * The machine's directory. Names and texts are UML's.
 */
#include "instance.h"

#include <stdio.h>
#include <string.h>

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "host/host.h"
#include "lib/strto.h"

#define NAME_MAX_LEN 63
#define PATH_LEN 512

static char name[NAME_MAX_LEN + 1];
static char parent[PATH_LEN], dir[PATH_LEN];

static void say(const char *fmt, const char *a, const char *b)
{
	char text[PATH_LEN * 2];
	int n = snprintf(text, sizeof(text), fmt, a, b);

	host_write_stderr(text, MIN((size_t)n, sizeof(text) - 1));
}

static int base_dir(const char *given, char *out, size_t n)
{
	const char *home = host_getenv("HOME");
	const char *rest = given ? given : "~/.uml";
	const char *head = "";
	int len;

	if (*rest == '~') {
		if (!home) {
			say("make_uml_dir: no value in environment for $HOME%s%s\n", "", "");
			return -ENOENT;
		}
		head = home;
		rest++;
	}
	len = snprintf(out, n, "%s%s%s", head, rest, rest[0] && rest[strlen(rest) - 1] == '/' ? "" : "/");
	return len < (int)n ? 0 : -ENAMETOOLONG;
}

static void random_name(void)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	u8 r[6];

	host_random(r, sizeof(r));
	for (int i = 0; i < 6; i++)
		name[i] = set[r[i] % (sizeof(set) - 1)];
	name[6] = 0;
}

static void remove_one(void *arg, const char *entry)
{
	char path[PATH_LEN * 2];

	snprintf(path, sizeof(path), "%s/%s", (const char *)arg, entry);
	host_unlink(path);
}

static int pid_in(const char *d)
{
	char path[PATH_LEN + 8], buf[32];
	ssize n;
	int fd;

	snprintf(path, sizeof(path), "%s/pid", d);
	fd = host_open(path, O_RDONLY, 0);
	if (fd < 0)
		return 0;
	n = host_read(fd, buf, sizeof(buf) - 1);
	host_close(fd);
	if (n <= 0)
		return 0;
	buf[n] = 0;
	return (int)strtol(buf, NULL, 10);
}

/* A directory of that name exists: 0 when its machine is gone (then it is emptied), else -EEXIST. */
static int take_over(const char *d)
{
	char text[16];
	int pid = pid_in(d);

	if (pid > 0 && pid != host_getpid() && host_pid_alive(pid)) {
		snprintf(text, sizeof(text), "%d", pid);
		say("umid \"%s\" is already in use by pid %s\n", name, text);
		return -EEXIST;
	}
	host_list_dir(d, remove_one, (void *)d);
	host_rmdir(d);
	return 0;
}

static int write_pid(void)
{
	char path[PATH_LEN + 8], text[16];
	int fd, n;

	snprintf(path, sizeof(path), "%s/pid", dir);
	fd = host_open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0) {
		say("Open of machine pid file \"%s\" failed%s\n", path, "");
		return fd;
	}
	n = snprintf(text, sizeof(text), "%d\n", host_getpid());
	host_write(fd, text, (size_t)n);
	host_close(fd);
	return 0;
}

static int make_dir(const char *base)
{
	int err, len = snprintf(dir, sizeof(dir), "%s%s", base, name);

	if (len >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	err = host_mkdir(dir, 0777);
	if (err != -EEXIST)
		return err;
	err = take_over(dir);
	return err ? err : host_mkdir(dir, 0777);
}

int instance_create(const char *uml_dir, const char *umid)
{
	char *base = parent;
	int err = base_dir(uml_dir, base, sizeof(parent));

	if (err)
		return err;
	err = host_mkdir(base, 0777);
	if (err && err != -EEXIST) {
		say("Failed to mkdir '%s': %s\n", base, err == -EACCES ? "Permission denied" : "error");
		return err;
	}
	if (umid && strlen(umid) <= NAME_MAX_LEN && !strchr(umid, '/'))
		strcpy(name, umid);
	else
		random_name();
	err = make_dir(base);
	if (err == -EEXIST && umid) {
		say("Failed to initialize umid \"%s\", trying with a random umid%s\n", name, "");
		random_name();
		err = make_dir(base);
	}
	if (!err)
		err = write_pid();
	if (err)
		name[0] = dir[0] = 0;
	return err;
}

void instance_remove(void)
{
	if (!dir[0])
		return;
	host_list_dir(dir, remove_one, dir);
	host_rmdir(dir);
	dir[0] = 0;
}

const char *instance_name(void)
{
	return name;
}

const char *instance_dir(void)
{
	return dir;
}

const char *instance_parent(void)
{
	return parent;
}
