/* SPDX-License-Identifier: MIT */
/*
 * execve and execveat: arguments and environment, limits, scripts, what is kept and what is reset,
 * the auxiliary vector, errors. The cases run this program again with a word that begins with '@'.
 */
#include "test.h"
#include <elf.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>

extern char **environ;

static int check_args(int argc, char **argv)
{
	int i;

	if (argc != 2 + atoi(argv[2]) + 1)
		return 1;
	for (i = 3; i < argc; i++)
		if (atoi(argv[i]) != i)
			return 2;
	return argv[argc] != NULL;
}

static int check_auxv(void)
{
	if (getauxval(AT_PAGESZ) != PAGE)
		return 1;
	if (getauxval(AT_UID) != getuid() || getauxval(AT_EUID) != geteuid())
		return 2;
	if (getauxval(AT_GID) != getgid() || getauxval(AT_EGID) != getegid())
		return 3;
	if (getauxval(AT_SECURE) || getauxval(AT_CLKTCK) != 100)
		return 4;
	if (!getauxval(AT_RANDOM) || !getauxval(AT_PHDR) || !getauxval(AT_ENTRY))
		return 5;
	if (getauxval(AT_PHENT) != sizeof(Elf64_Phdr) || !getauxval(AT_PHNUM))
		return 6;
	if (strcmp((char *)getauxval(AT_PLATFORM), "x86_64"))
		return 7;
	if (!strstr((char *)getauxval(AT_EXECFN), "exec") || !getauxval(AT_HWCAP))
		return 8;
	return 0;
}

static int check_signals(void)
{
	struct sigaction sa;
	sigset_t mask;

	sigaction(SIGUSR1, NULL, &sa);
	if (sa.sa_handler != SIG_DFL)
		return 1;
	sigaction(SIGUSR2, NULL, &sa);
	if (sa.sa_handler != SIG_IGN)
		return 2;
	sigprocmask(SIG_SETMASK, NULL, &mask);
	if (!sigismember(&mask, SIGTERM) || sigismember(&mask, SIGHUP))
		return 3;
	sigpending(&mask);
	if (!sigismember(&mask, SIGTERM))
		return 4;
	stack_t s;

	sigaltstack(NULL, &s);
	return s.ss_flags != SS_DISABLE ? 5 : 0;
}

int test_helper(int argc, char **argv)
{
	const char *what = argv[1] + 1;
	char buf[64] = "";
	int i;

	if (!strcmp(what, "exit"))
		return atoi(argv[2]);
	if (!strcmp(what, "args"))
		return check_args(argc, argv);
	if (!strcmp(what, "auxv"))
		return check_auxv();
	if (!strcmp(what, "signals"))
		return check_signals();
	if (!strcmp(what, "fds"))	/* bit i: descriptor 10 + i is open */
		for (i = argc = 0; i < 4; i++)
			argc |= (fcntl(10 + i, F_GETFD) >= 0) << i;
	if (!strcmp(what, "env"))
		return !getenv("ONLY") || environ[0] == NULL || environ[1] != NULL;
	if (!strcmp(what, "noenv"))
		return environ[0] != NULL;
	if (!strcmp(what, "pid"))
		return getpid() != atoi(argv[2]) || syscall(SYS_gettid) != getpid() ||
		       getppid() != atoi(argv[3]);
	if (!strcmp(what, "read"))
		return read(atoi(argv[2]), buf, 5) != 5 || memcmp(buf, "56789", 5);
	if (!strcmp(what, "comm"))
		return prctl(PR_GET_NAME, buf) || strcmp(buf, argv[2]);
	if (!strcmp(what, "alarm"))
		return alarm(0) != 100;
	if (!strcmp(what, "biglen"))
		return strlen(argv[2]) != 100000;
	return argc;
}

/* exit code of execing this program with the words */
#define RUN(want, ...) WAIT_EXIT(CHILD(						\
	char *run_av[] = { "exec", __VA_ARGS__, NULL };				\
	execve(test_self, run_av, environ);					\
	FAIL("line %d: execve: %s", __LINE__, strerrorname_np(errno))), want)

TEST(simple)
{
	RUN(0, "@exit", "0");
	RUN(33, "@exit", "33");
}

TEST(many_args)
{
	static char text[20000][8];
	static char *av[20004];
	int i;

	av[0] = "exec";
	av[1] = "@args";
	av[2] = "20000";
	for (i = 3; i < 20003; i++) {
		snprintf(text[i - 3], 8, "%d", i);
		av[i] = text[i - 3];
	}
	WAIT_EXIT(CHILD(execve(test_self, av, environ)), 0);
}

TEST(long_arg)
{
	static char big[200000];
	char *av[] = { "exec", "@biglen", big, NULL };

	memset(big, 'x', 100000);
	WAIT_EXIT(CHILD(execve(test_self, av, environ)), 0);
	memset(big, 'x', 131072);	/* MAX_ARG_STRLEN with its terminator */
	ERR(execve(test_self, av, environ), E2BIG);
}

TEST(too_big)
{
	static char big[130000];
	char *av[] = { "exec", "@exit", "0", NULL }, *env[201] = { NULL };
	int i;

	memset(big, 'e', sizeof(big) - 1);
	for (i = 0; i < 200; i++)
		env[i] = big;
	ERR(execve(test_self, av, env), E2BIG);
}

TEST(environment)
{
	char *env[] = { "ONLY=one", NULL }, *av[] = { "exec", "@env", NULL };
	char *none[] = { NULL }, *av2[] = { "exec", "@noenv", NULL };

	WAIT_EXIT(CHILD(execve(test_self, av, env)), 0);
	WAIT_EXIT(CHILD(execve(test_self, av2, none)), 0);
	WAIT_EXIT(CHILD(execve(test_self, av2, NULL)), 0);
}

TEST(errors)
{
	char *av[] = { "x", NULL };
	char longname[5000];

	ERR(execve("./none", av, environ), ENOENT);
	ERR(execve("", av, environ), ENOENT);
	ERR(execve(".", av, environ), EACCES);
	write_file("plain", "text", 4);
	ERR(execve("plain", av, environ), EACCES);
	ERR(execve("plain/x", av, environ), ENOTDIR);
	OK(chmod("plain", 0755));
	ERR(execve("plain", av, environ), ENOEXEC);
	write_file("empty", "", 0);
	OK(chmod("empty", 0755));
	ERR(execve("empty", av, environ), ENOEXEC);
	memset(longname, 'l', sizeof(longname));
	longname[4999] = 0;
	ERR(execve(longname, av, environ), ENAMETOOLONG);
	longname[300] = 0;
	ERR(execve(longname, av, environ), ENAMETOOLONG);
	OK(symlink("loop", "loop"));
	ERR(execve("loop", av, environ), ELOOP);
	ERR(syscall(SYS_execve, BAD_PTR, av, environ), EFAULT);
	ERR(syscall(SYS_execve, test_self, BAD_PTR, environ), EFAULT);
	ERR(syscall(SYS_execve, test_self, av, BAD_PTR), EFAULT);
}

TEST(bad_elf)
{
	static char elf[4096] = "\177ELF";
	char *av[] = { "x", NULL };

	write_file("short", elf, 10);
	write_file("zeros", elf, 4096);
	OK(chmod("short", 0755));
	OK(chmod("zeros", 0755));
	ERR(execve("short", av, environ), ENOEXEC);
	ERR(execve("zeros", av, environ), ENOEXEC);
}

TEST(text_busy)
{
	char *av[] = { "x", NULL };
	int fd = OK(open("busy", O_CREAT | O_WRONLY, 0755));

	(void)!write(fd, "#!/none\n", 8);
	ERR(execve("./busy", av, environ), ETXTBSY);
}

static void script(const char *name, const char *fmt, ...)
{
	char text[PATH_MAX + 100];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	write_file(name, text, strlen(text));
	OK(chmod(name, 0755));
}

TEST(script)
{
	char *av[] = { "zero", "17", NULL }, *plain[] = { "zero", "a", "b", NULL };

	/* "exec @exit ./s 17": the helper takes argv[2], the script's name */
	script("7", "#!%s @exit\nrest is not read\n", test_self);
	WAIT_EXIT(CHILD(execve("7", av, environ)), 7);
	script("tabs", "#! \t %s \t @count \t\n", test_self);
	WAIT_EXIT(CHILD(execve("./tabs", plain, environ)), 5);	/* self @count ./tabs a b */
}

TEST(script_one_argument)
{
	char *av[] = { "zero", NULL };

	/* everything after the interpreter is one argument */
	script("s", "#!%s @two words here\n", test_self);
	WAIT_EXIT(CHILD(execve("./s", av, environ)), 3);
}

TEST(script_nested)
{
	char cwd[PATH_MAX], *av[] = { "zero", "x", NULL };

	OK(getcwd(cwd, sizeof(cwd)) ? 0 : -1);
	script("inner", "#!%s @count\n", test_self);
	script("outer", "#!%s/inner\n", cwd);
	WAIT_EXIT(CHILD(execve("./outer", av, environ)), 5);	/* self @count inner ./outer x */
}

TEST(script_errors)
{
	char cwd[PATH_MAX], *av[] = { "zero", NULL };

	OK(getcwd(cwd, sizeof(cwd)) ? 0 : -1);
	script("none", "#!/no/such/interpreter\n");
	ERR(execve("./none", av, environ), ENOENT);
	script("self", "#!%s/self\n", cwd);
	ERR(execve("./self", av, environ), ELOOP);
	script("blank", "#!   \n");
	ERR(execve("./blank", av, environ), ENOEXEC);
	script("dir", "#!%s\n", cwd);
	ERR(execve("./dir", av, environ), EACCES);
}

TEST(script_null_argv0)
{
	char *av[] = { NULL };

	script("s", "#!%s @count\n", test_self);
	WAIT_EXIT(CHILD(execve("./s", av, environ)), 3);
}

TEST(close_on_exec)
{
	int i;

	for (i = 10; i < 14; i++)
		OK(dup2(1, i));
	OK(fcntl(11, F_SETFD, FD_CLOEXEC));
	OK(dup3(1, 13, O_CLOEXEC));
	RUN(5, "@fds");
	EQ(fcntl(11, F_GETFD), FD_CLOEXEC);	/* the parent's stay */
}

TEST(offset_kept)
{
	int fd;

	write_file("f", "0123456789", 10);
	fd = OK(open("f", O_RDONLY));
	OK(lseek(fd, 5, SEEK_SET));
	OK(dup2(fd, 20));
	RUN(0, "@read", "20");
}

static void handler(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)info;
	(void)ctx;
}

TEST(signal_state)
{
	static char alt[65536];
	stack_t s = { .ss_sp = alt, .ss_size = sizeof(alt) };
	sigset_t set;

	OK(sigaltstack(&s, NULL));
	on_signal(SIGUSR1, handler, 0);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	OK(sigprocmask(SIG_BLOCK, &set, NULL));
	WAIT_EXIT(CHILD(char *av[] = { "x", "@signals", NULL };
			raise(SIGTERM);		/* pending survives exec, not fork */
			execve(test_self, av, environ)), 0);
}

TEST(auxv)
{
	RUN(0, "@auxv");
}

TEST(pid_kept)
{
	WAIT_EXIT(CHILD(char a[16]; char b[16]; char *av[] = { "x", "@pid", a, b, NULL };
			snprintf(a, 16, "%d", getpid()); snprintf(b, 16, "%d", getppid());
			execve(test_self, av, environ)), 0);
}

static void *exec_in_thread(void *arg)
{
	execve(test_self, arg, environ);
	return NULL;
}

static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return arg;
}

TEST(from_a_thread)
{
	pid_t kid = CHILD(
		pthread_t t;
		char a[16];
		char b[16];
		char *av[] = { "x", "@pid", a, b, NULL };
		int i;

		snprintf(a, 16, "%d", getpid());
		snprintf(b, 16, "%d", getppid());
		for (i = 0; i < 4; i++)
			pthread_create(&t, NULL, sleeper, NULL);
		pthread_create(&t, NULL, exec_in_thread, av);
		pthread_join(t, NULL);
		_exit(99));

	WAIT_EXIT(kid, 0);	/* the thread took over the process's number */
}

TEST(comm)
{
	OK(symlink(test_self, "a-name-longer-than-15"));
	WAIT_EXIT(CHILD(char *av[] = { "x", "@comm", "a-name-longer-t", NULL };
			execve("./a-name-longer-than-15", av, environ)), 0);
}

TEST(alarm_kept)
{
	WAIT_EXIT(CHILD(char *av[] = { "x", "@alarm", NULL }; alarm(100);
			execve(test_self, av, environ)), 0);
}

TEST(execveat_forms)
{
	char *av[] = { "x", "@exit", "9", NULL }, dir[PATH_MAX], *slash;
	int fd = OK(open(test_self, O_RDONLY | O_CLOEXEC)), d;

	WAIT_EXIT(CHILD(syscall(SYS_execveat, fd, "", av, environ, AT_EMPTY_PATH)), 9);
	strcpy(dir, test_self);
	slash = strrchr(dir, '/');
	*slash = 0;
	d = OK(open(dir, O_PATH | O_DIRECTORY));
	WAIT_EXIT(CHILD(syscall(SYS_execveat, d, slash + 1, av, environ, 0)), 9);
	WAIT_EXIT(CHILD(fexecve(fd, av, environ)), 9);
	WAIT_EXIT(CHILD(syscall(SYS_execveat, AT_FDCWD, test_self, av, environ, 0)), 9);
	OK(symlink(test_self, "link"));
	ERR(syscall(SYS_execveat, AT_FDCWD, "link", av, environ, AT_SYMLINK_NOFOLLOW), ELOOP);
	ERR(syscall(SYS_execveat, 77, "x", av, environ, 0), EBADF);
	ERR(syscall(SYS_execveat, fd, "x", av, environ, 0), ENOTDIR);
	ERR(syscall(SYS_execveat, fd, "", av, environ, 0), ENOENT);
	ERR(syscall(SYS_execveat, AT_FDCWD, test_self, av, environ, 0x40), EINVAL);
}

TEST(execveat_script_on_cloexec_fd)
{
	char *av[] = { "x", NULL };
	int fd;

	script("s", "#!%s @count\n", test_self);
	fd = OK(open("s", O_RDONLY | O_CLOEXEC));
	ERR(syscall(SYS_execveat, fd, "", av, environ, AT_EMPTY_PATH), ENOENT);
}

TEST(setuid_program)
{
	/* AT_SECURE and the effective identity of a set-uid file are tested as root only */
	NEED_ROOT();
	char *av[] = { "x", "@exit", "3", NULL };

	OK(chmod(".", 0755));
	script("s", "#!%s @exit\n", test_self);
	OK(chmod("s", 04755));
	WAIT_EXIT(CHILD(execve(test_self, av, environ)), 3);
}

TEST(chain_of_execs)
{
	char *av[] = { "exec", "@exit", "1", NULL };
	int i;

	for (i = 0; i < 50; i++)
		WAIT_EXIT(CHILD(execve(test_self, av, environ)), 1);
}

TEST(exec_in_vfork_child_leaves_parent_alone)
{
	char *av[] = { "exec", "@exit", "2", NULL };
	volatile int x = 1;
	pid_t kid = vfork();

	if (!kid) {
		x = 2;
		execve(test_self, av, environ);
		_exit(127);
	}
	EQ(x, 2);
	WAIT_EXIT(kid, 2);
}

TEST(failed_exec_changes_nothing)
{
	char *av[] = { "x", NULL };

	on_signal(SIGUSR1, handler, 0);
	OK(dup3(1, 13, O_CLOEXEC));
	ERR(execve("/none", av, environ), ENOENT);
	EQ(fcntl(13, F_GETFD), FD_CLOEXEC);
	raise(SIGUSR1);
}

TEST_MAIN("exec")
