/* SPDX-License-Identifier: MIT */
/* umlaut_run(): a machine, a session, two captures for the command and one for the kernel's own words. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/control_proto.h"
#include "tools/libumlaut/capture.h"
#include "tools/libumlaut/judge.h"
#include "tools/libumlaut/launch.h"
#include "tools/libumlaut/umlaut.h"

#define OUTPUT_DEFAULT (16u << 20)
#define KERNEL_WORDS 4096
#define REST_MS 2000		/* for what is in the pipes when the machine is gone */

enum { OUT, ERR, KERNEL, NCAPTURES };

struct running {
	struct umlaut_options o;
	struct capture cap[NCAPTURES];
	struct watch cancel;
	struct list args, env;
	struct session s;
	struct outcome out;
	struct launch l;
	int input;
};

/* --- input --- */

static int write_all(int fd, const char *p, size_t n)
{
	ssize_t r;

	for (; n; p += r, n -= (size_t)r) {
		r = write(fd, p, n);
		if (r < 0)
			return -errno;
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

/* A descriptor to read it from, or -errno. */
static int open_input(const void *data, size_t n)
{
	int fd, err;

	if (!data || !n) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	fd = memfd_create("umlaut-input", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write_all(fd, data, n);
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* --- cancelling --- */

/* Once: it stays readable. */
static void on_cancel(struct session *s, struct watch *w)
{
	struct running *r = (struct running *)((char *)w - offsetof(struct running, cancel));

	w->fd = -1;
	r->out.interrupted = true;
	session_end(s, SIGTERM);
}

/* --- the parts --- */

static int prepare(struct running *r, char *why)
{
	size_t max = r->o.output_max ? r->o.output_max : OUTPUT_DEFAULT;
	int err = launch_args(&r->o, NULL, &r->args, why);

	if (err)
		return err;
	launch_env(&r->o, NULL, &r->env);
	if (r->env.failed)
		return because(why, -ENOMEM, "out of memory");
	r->input = open_input(r->o.input, r->o.input_size);
	err = r->input < 0 ? r->input : 0;
	for (int i = 0; i < NCAPTURES && !err; i++)
		err = capture_open(&r->cap[i], i == KERNEL ? KERNEL_WORDS : max);
	if (err)
		return because(why, err, "no descriptors for input and output: %s", strerror(-err));
	return 0;
}

static void connect_parts(struct running *r, char *const argv[])
{
	struct session *s = &r->s;

	for (int i = 0; i < NCAPTURES; i++)
		r->cap[i].watch.next = i + 1 < NCAPTURES ? &r->cap[i + 1].watch : &r->cancel;
	r->cancel.fd = r->o.cancel_fd > 0 ? r->o.cancel_fd : -1;
	r->cancel.ready = on_cancel;
	s->ctl = r->l.ctl;
	s->flags = CTL_LAST;
	s->fds[0] = r->input;
	s->fds[1] = r->cap[OUT].write_end;
	s->fds[2] = r->cap[ERR].write_end;
	s->cwd = r->o.workdir;
	s->user = r->o.user;
	s->argv = argv;
	s->env = r->env.v;
	s->timeout_ms = r->o.timeout_ms;
	s->watches = &r->cap[0].watch;
}

/* Runs it; the machine is gone afterwards. 0 or -errno: said why. */
static int see_through(struct running *r, char *const argv[], char *why)
{
	int err;

	r->l.o = &r->o;
	r->l.args = &r->args;
	r->l.err_fd = r->cap[KERNEL].write_end;
	err = launch(&r->l, why);
	if (err)
		return err;
	connect_parts(r, argv);
	err = session_send(&r->s);
	for (int i = 0; i < NCAPTURES; i++)
		capture_give(&r->cap[i]);
	/* A machine that could not start leaves a broken channel: its words are the answer. */
	if (!err)
		session_wait(&r->s, &r->out);
	launch_end(&r->l);
	for (int i = 0; i < NCAPTURES; i++)
		capture_rest(&r->cap[i], REST_MS);
	if (err == -E2BIG)
		return because(why, err, "the command and its environment are too long");
	return err == -EPIPE || err == -ECONNRESET ? 0 :
	       err ? because(why, err, "cannot send the command: %s", strerror(-err)) : 0;
}

/* The last line that the kernel said is why it did not start. */
static void add_kernel_words(struct running *r, struct umlaut_result *res)
{
	size_t n;
	char *text = capture_take(&r->cap[KERNEL], &n), *line;

	if (text && n) {
		while (n && text[n - 1] == '\n')
			text[--n] = 0;
		line = strrchr(text, '\n');
		because(res->message, 0, "the machine ended: %.200s", line ? line + 1 : text);
	}
	free(text);
}

static int fill_result(struct running *r, struct umlaut_result *res)
{
	judge(&r->s, &r->out, res);
	if (res->reason == UMLAUT_MACHINE)
		add_kernel_words(r, res);
	res->truncated = r->cap[OUT].truncated || r->cap[ERR].truncated;
	res->output = capture_take(&r->cap[OUT], &res->output_size);
	res->error_output = capture_take(&r->cap[ERR], &res->error_output_size);
	if (res->output && res->error_output)
		return 0;
	umlaut_result_free(res);
	return because(res->message, -ENOMEM, "out of memory");
}

static void drop(struct running *r)
{
	for (int i = 0; i < NCAPTURES; i++)
		capture_close(&r->cap[i]);
	if (r->input >= 0)
		close(r->input);
	list_free(&r->args);
	list_free(&r->env);
	free(r);
}

/* --- the interface --- */

EXPORT int umlaut_run(const struct umlaut_options *o, char *const argv[], struct umlaut_result *res)
{
	int64_t started = monotonic_ns();
	struct running *r;
	int err;

	memset(res, 0, sizeof(*res));
	if (o->size < sizeof(*o) || !argv || !argv[0])
		return because(res->message, -EINVAL, "%s", argv && argv[0] ?
			       "the options are of another version" : "a command is needed");
	r = calloc(1, sizeof(*r));
	if (!r)
		return because(res->message, -ENOMEM, "out of memory");
	r->o = *o;
	r->input = r->cancel.fd = -1;
	for (int i = 0; i < NCAPTURES; i++)
		r->cap[i].watch.fd = r->cap[i].write_end = -1;
	err = prepare(r, res->message);
	if (!err)
		err = see_through(r, argv, res->message);
	if (!err)
		err = fill_result(r, res);
	res->wall_ns = (uint64_t)(monotonic_ns() - started);
	drop(r);
	return err;
}

EXPORT void umlaut_result_free(struct umlaut_result *r)
{
	free(r->output);
	free(r->error_output);
	r->output = r->error_output = NULL;
	r->output_size = r->error_output_size = 0;
}
