/* SPDX-License-Identifier: MIT */
/*
 * The tree of /sys, which every mount shows: what the table says, and nodes that others add and remove.
 */
#include "fs/sysfs/priv.h"

#include <stdio.h>
#include <string.h>

#include "block/blkdev.h"
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
	ref_init(&n->ref);
	memcpy(n->name, name, len);
	n->parent = dir;
	ref_get(&dir->ref);
	n->ino = ++last_ino;
	list_init(&n->children);
	list_add_tail(&n->sibling, &dir->children);
	return n;
}

void sys_node_put(struct sys_node *n)
{
	while (n && ref_put(&n->ref)) {
		struct sys_node *parent = n->parent;

		blkdev_put(n->dev);
		kfree(n->target);
		kfree(n);
		n = parent;
	}
}

static struct sys_node *add_path(const char *path, const struct sys_entry *e, int cpu)
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

struct sys_node *sys_add(const char *path, const struct sys_entry *e, struct blkdev *b)
{
	struct sys_node *n = add_path(path, e, 0);

	if (n && b && !n->dev)
		n->dev = blkdev_ref(b);
	return n;
}

struct sys_node *sys_add_link(const char *path, const char *target)
{
	struct sys_node *n = add_path(path, NULL, 0);

	if (n && !n->target)
		n->target = kstrdup(target);
	return n;
}

static void unlink_tree(struct sys_node *n)
{
	while (!list_empty(&n->children))
		unlink_tree(list_first(&n->children, struct sys_node, sibling));
	n->dead = true;
	list_del_init(&n->sibling);
	sys_node_put(n);
}

void sys_remove(const char *path)
{
	struct sys_node *n = root, *c;

	while (n && *path) {
		size_t len = strcspn(path, "/");
		struct sys_node *found = NULL;

		list_for_each(c, &n->children, sibling)
			if (strlen(c->name) == len && !memcmp(c->name, path, len))
				found = c;
		n = found;
		path += len;
		path += *path == '/';
	}
	if (n && n != root)
		unlink_tree(n);
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
		ref_init(&root->ref);
		root->parent = root;
		root->ino = 1;
		list_init(&root->children);
		list_init(&root->sibling);
	}
	for (const struct sys_entry *e = sys_entries; !complete && e->path; e++)
		if (!add_entry(e))
			return NULL;
	if (!complete) {
		complete = true;
		sys_follow_block();
	}
	return root;
}
