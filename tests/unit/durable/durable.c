/* SPDX-License-Identifier: Apache-2.0 */
/* The crash-safe core: invariants D1..D6 of durable/durable.h, on a simulated clock and with
 * threads, against SQLite and, when TOWPATH_TEST_DB names one, PostgreSQL. */
#include "durable/durable.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"

#define START INT64_C(1000000000000)

struct fixture {
	char dir[64];
	char *url;
	struct db *db;
	struct clock clock;
	struct durable *d;
	int runs, fails_left, attempts_seen, gave_up, consumed;
	int64_t last_run_usec, last_seq, last_consumed;
	bool fail_consumer;
};

static struct fixture *fx;

static int drop(struct db_tx *tx, void *arg, struct err *err)
{
	static const char *const names[] = {"journal", "journal_cursor", "task", "schema_step"};
	char sql[64];

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(sql, sizeof(sql), "DROP TABLE IF EXISTS %s", names[i]);
		if (db_exec(tx, sql, DB_NO_ARGS, NULL, err) < 0)
			return -1;
	}
	return 0;
}

static void open_core(struct fixture *f)
{
	struct err err = ERR_INIT;

	if (db_open(f->url, &f->db, &err) < 0 || durable_new(f->db, &f->clock, &f->d, &err) < 0)
		fail_msg("%s", err_message(&err));
}

static void close_core(struct fixture *f)
{
	f->d = durable_free(f->d);
	f->db = db_close(f->db);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct db *db = NULL;

	fx = f;
	snprintf(f->dir, sizeof(f->dir), "/tmp/towpath-durable-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->url = getenv("TOWPATH_TEST_DB") ? xstrdup(getenv("TOWPATH_TEST_DB"))
					   : xasprintf("sqlite:%s/test.db", f->dir);
	assert_int_equal(db_open(f->url, &db, NULL), 0);
	assert_int_equal(db_write(db, drop, NULL, NULL), 0);
	db_close(db);
	clock_init_simulated(&f->clock, START);
	open_core(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close_core(f);
	clock_release(&f->clock);
	file_remove_tree(f->dir, NULL);
	free(f->url);
	free(f);
	return 0;
}

/* ---- steps used by the cases ---- */

struct enqueue {
	const char *subject, *token;
	int64_t due;
};

static int enqueue_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct enqueue *e = arg;
	struct task t = {.kind = "work",
		.subject = e->subject,
		.token = e->token,
		.payload = "{\"a\":1}",
		.due_usec = e->due};

	return task_enqueue(fx->d, tx, &t, err);
}

static void enqueue(const char *subject, int64_t due)
{
	struct enqueue e = {subject, "", due};

	assert_int_equal(durable_step(fx->d, enqueue_step, &e, NULL), 0);
}

static int append_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct journal_entry e = {.kind = arg, .subject = "s", .detail = "{}"};

	if (journal_append(fx->d, tx, &e, err) < 0)
		return -1;
	fx->last_seq = e.seq;
	return 0;
}

static void append(const char *kind)
{
	assert_int_equal(durable_step(fx->d, append_step, (void *)kind, NULL), 0);
}

static int work(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	(void)arg;
	fx->runs++;
	fx->attempts_seen = t->attempt;
	fx->last_run_usec = durable_now(d);
	assert_string_equal(t->payload, "{\"a\":1}");
	if (fx->fails_left > 0) {
		fx->fails_left--;
		return err_set(err, ERR_IO, "not yet");
	}
	return 0;
}

static int gave_up(struct durable *d, struct db_tx *tx, const struct task *t, const struct err *why,
	void *arg, struct err *err)
{
	(void)arg;
	assert_string_equal(err_message(why), "not yet");
	fx->gave_up++;
	return task_done(d, tx, t, err);
}

static void register_work(int max_attempts)
{
	task_register(fx->d, &(struct task_kind){.name = "work",
				     .run = work,
				     .gave_up = gave_up,
				     .max_attempts = max_attempts});
}

static int64_t run_until(int64_t until)
{
	return durable_run(fx->d, true, until, NULL);
}

/* ---- cases ---- */

static void test_task_runs_once_when_due(void **state)
{
	(void)state;
	register_work(0);
	enqueue("a", START + 5 * USEC_PER_SEC);
	assert_int_equal(durable_run(fx->d, false, 0, NULL), 0);
	assert_int_equal(fx->runs, 0);
	run_until(INT64_MAX);
	assert_int_equal(fx->runs, 1);
	assert_int_equal(fx->last_run_usec, START + 5 * USEC_PER_SEC);
	run_until(INT64_MAX);
	assert_int_equal(fx->runs, 1);
}

static void test_enqueue_twice_is_once(void **state)
{
	(void)state;
	register_work(0);
	enqueue("a", 0);
	enqueue("a", 0);
	enqueue("b", 0);
	run_until(INT64_MAX);
	assert_int_equal(fx->runs, 2);
}

static void test_earlier_wins_while_it_waits(void **state)
{
	(void)state;
	register_work(0);
	enqueue("a", START + 9 * USEC_PER_SEC);
	enqueue("a", START + 5 * USEC_PER_SEC);
	enqueue("a", START + 7 * USEC_PER_SEC);
	run_until(INT64_MAX);
	assert_int_equal(fx->runs, 1);
	assert_int_equal(fx->last_run_usec, START + 5 * USEC_PER_SEC);
}

/* A task that failed waits like any other: who wakes it spares it the pause. */
static void test_wake_up_ends_the_pause(void **state)
{
	(void)state;
	register_work(0);
	fx->fails_left = 1;
	enqueue("a", 0);
	durable_run(fx->d, false, 0, NULL);
	assert_int_equal(fx->runs, 1);
	enqueue("a", 0);
	durable_run(fx->d, false, 0, NULL);
	assert_int_equal(fx->runs, 2);
	assert_int_equal(fx->attempts_seen, 2);
	assert_int_equal(fx->last_run_usec, START);
}

static void test_retries_with_growing_pause(void **state)
{
	(void)state;
	register_work(0);
	fx->fails_left = 3;
	enqueue("a", 0);
	run_until(INT64_MAX);
	assert_int_equal(fx->runs, 4);
	assert_int_equal(fx->attempts_seen, 4);
	assert_int_equal(fx->last_run_usec, START + (1 + 2 + 4) * USEC_PER_SEC);
}

/* ---- a store that takes nothing ---- */

static int rename_step(struct db_tx *tx, void *arg, struct err *err)
{
	const char *const *names = arg;
	char sql[64];

	snprintf(sql, sizeof(sql), "ALTER TABLE %s RENAME TO %s", names[0], names[1]);
	return db_exec(tx, sql, DB_NO_ARGS, NULL, err);
}

static void rename_table(const char *from, const char *to)
{
	const char *names[] = {from, to};

	assert_int_equal(db_write(durable_db(fx->d), rename_step, names, NULL), 0);
}

/* The store breaks while the task runs, which then ends as arg says. */
static int run_and_break(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	const bool *fails = arg;

	fx->attempts_seen = t->attempt;
	fx->last_run_usec = durable_now(d);
	if (++fx->runs > 1)
		return 0;
	rename_table("task", "task_away");
	return *fails ? err_set(err, ERR_IO, "broken") : 0;
}

static void run_in_broken_store(bool *fails)
{
	task_register(
		fx->d, &(struct task_kind){.name = "work", .run = run_and_break, .arg = fails});
	enqueue("a", 0);
	assert_int_equal(durable_run(fx->d, false, 0, NULL), -1);
	assert_int_equal(durable_run(fx->d, false, 0, NULL), -1);
	assert_int_equal(fx->runs, 1);
	rename_table("task_away", "task");
	run_until(INT64_MAX);
}

/* Not when its lease is out, a minute later. */
static void test_failure_is_stored_when_it_can(void **state)
{
	bool fails = true;

	(void)state;
	run_in_broken_store(&fails);
	assert_int_equal(fx->runs, 2);
	assert_int_equal(fx->attempts_seen, 2);
	assert_int_equal(fx->last_run_usec, START + USEC_PER_SEC);
}

static void test_end_is_stored_when_it_can(void **state)
{
	bool fails = false;

	(void)state;
	run_in_broken_store(&fails);
	assert_int_equal(fx->runs, 1); /* it ended once, and was not lost */
	enqueue("a", 0);
	run_until(INT64_MAX);
	assert_int_equal(fx->runs, 2);
	assert_int_equal(fx->attempts_seen, 1);
	assert_int_equal(fx->last_run_usec, START);
}

static void test_gives_up(void **state)
{
	(void)state;
	register_work(2);
	fx->fails_left = 100;
	enqueue("a", 0);
	run_until(INT64_MAX);
	assert_int_equal(fx->runs, 2);
	assert_int_equal(fx->gave_up, 1);
}

static int cancel_step(struct db_tx *tx, void *arg, struct err *err)
{
	return task_cancel(fx->d, tx, "work", arg, "", err);
}

static int reschedule_step(struct db_tx *tx, void *arg, struct err *err)
{
	return task_reschedule(fx->d, tx, "work", arg, "", START + 9 * USEC_PER_SEC, err);
}

static void test_cancel_and_reschedule(void **state)
{
	(void)state;
	register_work(0);
	enqueue("a", START + USEC_PER_SEC);
	enqueue("b", START + USEC_PER_SEC);
	assert_int_equal(durable_step(fx->d, cancel_step, (void *)"a", NULL), 0);
	assert_int_equal(durable_step(fx->d, reschedule_step, (void *)"b", NULL), 0);
	run_until(INT64_MAX);
	assert_int_equal(fx->runs, 1);
	assert_int_equal(fx->last_run_usec, START + 9 * USEC_PER_SEC);
}

static int enqueue_while_running(
	struct durable *d, const struct task *t, void *arg, struct err *err)
{
	(void)d;
	(void)t;
	(void)arg;
	(void)err;
	if (fx->runs++ == 0)
		enqueue("a", 0);
	return 0;
}

static void test_wake_up_while_running_is_not_lost(void **state)
{
	(void)state;
	task_register(fx->d, &(struct task_kind){.name = "work", .run = enqueue_while_running});
	enqueue("a", 0);
	run_until(INT64_MAX);
	assert_int_equal(fx->runs, 2);
}

/* The first run sets itself a timer and asks for an earlier run as well, then fails. */
static int timer_then_failure(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	(void)t;
	(void)arg;
	fx->last_run_usec = durable_now(d);
	if (fx->runs++ > 0)
		return 0;
	enqueue("a", START + 90 * USEC_PER_SEC);
	enqueue("a", START + 60 * USEC_PER_SEC);
	enqueue("a", START + 70 * USEC_PER_SEC);
	return err_set(err, ERR_IO, "not yet");
}

static void test_timer_outlives_a_failure(void **state)
{
	(void)state;
	task_register(fx->d, &(struct task_kind){.name = "work", .run = timer_then_failure});
	enqueue("a", 0);
	run_until(START + 10 * USEC_PER_SEC);
	assert_int_equal(fx->runs, 2); /* the attempt after the failure */
	assert_int_equal(fx->last_run_usec, START + USEC_PER_SEC);
	run_until(INT64_MAX);
	assert_int_equal(fx->runs, 3);
	assert_int_equal(fx->last_run_usec, START + 60 * USEC_PER_SEC);
}

static void add_after(void *arg, const void *bytes)
{
	*(int *)arg += *(const int *)bytes;
}

static int after_step(struct db_tx *tx, void *arg, struct err *err)
{
	int *fails = arg, seven = 7;

	fx->runs++;
	durable_after(fx->d, tx, add_after, &fx->consumed, &seven, sizeof(seven));
	seven = 0; /* a copy was taken */
	return *fails > 0 ? err_set(err, ERR_IO, "not this time") : 0;
}

static int fail_first(void *arg, uint64_t commit)
{
	uint64_t *first = arg;

	if (!*first)
		*first = commit;
	return commit == *first ? -1 : 0;
}

/* What is told after a step is told once, whatever became of its runs. */
static void test_after(void **state)
{
	uint64_t first = 0;
	int fails = 0;

	(void)state;
	assert_int_equal(durable_step(fx->d, after_step, &fails, NULL), 0);
	assert_int_equal(fx->consumed, 7);
	fails = 1;
	assert_int_equal(durable_step(fx->d, after_step, &fails, NULL), -1);
	assert_int_equal(fx->consumed, 7);
	fails = 0;
	db_set_commit_hook(fx->db, fail_first, &first);
	assert_int_equal(durable_step(fx->d, after_step, &fails, NULL), -1);
	db_set_commit_hook(fx->db, NULL, NULL);
	assert_int_equal(fx->consumed, 7);
	assert_int_equal(durable_step(fx->d, after_step, &fails, NULL), 0);
	assert_int_equal(fx->consumed, 14);
}

static int consume(struct durable *d, struct db_tx *tx, const struct journal_entry *e, void *arg,
	struct err *err)
{
	(void)d;
	(void)tx;
	(void)arg;
	if (fx->fail_consumer)
		return err_set(err, ERR_IO, "consumer is ill");
	assert_true(e->seq > fx->last_consumed);
	fx->last_consumed = e->seq;
	fx->consumed++;
	return 0;
}

static void subscribe(void)
{
	journal_subscribe(fx->d,
		&(struct journal_consumer){.name = "test", .kind_prefix = "own.", .fn = consume});
}

static void test_consumer_sees_each_entry_once(void **state)
{
	(void)state;
	append("own.before"); /* before the first subscription: not seen */
	subscribe();
	durable_run(fx->d, false, 0, NULL);
	assert_int_equal(fx->consumed, 0);
	for (int i = 0; i < 150; i++)
		append(i % 3 ? "own.x" : "other.x");
	durable_run(fx->d, false, 0, NULL);
	assert_int_equal(fx->consumed, 100);
	close_core(fx);
	open_core(fx);
	subscribe();
	durable_run(fx->d, false, 0, NULL);
	assert_int_equal(fx->consumed, 100);
	append("own.y");
	durable_run(fx->d, false, 0, NULL);
	assert_int_equal(fx->consumed, 101);
}

static void test_failing_consumer_keeps_its_place(void **state)
{
	(void)state;
	subscribe();
	durable_run(fx->d, false, 0, NULL);
	fx->fail_consumer = true;
	append("own.x");
	durable_run(fx->d, false, 0, NULL);
	assert_int_equal(fx->consumed, 0);
	fx->fail_consumer = false;
	close_core(fx); /* a restart does not wait for the pause */
	open_core(fx);
	subscribe();
	durable_run(fx->d, false, 0, NULL);
	assert_int_equal(fx->consumed, 1);
}

/* A child enqueues, starts the task, and dies in it: D1 and D2. */
static int die(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	(void)d;
	(void)t;
	(void)arg;
	(void)err;
	_exit(42);
}

static void test_crash_in_a_task(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	close_core(fx);
	pid = fork();
	if (pid == 0) {
		open_core(fx);
		task_register(fx->d, &(struct task_kind){.name = "work", .run = die});
		enqueue("a", 0);
		run_until(INT64_MAX);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 42);
	open_core(fx);
	register_work(0);
	run_until(INT64_MAX);
	assert_int_equal(fx->runs, 1);
	assert_int_equal(fx->attempts_seen, 2);
}

/* ---- with threads and the real clock ---- */

struct counter {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int n, running, most;
};

static int count_up(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct counter *c = arg;

	(void)d;
	(void)t;
	(void)err;
	pthread_mutex_lock(&c->lock);
	c->running++;
	c->most = MAX(c->most, c->running);
	pthread_mutex_unlock(&c->lock);
	sched_yield();
	pthread_mutex_lock(&c->lock);
	c->running--;
	c->n++;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
	return 0;
}

static int enqueue_many(struct db_tx *tx, void *arg, struct err *err)
{
	int from = *(int *)arg;

	for (int i = from; i < from + 50; i++) {
		char subject[16];
		struct enqueue e = {subject, "", 0};

		snprintf(subject, sizeof(subject), "%d", i);
		if (enqueue_step(tx, &e, err) < 0)
			return -1;
	}
	return 0;
}

static void test_threads(void **state)
{
	struct counter c = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};

	(void)state;
	close_core(fx);
	clock_init_real(&fx->clock, 1.0);
	open_core(fx);
	task_register(fx->d,
		&(struct task_kind){.name = "work", .run = count_up, .arg = &c, .max_running = 2});
	assert_int_equal(durable_start(fx->d, 4, NULL), 0);
	for (int i = 0; i < 500; i += 50)
		assert_int_equal(durable_step(fx->d, enqueue_many, &i, NULL), 0);
	pthread_mutex_lock(&c.lock);
	while (c.n < 500)
		pthread_cond_wait(&c.changed, &c.lock);
	pthread_mutex_unlock(&c.lock);
	durable_stop(fx->d);
	assert_int_equal(c.n, 500);
	assert_in_range(c.most, 1, 2);
}

struct held {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int begun, ended;
	bool released;
};

static int hold(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct held *h = arg;

	(void)d;
	(void)t;
	(void)err;
	pthread_mutex_lock(&h->lock);
	h->begun++;
	pthread_cond_broadcast(&h->changed);
	while (!h->released)
		pthread_cond_wait(&h->changed, &h->lock);
	h->ended++;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
	return 0;
}

/* A minute of this clock passes many times while the tasks run and others are claimed. */
static void test_a_fast_clock_leaves_leases(void **state)
{
	struct held h = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, false};
	static const char *const subjects[] = {"a", "b", "c"};

	(void)state;
	close_core(fx);
	clock_init_real(&fx->clock, 1000000);
	open_core(fx);
	task_register(fx->d, &(struct task_kind){.name = "work", .run = hold, .arg = &h});
	assert_int_equal(durable_start(fx->d, 8, NULL), 0);
	for (int i = 0; i < (int)ARRAY_SIZE(subjects); i++) {
		enqueue(subjects[i], 0);
		pthread_mutex_lock(&h.lock);
		while (h.begun <= i)
			pthread_cond_wait(&h.changed, &h.lock);
		pthread_mutex_unlock(&h.lock);
	}
	pthread_mutex_lock(&h.lock);
	h.released = true;
	pthread_cond_broadcast(&h.changed);
	while (h.ended < (int)ARRAY_SIZE(subjects))
		pthread_cond_wait(&h.changed, &h.lock);
	pthread_mutex_unlock(&h.lock);
	durable_stop(fx->d);
	assert_int_equal(h.begun, ARRAY_SIZE(subjects));
}

/* ---- interruptions ---- */

struct sleeper {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int begun;
	int attempts[2];
};

/* Waits for nothing else but its interruption. */
static int wait_for_interruption(
	struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct sleeper *s = arg;
	const struct interrupt *interrupt = task_interrupt_of(d, t);
	struct pollfd p = {.fd = interrupt_fd(interrupt), .events = POLLIN};

	pthread_mutex_lock(&s->lock);
	/* a stop may come between a claim and its run, which is then one more */
	if (s->begun < (int)ARRAY_SIZE(s->attempts))
		s->attempts[s->begun] = t->attempt;
	s->begun++;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	poll(&p, 1, -1);
	return interrupt_check(interrupt, "the wait", err);
}

static int interrupt_step(struct db_tx *tx, void *arg, struct err *err)
{
	(void)err;
	task_interrupt(fx->d, tx, "work", arg);
	return 0;
}

static void begin_sleeping(struct sleeper *s)
{
	task_register(fx->d,
		&(struct task_kind){
			.name = "work", .run = wait_for_interruption, .arg = s, .max_attempts = 1});
	assert_int_equal(durable_start(fx->d, 2, NULL), 0);
}

static void until_begun(struct sleeper *s, int n)
{
	pthread_mutex_lock(&s->lock);
	while (s->begun < n)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

/* What is interrupted is due again at once, is never given up for it, and knows that it is not the
 * first; the core stops without waiting for the rest of it, and the next one takes it up. */
static void test_interruptions(void **state)
{
	struct sleeper s = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, {0}};

	(void)state;
	close_core(fx);
	clock_init_real(&fx->clock, 1.0);
	open_core(fx);
	begin_sleeping(&s);
	enqueue("a", 0);
	until_begun(&s, 1);
	assert_int_equal(durable_step(fx->d, interrupt_step, (void *)"other", NULL), 0);
	assert_int_equal(durable_step(fx->d, interrupt_step, (void *)"a", NULL), 0);
	until_begun(&s, 2);
	durable_stop(fx->d);
	assert_int_equal(s.attempts[0], 1);
	assert_int_equal(s.attempts[1], 2);
	close_core(fx);
	open_core(fx);
	s.begun = 0;
	begin_sleeping(&s);
	until_begun(&s, 1);
	assert_int_equal(s.attempts[0], 2);
	/* One that is cancelled hears it, too, and does not come back. */
	assert_int_equal(durable_step(fx->d, cancel_step, (void *)"a", NULL), 0);
	durable_stop(fx->d);
	assert_int_equal(s.begun, 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_task_runs_once_when_due),
		CASE(test_enqueue_twice_is_once),
		CASE(test_earlier_wins_while_it_waits),
		CASE(test_wake_up_ends_the_pause),
		CASE(test_retries_with_growing_pause),
		CASE(test_failure_is_stored_when_it_can),
		CASE(test_end_is_stored_when_it_can),
		CASE(test_gives_up),
		CASE(test_cancel_and_reschedule),
		CASE(test_wake_up_while_running_is_not_lost),
		CASE(test_timer_outlives_a_failure),
		CASE(test_after),
		CASE(test_consumer_sees_each_entry_once),
		CASE(test_failing_consumer_keeps_its_place),
		CASE(test_crash_in_a_task),
		CASE(test_threads),
		CASE(test_a_fast_clock_leaves_leases),
		CASE(test_interruptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
