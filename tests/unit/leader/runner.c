/* SPDX-License-Identifier: Apache-2.0 */
/* The build engine's port: what it is told, and when. */
#include <pthread.h>

#include "job_fixture.h"
#include "leader/runner.h"

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int calls, refusals;
	char job_dir[128];
} seen = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, ""};

static int on_change(void *engine, const char *job_dir)
{
	bool refused;

	(void)engine;
	pthread_mutex_lock(&seen.lock);
	refused = seen.refusals > 0;
	if (refused)
		seen.refusals--;
	else
		seen.calls++;
	snprintf(seen.job_dir, sizeof(seen.job_dir), "%s", job_dir);
	pthread_cond_signal(&seen.changed);
	pthread_mutex_unlock(&seen.lock);
	return refused ? -1 : 0;
}

static struct build_run status(struct job_fixture *f, struct build_runner *p)
{
	struct build_run run;

	assert_int_equal(p->status(p->arg, f->dir, &f->arena, &run, NULL), 0);
	return run;
}

/* Waits for changes until the run is over, of which one tells in any case. */
static struct build_run await_over(struct job_fixture *f, struct build_runner *p)
{
	struct build_run run;

	do {
		pthread_mutex_lock(&seen.lock);
		while (seen.calls == 0)
			pthread_cond_wait(&seen.changed, &seen.lock);
		seen.calls = 0;
		assert_string_equal(seen.job_dir, f->dir);
		pthread_mutex_unlock(&seen.lock);
		run = status(f, p);
	} while (!run.finished && !run.lost);
	return run;
}

static struct leader_runner *start_runner(struct job_fixture *f, struct build_runner *p)
{
	struct leader_runner *r = NULL;

	seen.calls = 0;
	assert_int_equal(leader_runner_new(zygote, f->base, &r, NULL), 0);
	*p = leader_runner_port(r);
	p->watch(p->arg, on_change, NULL);
	return r;
}

static void tells_of_a_run(void **state)
{
	struct job_fixture *f = *state;
	struct build_runner p;
	struct leader_runner *r = start_runner(f, &p);
	struct err err CLEANUP_ERR = ERR_INIT;

	add_phase(f, "BUILD", "echo hello", NULL);
	assert_false(status(f, &p).started);
	assert_int_equal(p.start(p.arg, f->dir, &f->job, NULL), 0);
	assert_string_equal(await_over(f, &p).build_status, "SUCCEEDED");
	assert_int_equal(p.start(p.arg, f->dir, &f->job, &err), -1);
	assert_true(err_is(&err, ERR_CONFLICT));
	assert_int_equal(p.stop(p.arg, f->dir, NULL), 0);
	p.unwatch(p.arg);
	leader_runner_free(r);
}

/* The server restarts while the build runs. */
static void attaches_again(void **state)
{
	struct job_fixture *f = *state;
	struct build_runner p;
	struct leader_runner *r = start_runner(f, &p);

	add_phase(f, "BUILD", "sleep 0.5; echo done", NULL);
	assert_int_equal(p.start(p.arg, f->dir, &f->job, NULL), 0);
	leader_runner_free(r);
	r = start_runner(f, &p);
	assert_int_equal(p.attach(p.arg, f->dir, NULL), 0);
	assert_string_equal(await_over(f, &p).build_status, "SUCCEEDED");
	leader_runner_free(r);
	r = start_runner(f, &p);
	assert_int_equal(p.attach(p.arg, f->dir, NULL), 0);
	await_over(f, &p);
	leader_runner_free(r);
}

/* What the engine could not store it is told again, though nothing new happens. */
static void tells_again(void **state)
{
	struct job_fixture *f = *state;
	struct build_runner p;
	struct leader_runner *r;

	seen.refusals = 2;
	r = start_runner(f, &p);
	assert_int_equal(p.attach(p.arg, f->dir, NULL), 0);
	pthread_mutex_lock(&seen.lock);
	while (seen.calls == 0)
		pthread_cond_wait(&seen.changed, &seen.lock);
	pthread_mutex_unlock(&seen.lock);
	assert_int_equal(seen.refusals, 0);
	p.unwatch(p.arg);
	leader_runner_free(r);
}

static void tells_of_a_death(void **state)
{
	struct job_fixture *f = *state;
	struct build_runner p;
	struct leader_runner *r = start_runner(f, &p);
	struct pollfd end = {.events = POLLIN};
	char upper[128];
	pid_t pid;

	add_phase(f, "BUILD", "sleep 300", NULL);
	assert_int_equal(p.start(p.arg, f->dir, &f->job, NULL), 0);
	pid = leader_alive(f->dir);
	assert_true(pid > 0);
	end.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	while (!status(f, &p).started)
		usleep(1000);
	kill(pid, SIGKILL);
	assert_true(await_over(f, &p).lost);
	/* Its lock is free before its end is told; what is told, the runner still looks after. */
	assert_int_equal(poll(&end, 1, -1), 1);
	close(end.fd);
	leader_runner_free(r);
	/* Its written layer is gone. */
	snprintf(upper, sizeof(upper), "%s/root", f->dir);
	assert_false(file_exists(upper));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, job_setup, job_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tells_of_a_run),
		TEST(attaches_again),
		TEST(tells_of_a_death),
		TEST(tells_again),
	};
	int r;

	if (geteuid() != 0) {
		puts("1..0 # SKIP builds need roots, which user 0 makes");
		return 0;
	}
	if (leader_zygote_start(&zygote, NULL) < 0)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	zygote_free(zygote);
	return r;
}
