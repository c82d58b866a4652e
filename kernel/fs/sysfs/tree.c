/* SPDX-License-Identifier: MIT */
/*
 * Builds the tree of /sys from the table. It is never changed or freed; every mount shows it.
 */
#include "fs/sysfs/priv.h"

#include <stdio.h>
#include <string.h>

#include "core/sched.h"
#include "lib/alloc.h"

#define PATH_LEN 128

static struct sys_node *root;

static struct sys_node *child(struct sys_node *dir, const char *name, size_t len)
{
	static u64 last_ino = 1;
	struct sys_node *n;

	list_for_each(n, &dir->children, sibling)
		if (strlen(n->name) == len && !memcmp(n->name, name, len))
			return n;
	n = kzalloc(sizeof(*n) + len + 1);
	if (!n)
		return NULL;
	memcpy(n->name, name, len);
	n->parent = dir;
	n->ino = ++last_ino;
	list_init(&n->children);
	list_add_tail(&n->sibling, &dir->children);
	return n;
}

static bool add_path(const char *path, const struct sys_entry *e, int cpu)
{
	struct sys_node *n = root;
	size_t len;

	while (n && *path) {
		len = strcspn(path, "/");
		n = child(n, path, len);
		path += len;
		if (*path == '/')
			path++;
		else if (n) {
			n->e = e;
			n->cpu = cpu;
		}
	}
	return n;
}

static bool add_entry(const struct sys_entry *e)
{
	const char *hole = strstr(e->path, "%d");
	char path[PATH_LEN];

	if (!hole)
		return add_path(e->path, e, 0);
	for (int cpu = 0; cpu < sched_ncpus(); cpu++) {
		snprintf(path, sizeof(path), "%.*s%d%s", (int)(hole - e->path), e->path, cpu,
			 hole + 2);
		if (!add_path(path, e, cpu))
			return false;
	}
	return true;
}

struct sys_node *sys_tree(void)
{
	static bool complete;

	if (!root) {
		root = kzalloc(sizeof(*root) + 1);
		if (!root)
			return NULL;
		root->parent = root;
		root->ino = 1;
		list_init(&root->children);
		list_init(&root->sibling);
	}
	for (const struct sys_entry *e = sys_entries; !complete && e->path; e++)
		if (!add_entry(e))
			return NULL;
	complete = true;
	return root;
}
