/* SPDX-License-Identifier: Apache-2.0 */
/* The durable core: units a second by one and by eight writers, tasks a second through the queue
 * with a backlog, beside the floor of one synced append a unit. usage: durable FOLDER */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "durable/durable.h"

#define SECONDS 2

static struct durable *core;

static void die(const struct err *err)
{
	fprintf(stderr, "bench: %s\n", err_message(err));
	exit(1);
}

/* The floor: 4 KiB appended and synced. */
static double synced_appends(const char *dir)
{
	char *path CLEANUP(freep) = xasprintf("%s/floor", dir);
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	static char page[4096];
	int64_t start = monotonic_usec();
	int n = 0;

	while (monotonic_usec() - start < SECONDS * USEC_PER_SEC) {
		if (write(fd, page, sizeof(page)) < 0 || fdatasync(fd) < 0)
			exit(1);
		n++;
	}
	close(fd);
	return (double)n / SECONDS;
}

static int append(struct db_tx *tx, void *arg, struct err *err)
{
	struct journal_entry e = {.kind = "bench.unit", .subject = arg, .detail = "{\"n\":1}"};

	return journal_append(core, tx, &e, err);
}

static void *write_units(void *arg)
{
	int64_t start = monotonic_usec();
	struct err err = ERR_INIT;
	int *n = arg;

	while (monotonic_usec() - start < SECONDS * USEC_PER_SEC) {
		if (durable_step(core, append, (void *)"bench", &err) < 0)
			die(&err);
		(*n)++;
	}
	return NULL;
}

static double units(int writers)
{
	pthread_t threads[16];
	int counts[16] = {0}, total = 0;

	for (int i = 0; i < writers; i++)
		pthread_create(&threads[i], NULL, write_units, &counts[i]);
	for (int i = 0; i < writers; i++) {
		pthread_join(threads[i], NULL);
		total += counts[i];
	}
	return (double)total / SECONDS;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int done;

static int no_op(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	(void)d;
	(void)t;
	(void)arg;
	(void)err;
	pthread_mutex_lock(&lock);
	done++;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	return 0;
}

static int enqueue(struct db_tx *tx, void *arg, struct err *err)
{
	for (int i = 0; i < *(int *)arg; i++) {
		char subject[16];
		struct task t = {.kind = "bench", .subject = subject, .token = ""};

		snprintf(subject, sizeof(subject), "%d", i);
		if (task_enqueue(core, tx, &t, err) < 0)
			return -1;
	}
	return 0;
}

/* A backlog of n tasks on two slots, to its end. */
static double tasks(int n)
{
	struct err err = ERR_INIT;
	int64_t start;

	done = 0;
	start = monotonic_usec();
	if (durable_step(core, enqueue, &n, &err) < 0)
		die(&err);
	pthread_mutex_lock(&lock);
	while (done < n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	return (double)n * 1e6 / (double)(monotonic_usec() - start);
}

int main(int argc, char **argv)
{
	char *url CLEANUP(freep) = xasprintf("sqlite:%s/bench.db", argc > 1 ? argv[1] : ".");
	struct err err = ERR_INIT;
	struct clock clock;
	struct db *db;

	clock_init_real(&clock, 1.0);
	if (db_open(url, &db, &err) < 0 || durable_new(db, &clock, &core, &err) < 0)
		die(&err);
	task_register(core, &(struct task_kind){.name = "bench", .run = no_op, .max_running = 2});
	if (durable_start(core, 4, &err) < 0)
		die(&err);
	printf("floor %.1f\n", synced_appends(argc > 1 ? argv[1] : "."));
	printf("units1 %.1f\n", units(1));
	printf("units8 %.1f\n", units(8));
	printf("tasks300 %.1f\n", tasks(300));
	printf("tasks10000 %.1f\n", tasks(10000));
	durable_free(core);
	db_close(db);
	return 0;
}
