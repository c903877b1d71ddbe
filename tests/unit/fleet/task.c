/* SPDX-License-Identifier: Apache-2.0 */
/* A task that waits for room: it asks no more until somebody gives room up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "fleet/containers.h"
#include "store/migrations.h"

#define CLUSTER "arn:aws:ecs:eu-central-1:123456789012:cluster/c"
#define DEFINITION "arn:aws:ecs:eu-central-1:123456789012:task-definition/d:1"

static struct {
	char dir[64];
	struct db *db;
	struct clock clock;
	struct durable *durable;
	struct fleet_engine *e;
	struct arena a;
	int pods;
} t;

/* ---- a host that makes pods and has no images ---- */

static int pod_make(const struct compute_driver *d UNUSED, const struct compute_pod *pod UNUSED,
	struct err *err UNUSED)
{
	t.pods++;
	return 0;
}

static int pod_drop(const struct compute_driver *d UNUSED, const struct compute_pod *pod UNUSED,
	struct err *err UNUSED)
{
	return 0;
}

static int attach(const struct compute_driver *d UNUSED, const char *id, const char *dir UNUSED,
	struct compute_root **ret UNUSED, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "there is no root %s", id);
}

static void detach(struct compute_root *r UNUSED)
{
}

static int no_image(void *arg UNUSED, const char *reference, struct arena *a UNUSED,
	struct fleet_image *ret UNUSED, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "no image %s", reference);
}

static const struct compute_driver host = {
	.name = "host",
	.attach = attach,
	.detach = detach,
	.pod_make = pod_make,
	.pod_drop = pod_drop,
};

static int setup(void **state)
{
	char *url CLEANUP(freep) = NULL;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct fleet_config c = {.account = "123456789012",
		.region = "eu-central-1",
		.data_dir = t.dir,
		.program = "/bin/true",
		.compute = &host,
		.subnet = "10.99.1",
		.max_tasks = 1,
		.image_resolve = no_image};

	(void)state;
	snprintf(t.dir, sizeof(t.dir), "/tmp/towpath-fleet-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	url = xasprintf("sqlite:%s/test.db", t.dir);
	clock_init_simulated(&t.clock, INT64_C(1000000000000));
	if (db_open(url, &t.db, &err) < 0 || store_migrate(t.db, &err) < 0 ||
		durable_new(t.db, &t.clock, &t.durable, &err) < 0)
		fail_msg("%s", err_message(&err));
	c.durable = t.durable;
	if (fleet_engine_new(&c, &t.e, &err) < 0)
		fail_msg("%s", err_message(&err));
	t.e->running = true; /* without its threads */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	t.e->running = false;
	fleet_engine_free(t.e);
	durable_free(t.durable);
	db_close(t.db);
	clock_release(&t.clock);
	arena_release(&t.a);
	return file_remove_tree(t.dir, NULL);
}

/* ---- tasks ---- */

static void step(db_fn fn, void *arg)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (durable_step(t.durable, fn, arg, &err) < 0)
		fail_msg("%s", err_message(&err));
}

static void settle(void)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (durable_run(t.durable, false, 0, &err) < 0)
		fail_msg("%s", err_message(&err));
}

static int make_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct ecs_container_definition app = {.name = "app", .image = "none"};
	struct ecs_task_definition d = {.task_definition_arn = DEFINITION,
		.family = "d",
		.revision = WIRE_SET_INT(1),
		.status = "ACTIVE",
		.network_mode = "none",
		.container_definitions = {.v = &app, .n = 1, .set = true}};
	struct fleet_task_plan plan = {
		.cluster_arn = CLUSTER, .group = "family:d", .definition = &d};
	struct ecs_task made;

	if (store_document_put(tx, &STORE_TASK_DEFINITION, "d:0000000001", "d", &d, err) < 0 ||
		fleet_task_make(t.e, tx, &plan, &t.a, &made, err) < 0)
		return -1;
	*(const char **)arg = made.task_arn;
	return 0;
}

static int load_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_task *task = arg;

	return fleet_task_load(tx, task->t.task_arn, &t.a, task, err) > 0 ? 0 : -1;
}

static struct fleet_task load(const char *arn)
{
	struct fleet_task task = {.t.task_arn = arn};

	step(load_step, &task);
	return task;
}

/* Takes the only place, as a task that runs. */
static int occupy_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_task task = *(struct fleet_task *)arg;

	task.s.address = "10.99.1.10";
	if (task_cancel(t.durable, tx, FLEET_TASK_RUN, task.t.task_arn, NULL, err) < 0)
		return -1;
	return fleet_task_set_status(t.e, tx, &task, TASK_PENDING, err);
}

static int give_up_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_task task = *(struct fleet_task *)arg;

	task.s.address = NULL;
	if (fleet_task_set_status(t.e, tx, &task, TASK_STOPPING, err) < 0 ||
		fleet_task_set_status(t.e, tx, &task, TASK_DEPROVISIONING, err) < 0)
		return -1;
	return fleet_task_set_status(t.e, tx, &task, TASK_STOPPED, err);
}

static int waits_step(struct db_tx *tx, void *arg, struct err *err)
{
	/* 1 when there is a task to put off */
	return task_reschedule(t.durable, tx, FLEET_TASK_RUN, arg, "", 0, err) == 0 ? 0 : -1;
}

static void test_waits_for_room(void **state)
{
	const char *first = NULL, *second = NULL;
	struct fleet_task task;

	(void)state;
	step(make_step, &first);
	task = load(first);
	step(occupy_step, &task);
	step(make_step, &second);
	settle();
	task = load(second);
	assert_string_equal(task.t.last_status, "PROVISIONING");
	assert_null(task.s.address);
	assert_int_equal(t.pods, 0);
	step(waits_step, (void *)second); /* for nothing but an event */

	task = load(first);
	step(give_up_step, &task);
	settle();
	task = load(second);
	assert_int_equal(t.pods, 1);
	assert_string_equal(task.t.last_status, "STOPPED");
	assert_string_equal(task.t.stop_code, "TaskFailedToStart");
	assert_non_null(strstr(task.t.stopped_reason, "CannotPullContainerError"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits_for_room),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
