/* SPDX-License-Identifier: Apache-2.0 */
/* Builds without commands, isolated and durable: time from StartBuild to SUCCEEDED, and builds a
 * second with so many in the queue, two at a time. usage: builds FOLDER LENGTH... */
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "build/build.h"
#include "leader/runner.h"
#include "store/build_record.h"
#include "store/migrations.h"

#define SLOTS 2
#define WORKERS 8
#define SINGLE_BUILDS 100
#define MEASURED_BUILDS 1000

struct bench {
	struct zygote *zygote;
	struct leader_runner *runner;
	struct build_ports ports;
	struct db *db;
	struct clock clock;
	struct durable *durable;
	struct build_engine *engine;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int64_t entries;
};

static void die(struct err *err, const char *what)
{
	fprintf(stderr, "builds: %s: %s\n", what, err_message(err));
	exit(1);
}

static int fetch(void *arg UNUSED, const struct build_source_request *req, struct arena *a UNUSED,
	struct build_source_result *ret UNUSED, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "no source of type %s", req->source->type);
}

static void on_entry(void *arg)
{
	struct bench *b = arg;

	pthread_mutex_lock(&b->lock);
	b->entries++;
	pthread_cond_signal(&b->changed);
	pthread_mutex_unlock(&b->lock);
}

static void open_all(struct bench *b, const char *dir)
{
	struct err err = ERR_INIT;
	char *url CLEANUP(freep) = xasprintf("sqlite:%s/towpath.db", dir);
	char *run CLEANUP(freep) = xasprintf("%s/run", dir);
	struct build_config c = {
		.account = "123456789012", .region = "us-east-1", .data_dir = dir, .slots = SLOTS};

	mkdir(run, 0700);
	if (leader_zygote_start(&b->zygote, &err) < 0 || db_open(url, &b->db, &err) < 0 ||
		store_migrate(b->db, &err) < 0)
		die(&err, "store");
	clock_init_real(&b->clock, 1.0);
	if (durable_new(b->db, &b->clock, &b->durable, &err) < 0 ||
		leader_runner_new(b->zygote, run, &b->runner, &err) < 0)
		die(&err, "durable");
	b->ports.sources.fetch = fetch;
	b->ports.runner = leader_runner_port(b->runner);
	c.durable = b->durable;
	c.ports = &b->ports;
	if (build_engine_new(&c, &b->engine, &err) < 0)
		die(&err, "engine");
	journal_watch(b->durable, on_entry, b);
	if (durable_start(b->durable, WORKERS, &err) < 0 ||
		build_engine_recover(b->engine, &err) < 0)
		die(&err, "start");
}

static void close_all(struct bench *b)
{
	durable_stop(b->durable);
	build_engine_free(b->engine);
	leader_runner_free(b->runner);
	durable_free(b->durable);
	db_close(b->db);
	zygote_free(b->zygote);
}

#define CALL(arena_)                                                                 \
	{                                                                            \
		.arena = (arena_), .account = "123456789012", .region = "us-east-1", \
		.partition = "aws"                                                   \
	}

static void create_project(struct bench *b)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct call call = CALL(&a);
	struct codebuild_project_source source = {.type = "NO_SOURCE",
		.buildspec = "version: 0.2\nphases:\n  build:\n    commands: []\n"};
	struct codebuild_project_artifacts artifacts = {.type = "NO_ARTIFACTS"};
	struct codebuild_project_environment environment = {.type = "LINUX_CONTAINER",
		.image = "aws/codebuild/standard:7.0",
		.compute_type = "BUILD_GENERAL1_SMALL"};
	struct codebuild_create_project_request req = {.name = "noop",
		.service_role = "arn:aws:iam::123456789012:role/build",
		.source = &source,
		.artifacts = &artifacts,
		.environment = &environment};
	struct codebuild_create_project_response resp = {0};
	struct err err = ERR_INIT;

	if (build_create_project(b->engine, &call, &req, &resp, &err) < 0)
		die(&err, "CreateProject");
}

static char *start(struct bench *b)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct call call = CALL(&a);
	struct codebuild_start_build_request req = {.project_name = "noop"};
	struct codebuild_start_build_response resp = {0};
	struct err err = ERR_INIT;

	if (build_start_build(b->engine, &call, &req, &resp, &err) < 0)
		die(&err, "StartBuild");
	return xstrdup(resp.build->id);
}

/* Waits for journal entries beyond `seen`; returns how many there are. */
static int64_t wait_entries(struct bench *b, int64_t seen)
{
	pthread_mutex_lock(&b->lock);
	while (b->entries == seen)
		pthread_cond_wait(&b->changed, &b->lock);
	seen = b->entries;
	pthread_mutex_unlock(&b->lock);
	return seen;
}

static void wait_one(struct bench *b, const char *id)
{
	int64_t seen = -1;
	bool complete = false;

	while (!complete) {
		struct arena a CLEANUP_ARENA = ARENA_INIT;
		struct call call = CALL(&a);
		struct codebuild_batch_get_builds_request req = {.ids = {&id, 1, true}};
		struct codebuild_batch_get_builds_response resp = {0};
		struct err err = ERR_INIT;

		seen = wait_entries(b, seen);
		if (build_batch_get_builds(b->engine, &call, &req, &resp, &err) < 0)
			die(&err, "BatchGetBuilds");
		complete = wire_or(resp.builds.v[0].build_complete, false);
		if (complete && !streq(resp.builds.v[0].build_status, "SUCCEEDED")) {
			struct str json CLEANUP_STR = STR_INIT;

			wire_encode_json(&codebuild_build_shape, &resp.builds.v[0], &json);
			fprintf(stderr, "builds: %s\n", str_text(&json));
			exit(1);
		}
	}
}

struct head {
	struct arena arena;
	int64_t seq; /* of the first in the queue; 0: it is empty */
};

static int read_head(struct db_tx *tx, void *arg, struct err *err)
{
	struct head *h = arg;
	const char *uuid;

	h->seq = 0;
	arena_release(&h->arena);
	return store_build_record_next_queued(tx, &h->arena, &uuid, &h->seq, err) < 0 ? -1 : 0;
}

static int64_t queue_head(struct bench *b)
{
	struct head h = {0};
	struct err err = ERR_INIT;

	if (db_read(b->db, read_head, &h, &err) < 0)
		die(&err, "queue");
	arena_release(&h.arena);
	return h.seq;
}

/* Fills the queue, then measures how fast the first builds leave it. */
static void measure_queue(struct bench *b, int length)
{
	int measured = MIN(length / 2, MEASURED_BUILDS);
	int64_t began, first, head, seen = -1;

	for (int i = 0; i < length; i++)
		free(start(b));
	first = head = queue_head(b);
	began = monotonic_usec();
	while (head && head - first < measured) {
		seen = wait_entries(b, seen);
		head = queue_head(b);
	}
	printf("queue%d %.1f\n", length,
		(double)(head - first) * USEC_PER_SEC / (double)(monotonic_usec() - began));
	fflush(stdout);
	while (length < MEASURED_BUILDS * 10 && queue_head(b))
		seen = wait_entries(b, seen);
}

static int by_time(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int main(int argc, char **argv)
{
	struct bench b = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	int64_t began, taken[SINGLE_BUILDS];

	if (argc < 2)
		return 2;
	log_setup("warn");
	open_all(&b, argv[1]);
	create_project(&b);
	for (int i = 0; i < SINGLE_BUILDS; i++) {
		char *id CLEANUP(freep) = NULL;

		began = monotonic_usec();
		id = start(&b);
		wait_one(&b, id);
		taken[i] = monotonic_usec() - began;
	}
	qsort(taken, SINGLE_BUILDS, sizeof(*taken), by_time);
	printf("noop_msec %.2f\nnoop_best_msec %.2f\n", (double)taken[SINGLE_BUILDS / 2] / 1000,
		(double)taken[0] / 1000);
	fflush(stdout);
	for (int i = 2; i < argc; i++)
		measure_queue(&b, atoi(argv[i]));
	close_all(&b);
	return 0;
}
