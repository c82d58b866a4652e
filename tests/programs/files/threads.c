/* SPDX-License-Identifier: MIT */
/* Threads that share, wait, signal, fork and keep things of their own. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 20000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_key_t key;
static __thread long own;
static long counted, turn, destroyed;
static atomic_long added, handled;
static sem_t sem;

static void destroy(void *p)
{
	pthread_mutex_lock(&lock);
	destroyed += (long)p;
	pthread_mutex_unlock(&lock);
}

static void handler(int sig)
{
	handled++;
}

static void *work(void *arg)
{
	long me = (long)arg, i;

	pthread_setspecific(key, (void *)(me + 1));
	for (i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		counted++;
		pthread_mutex_unlock(&lock);
		added++;
		own++;
	}
	pthread_mutex_lock(&lock);
	while (turn != me)
		pthread_cond_wait(&cond, &lock);
	turn++;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
	pthread_kill(pthread_self(), SIGUSR1);
	sem_post(&sem);
	return (void *)own;
}

static void *forker(void *arg)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		char *p = malloc(100000);

		memset(p, 1, 100000);
		_exit(own == 0 && p[99999] == 1 ? 5 : 1);
	}
	waitpid(pid, &status, 0);
	return (void *)(long)WEXITSTATUS(status);
}

static void *cancelled(void *arg)
{
	for (;;)
		pause();
}

static void *nothing(void *arg)
{
	return arg;
}

int main(void)
{
	pthread_t t[THREADS], c;
	long i, sum = 0;
	void *r;

	signal(SIGUSR1, handler);
	pthread_key_create(&key, destroy);
	sem_init(&sem, 0, 0);
	for (i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, work, (void *)i);
	for (i = 0; i < THREADS; i++)
		sem_wait(&sem);
	for (i = 0; i < THREADS; i++) {
		pthread_join(t[i], &r);
		sum += (long)r;
	}
	printf("%ld %ld %ld %ld %ld %ld\n", counted, (long)added, sum, turn, destroyed, (long)handled);
	for (i = 0, sum = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, forker, NULL);
	for (i = 0; i < THREADS; i++) {
		pthread_join(t[i], &r);
		sum += (long)r;
	}
	pthread_create(&c, NULL, cancelled, NULL);
	pthread_cancel(c);
	pthread_join(c, &r);
	for (i = 0; i < 2000; i++) {
		pthread_create(&c, NULL, nothing, NULL);
		pthread_join(c, NULL);
	}
	printf("%ld %d\n", sum, r == PTHREAD_CANCELED);
	return 0;
}
