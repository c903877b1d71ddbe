/* SPDX-License-Identifier: Apache-2.0 */
/* A pipeline engine on a simulated clock with simulated providers, for tests. */
#ifndef TOWPATH_TESTS_PIPELINE_HARNESS_H
#define TOWPATH_TESTS_PIPELINE_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/id.h"
#include "base/mem.h"
#include "pipeline/pipeline.h"
#include "sim/pipeline_world.h"
#include "store/migrations.h"

#define HARNESS_START INT64_C(1760000000000000)
#define HOUR (INT64_C(3600) * USEC_PER_SEC)

struct harness {
	char dir[64];
	char *url, *log;
	struct db *db;
	struct clock clock;
	struct durable *d;
	struct sim_pipeline_world *world;
	struct pipeline_engine *e;
	const struct seal_key *seal; /* of secret properties, or NULL */
	struct arena arena;
	struct call call;
	struct err err;
};

#define OK(h, x)                                                                                   \
	do {                                                                                       \
		if ((x) < 0)                                                                       \
			fail_msg("%s:%d: %s: %s", __FILE__, __LINE__, #x, err_message(&(h)->err)); \
	} while (0)
/* The call fails with this exception, and its message contains the text. */
#define FAILS(h, x, wire_name, text)                                                   \
	do {                                                                           \
		assert_int_equal((x), -1);                                             \
		assert_string_equal(err_wire_name(&(h)->err), wire_name);              \
		if (!strstr(err_message(&(h)->err), text))                             \
			fail_msg("'%s' is not in '%s'", text, err_message(&(h)->err)); \
		err_release(&(h)->err);                                                \
	} while (0)

static inline void harness_open(struct harness *h, const struct sim_pipeline_config *sim)
{
	struct sim_pipeline_config c = *sim;
	struct pipeline_config config = {.account = "123456789012", .region = "us-east-1"};

	c.log_path = h->log;
	OK(h, db_open(h->url, &h->db, &h->err));
	OK(h, store_migrate(h->db, &h->err));
	OK(h, durable_new(h->db, &h->clock, &h->d, &h->err));
	h->world = sim_pipeline_world_new(&c);
	config.durable = h->d;
	config.seal = h->seal;
	config.registry = sim_pipeline_world_registry(h->world);
	OK(h, pipeline_engine_new(&config, &h->e, &h->err));
}

static inline void harness_init(struct harness *h, const struct sim_pipeline_config *sim)
{
	*h = (struct harness){0};
	/* In memory where that can be had: nobody pulls the plug in these tests. */
	snprintf(h->dir, sizeof(h->dir), "%s/towpath-pipeline-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(h->dir));
	h->url = xasprintf("sqlite:%s/towpath.db", h->dir);
	h->log = xasprintf("%s/log", h->dir);
	clock_init_simulated(&h->clock, HARNESS_START);
	h->call = (struct call){.arena = &h->arena,
		.account = "123456789012",
		.region = "us-east-1",
		.partition = "aws",
		.principal_arn = "arn:aws:iam::123456789012:user/dev"};
	harness_open(h, sim);
}

static inline void harness_close(struct harness *h)
{
	h->d = durable_free(h->d);
	h->e = pipeline_engine_free(h->e);
	h->world = sim_pipeline_world_free(h->world);
	h->db = db_close(h->db);
}

static inline void harness_release(struct harness *h)
{
	harness_close(h);
	file_remove_tree(h->dir, NULL);
	clock_release(&h->clock);
	arena_release(&h->arena);
	err_release(&h->err);
	free(h->url);
	free(h->log);
}

/* Runs all that is due within the time, moving the clock there. */
static inline void harness_run(struct harness *h, int64_t usec)
{
	int64_t until = clock_now(&h->clock) + usec;

	if (durable_run(h->d, true, until, &h->err) < 0)
		fail_msg("%s", err_message(&h->err));
	clock_set(&h->clock, until);
}

/* Runs what is due now. */
static inline void harness_settle(struct harness *h)
{
	if (durable_run(h->d, false, INT64_MAX, &h->err) < 0)
		fail_msg("%s", err_message(&h->err));
}

static inline struct codepipeline_pipeline_declaration *harness_declaration(
	struct harness *h, const char *json)
{
	struct codepipeline_pipeline_declaration *d =
		arena_new(&h->arena, struct codepipeline_pipeline_declaration);

	OK(h, wire_decode_json(&codepipeline_pipeline_declaration_shape, view_of(json), &h->arena,
		      d, &h->err));
	return d;
}

static inline int harness_try_create(struct harness *h, const char *json)
{
	struct codepipeline_create_pipeline_request req = {
		.pipeline = harness_declaration(h, json)};
	struct codepipeline_create_pipeline_response resp = {0};

	return pipeline_create_pipeline(h->e, &h->call, &req, &resp, &h->err);
}

static inline void harness_create(struct harness *h, const char *json)
{
	OK(h, harness_try_create(h, json));
}

static inline const char *harness_start(struct harness *h, const char *name)
{
	struct codepipeline_start_pipeline_execution_request req = {.name = name};
	struct codepipeline_start_pipeline_execution_response resp = {0};

	OK(h, pipeline_start_pipeline_execution(h->e, &h->call, &req, &resp, &h->err));
	return resp.pipeline_execution_id;
}

static inline struct codepipeline_get_pipeline_state_response harness_state(
	struct harness *h, const char *name)
{
	struct codepipeline_get_pipeline_state_request req = {.name = name};
	struct codepipeline_get_pipeline_state_response resp = {0};

	OK(h, pipeline_get_pipeline_state(h->e, &h->call, &req, &resp, &h->err));
	return resp;
}

static inline const struct codepipeline_stage_state *harness_stage(
	struct harness *h, const char *name, const char *stage)
{
	struct codepipeline_get_pipeline_state_response state = harness_state(h, name);

	wire_foreach (s, &state.stage_states)
		if (streq(s->stage_name, stage))
			return s;
	fail_msg("no stage %s", stage);
	return NULL;
}

static inline const struct codepipeline_action_state *harness_action(
	struct harness *h, const char *name, const char *stage, const char *action)
{
	const struct codepipeline_stage_state *s = harness_stage(h, name, stage);

	wire_foreach (a, &s->action_states)
		if (streq(a->action_name, action))
			return a;
	fail_msg("no action %s", action);
	return NULL;
}

/* All executions, newest first. */
static inline struct codepipeline_pipeline_execution_summary_list harness_executions(
	struct harness *h, const char *name)
{
	struct codepipeline_list_pipeline_executions_request req = {.pipeline_name = name};
	struct codepipeline_list_pipeline_executions_response resp = {0};

	OK(h, pipeline_list_pipeline_executions(h->e, &h->call, &req, &resp, &h->err));
	return resp.pipeline_execution_summaries;
}

static inline const char *harness_status(struct harness *h, const char *name, const char *id)
{
	struct codepipeline_pipeline_execution_summary_list all = harness_executions(h, name);

	wire_foreach (x, &all)
		if (streq(x->pipeline_execution_id, id))
			return x->status;
	return "(none)";
}

static inline int harness_answer(struct harness *h, const char *name, const char *stage,
	const char *action, const char *token, bool approve)
{
	struct codepipeline_approval_result result = {
		.status = approve ? "Approved" : "Rejected", .summary = "looked at it"};
	struct codepipeline_put_approval_result_request req = {.pipeline_name = name,
		.stage_name = stage,
		.action_name = action,
		.token = token,
		.result = &result};
	struct codepipeline_put_approval_result_response resp = {0};

	return pipeline_put_approval_result(h->e, &h->call, &req, &resp, &h->err);
}

#define HARNESS_SOURCE                                                           \
	"{\"name\":\"Source\",\"actions\":[{\"name\":\"Src\",\"actionTypeId\":{" \
	"\"category\":\"Source\",\"owner\":\"AWS\",\"provider\":\"CodeCommit\"," \
	"\"version\":\"1\"},\"configuration\":{\"RepositoryName\":\"shop\","     \
	"\"BranchName\":\"main\"},\"outputArtifacts\":[{\"name\":\"App\"}],"     \
	"\"namespace\":\"SourceVariables\"}]}"
#define HARNESS_BUILD                                                                        \
	"{\"name\":\"Build\",\"actions\":[{\"name\":\"Make\",\"actionTypeId\":{"             \
	"\"category\":\"Build\",\"owner\":\"AWS\",\"provider\":\"CodeBuild\","               \
	"\"version\":\"1\"},\"configuration\":{\"ProjectName\":\"shop\"},"                   \
	"\"inputArtifacts\":[{\"name\":\"App\"}],\"outputArtifacts\":[{\"name\":\"Out\"}]}]" \
	"%s}"
#define HARNESS_APPROVE                                                           \
	"{\"name\":\"Approve\",\"actions\":[{\"name\":\"Ask\",\"actionTypeId\":{" \
	"\"category\":\"Approval\",\"owner\":\"AWS\",\"provider\":\"Manual\","    \
	"\"version\":\"1\"},\"configuration\":{\"CustomData\":"                   \
	"\"#{SourceVariables.Result} by #{codepipeline.PipelineExecutionId}\"}}]}"
#define HARNESS_DEPLOY                                                            \
	"{\"name\":\"Deploy\",\"actions\":[{\"name\":\"Ship\",\"actionTypeId\":{" \
	"\"category\":\"Deploy\",\"owner\":\"AWS\",\"provider\":\"CodeDeploy\","  \
	"\"version\":\"1\"},\"configuration\":{\"ApplicationName\":\"shop\","     \
	"\"DeploymentGroupName\":\"prod\"},\"inputArtifacts\":[{\"name\":\"Out\"}]}]%s}"
#define HARNESS_HEAD                                                        \
	"{\"name\":\"p\",\"roleArn\":\"arn:aws:iam::123456789012:role/p\"," \
	"\"artifactStore\":{\"type\":\"S3\",\"location\":\"artifacts\"},"   \
	"\"pipelineType\":\"V2\",\"executionMode\":\"%s\",\"stages\":["

/* Source, Build, [Approve,] Deploy; build and deploy are further members of those stages. */
static inline const char *harness_json(
	struct harness *h, const char *mode, bool approval, const char *build, const char *deploy)
{
	struct str s CLEANUP_STR = STR_INIT;

	str_addf(&s, HARNESS_HEAD, mode);
	str_add(&s, HARNESS_SOURCE ",");
	str_addf(&s, HARNESS_BUILD ",", build);
	if (approval)
		str_add(&s, HARNESS_APPROVE ",");
	str_addf(&s, HARNESS_DEPLOY "]}", deploy);
	return arena_strdup(&h->arena, str_text(&s));
}

#endif
