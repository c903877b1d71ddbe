/* SPDX-License-Identifier: Apache-2.0 */
/* A deployment engine over a simulated world, for the tests of deploy/. */
#ifndef TESTS_UNIT_DEPLOY_FIXTURE_H
#define TESTS_UNIT_DEPLOY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/id.h"
#include "base/mem.h"
#include "deploy/deploy.h"
#include "sim/deploy_world.h"
#include "store/migrations.h"

#define START (INT64_C(1700000000) * USEC_PER_SEC)
#define MINUTE (60 * USEC_PER_SEC)
#define ROLE "arn:aws:iam::123456789012:role/deploy"

struct fixture {
	char dir[64];
	struct db *db;
	struct clock clock;
	struct durable *d;
	struct sim_deploy_world *world;
	struct deploy_engine *e;
	struct arena arena;
	struct call call;
	struct err err;
	/* called after each round; an invariant that fails ends the test */
	void (*check)(struct fixture *f);
	void *arg;
};

#define OK(f, x)                                                        \
	do {                                                            \
		if ((x) < 0)                                            \
			fail_msg("%s: %s", #x, err_message(&(f)->err)); \
	} while (0)

/* The call must fail with this exception. */
#define FAILS(f, wire_name, x)                                                       \
	do {                                                                         \
		assert_int_equal(x, -1);                                             \
		assert_string_equal((f)->err.wire ? (f)->err.wire : "?", wire_name); \
		err_release(&(f)->err);                                              \
		(f)->err = ERR_INIT;                                                 \
	} while (0)

static inline void fixture_open(struct fixture *f)
{
	char *url CLEANUP(freep) = xasprintf("sqlite:%s/towpath.db", f->dir);
	struct deploy_config c = {.account = "123456789012",
		.region = "us-east-1",
		.data_dir = f->dir,
		.ports = sim_deploy_world_ports(f->world)};

	OK(f, db_open(url, &f->db, &f->err));
	OK(f, store_migrate(f->db, &f->err));
	OK(f, durable_new(f->db, &f->clock, &f->d, &f->err));
	c.durable = f->d;
	sim_deploy_set_journal(f->world, f->d);
	OK(f, deploy_engine_new(&c, &f->e, &f->err));
}

static inline void fixture_close(struct fixture *f)
{
	f->e = deploy_engine_free(f->e);
	f->d = durable_free(f->d);
	f->db = db_close(f->db);
}

static inline void fixture_init(struct fixture *f, struct sim_deploy_config *c)
{
	/* in memory where that can be had: hours of simulated time are many commits */
	strcpy(f->dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/towpath-deploy-XXXXXX"
						     : "/tmp/towpath-deploy-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	clock_init_simulated(&f->clock, START);
	c->clock = &f->clock;
	f->world = sim_deploy_world_new(c);
	f->call = (struct call){.arena = &f->arena,
		.account = "123456789012",
		.region = "us-east-1",
		.partition = "aws",
		.principal_arn = "arn:aws:iam::123456789012:root"};
	fixture_open(f);
}

static inline void fixture_release(struct fixture *f)
{
	fixture_close(f);
	f->world = sim_deploy_world_free(f->world);
	arena_release(&f->arena);
	err_release(&f->err);
	clock_release(&f->clock);
	file_remove_tree(f->dir, NULL);
}

/* Simulated time passes, second by second, agents and world work. */
static inline void fixture_pass(struct fixture *f, int64_t usec)
{
	int64_t until = clock_now(&f->clock) + usec;

	while (clock_now(&f->clock) < until) {
		int64_t next = MIN(clock_now(&f->clock) + USEC_PER_SEC, until);

		OK(f, durable_run(f->d, true, next, &f->err));
		if (clock_now(&f->clock) < next)
			clock_set(&f->clock, next);
		OK(f, sim_deploy_tick(f->world, f->e, &f->err));
		OK(f, durable_run(f->d, false, next, &f->err));
		if (f->check)
			f->check(f);
	}
}

static inline const struct codedeploy_deployment_info *fixture_deployment(
	struct fixture *f, const char *id)
{
	struct codedeploy_get_deployment_request req = {.deployment_id = id};
	struct codedeploy_get_deployment_response resp = {0};

	OK(f, deploy_get_deployment(f->e, &f->call, &req, &resp, &f->err));
	return resp.deployment_info;
}

/* Passes time until the deployment has ended, or the limit. */
static inline const struct codedeploy_deployment_info *fixture_finish(
	struct fixture *f, const char *id, int64_t limit)
{
	int64_t until = clock_now(&f->clock) + limit;
	const struct codedeploy_deployment_info *d = fixture_deployment(f, id);

	while (!d->complete_time.set && clock_now(&f->clock) < until) {
		fixture_pass(f, 5 * USEC_PER_SEC);
		d = fixture_deployment(f, id);
	}
	return d;
}

static inline void fixture_application(struct fixture *f)
{
	struct codedeploy_create_application_request req = {.application_name = "app"};
	struct codedeploy_create_application_response resp = {0};

	OK(f, deploy_create_application(f->e, &f->call, &req, &resp, &f->err));
}

static inline int fixture_try_deploy(struct fixture *f, const char *key,
	struct codedeploy_create_deployment_request *req, const char **ret_id)
{
	struct codedeploy_s3_location *s3 = arena_new(&f->arena, struct codedeploy_s3_location);
	struct codedeploy_revision_location *revision =
		arena_new(&f->arena, struct codedeploy_revision_location);
	struct codedeploy_create_deployment_response resp = {0};
	int rc;

	*s3 = (struct codedeploy_s3_location){.bucket = "b", .key = key, .bundle_type = "zip"};
	*revision = (struct codedeploy_revision_location){.revision_type = "S3", .s3_location = s3};
	req->application_name = "app";
	req->deployment_group_name = "group";
	req->revision = revision;
	rc = deploy_create_deployment(f->e, &f->call, req, &resp, &f->err);
	*ret_id = resp.deployment_id;
	return rc;
}

static inline const char *fixture_deploy(struct fixture *f, const char *key)
{
	struct codedeploy_create_deployment_request req = {0};
	const char *id;

	OK(f, fixture_try_deploy(f, key, &req, &id));
	return id;
}

struct fixture_launch {
	struct fixture *f;
	const char *group_id, *host;
};

static inline int fixture_launch_step(struct db_tx *tx, void *arg, struct err *err)
{
	const struct fixture_launch *l = arg;
	char *detail CLEANUP(freep) = xasprintf(
		"{\"autoScalingGroupName\":\"fleet\",\"instanceId\":\"%s\",\"lifecycleHookName\":"
		"\"CodeDeploy-managed-automatic-launch-deployment-hook-group-%s\"}",
		l->host, l->group_id);

	return journal_append(l->f->d, tx,
		&(struct journal_entry){
			.kind = "autoscaling.lifecycle", .subject = "arn:fleet", .detail = detail},
		err);
}

static inline const struct codedeploy_deployment_group_info *fixture_group(struct fixture *f)
{
	struct codedeploy_get_deployment_group_request req = {
		.application_name = "app", .deployment_group_name = "group"};
	struct codedeploy_get_deployment_group_response resp = {0};

	OK(f, deploy_get_deployment_group(f->e, &f->call, &req, &resp, &f->err));
	return resp.deployment_group_info;
}

/* The fleet launches an instance, which waits for the deployment group's hook. -1: not stored. */
static inline int fixture_try_launch(struct fixture *f, const char *host)
{
	struct fixture_launch l = {
		.f = f, .group_id = fixture_group(f)->deployment_group_id, .host = host};

	return durable_step(f->d, fixture_launch_step, &l, &f->err);
}

static inline struct sim_host *fixture_launch(struct fixture *f, const char *host)
{
	struct sim_host *h = sim_deploy_add_host(f->world, host, "fleet", false);

	h->state = DEPLOY_HOST_WAITING;
	OK(f, fixture_try_launch(f, host));
	return h;
}

static inline const struct codedeploy_instance_target *fixture_target(
	struct fixture *f, const char *deployment, const char *target)
{
	struct codedeploy_get_deployment_target_request req = {
		.deployment_id = deployment, .target_id = target};
	struct codedeploy_get_deployment_target_response resp = {0};

	OK(f, deploy_get_deployment_target(f->e, &f->call, &req, &resp, &f->err));
	return resp.deployment_target->instance_target;
}

#endif
