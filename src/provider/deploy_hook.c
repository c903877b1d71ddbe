/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of deployments to container services that are run here (deploy/ports.h): builds of a
 * project, and scripts of the revision, which are builds of the project HOOK_PROJECT: isolated,
 * with a log, a role and a time limit as every build. */
#include "base/mem.h"
#include "provider/build_explain.h"
#include "provider/build_own.h"
#include "provider/deploy_fleet.h"

#define HOOK_PROJECT "CodeDeploy-hooks"
#define HOOK_MINUTES 60

/* What the builds of hooks may do: fetch the revision that is handed over to them. */
static const char role_policy[] = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":"
				  "\"Allow\",\"Action\":[\"s3:GetObject\","
				  "\"s3:GetObjectVersion\"],\"Resource\":\"*\"}]}";

/* The script's name is data: it never becomes a part of the command. */
static const char script_buildspec[] = "version: 0.2\n"
				       "phases:\n"
				       "  build:\n"
				       "    commands:\n"
				       "      - 'test -f \"./$HOOK_SCRIPT\" || { echo \"There is "
				       "no $HOOK_SCRIPT in the revision.\"; "
				       "exit 1; }'\n"
				       "      - chmod +x \"./$HOOK_SCRIPT\"\n"
				       "      - '\"./$HOOK_SCRIPT\"'\n";

static struct call call_of(struct deploy_fleet *w, struct arena *a)
{
	return (struct call){
		.arena = a,
		.account = w->account,
		.region = w->region,
		.partition = "aws",
		.principal_arn = arena_printf(a, "arn:aws:iam::%s:role/CodeDeploy", w->account),
		.principal_id = "codedeploy",
		.request_id = "codedeploy",
		.source_ip = "127.0.0.1",
		.user_agent = "codedeploy.amazonaws.com",
	};
}

static int ensure_project(struct deploy_fleet *w, struct call *call, struct err *err)
{
	const struct build_own own = {
		.name = HOOK_PROJECT,
		.description = "Runs the scripts that AppSpec files name as hooks (script:PATH)",
		.image = "aws/codebuild/standard:7.0",
		.buildspec = script_buildspec,
		.role = call->principal_arn,
		.minutes = HOOK_MINUTES,
	};

	if (w->identity && identity_ensure_role(w->identity, "CodeDeploy",
				   "codebuild.amazonaws.com", role_policy, err) < 0)
		return -1;
	return build_own_ensure(w->build, call, &own, err);
}

static void set_variables(const struct deploy_hook_wish *wish, struct arena *a,
	struct codebuild_environment_variables *ret)
{
	const struct {
		const char *name, *value;
	} rows[] = {
		{"DEPLOYMENT_ID", wish->deployment_id},
		{"LIFECYCLE_EVENT_HOOK_EXECUTION_ID", wish->id},
		{"LIFECYCLE_EVENT", wish->event},
		{"APPLICATION_NAME", wish->application},
		{"DEPLOYMENT_GROUP_NAME", wish->group},
		{"HOOK_SCRIPT", wish->kind == DEPLOY_HOOK_SCRIPT ? wish->what : NULL},
	};

	wire_list_alloc(a, ret, ARRAY_SIZE(rows));
	ret->n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].value)
			ret->v[ret->n++] = (struct codebuild_environment_variable){
				.name = rows[i].name, .value = rows[i].value, .type = "PLAINTEXT"};
}

static int hook_start(void *arg, const struct deploy_hook_wish *wish, struct arena *a,
	const char **ret_run, struct err *err)
{
	struct deploy_fleet *w = arg;
	struct call call = call_of(w, a);
	struct codebuild_start_build_request req = {
		.project_name = wish->what, .idempotency_token = wish->id};
	struct codebuild_start_build_response resp = {0};

	if (wish->kind == DEPLOY_HOOK_SCRIPT) {
		if (ensure_project(w, &call, err) < 0)
			return -1;
		req.project_name = HOOK_PROJECT;
		req.source_type_override = "S3";
		req.source_location_override = arena_printf(a, "%s/%s", wish->bucket, wish->key);
		req.source_version = wish->version;
		req.buildspec_override = script_buildspec;
	}
	set_variables(wish, a, &req.environment_variables_override);
	if (build_start_build(w->build, &call, &req, &resp, err) < 0)
		return -1;
	*ret_run = resp.build->id;
	return 0;
}

static int hook_look(void *arg, const char *run, struct arena *a, enum deploy_hook_state *ret,
	const char **ret_why, struct err *err)
{
	struct deploy_fleet *w = arg;
	struct call call = call_of(w, a);
	struct codebuild_batch_get_builds_request req = {0};
	struct codebuild_batch_get_builds_response resp = {0};
	const struct codebuild_build *b;

	wire_list_alloc(a, &req.ids, 1);
	req.ids.v[0] = run;
	if (build_batch_get_builds(w->build, &call, &req, &resp, err) < 0)
		return -1;
	if (!resp.builds.n)
		return err_set(err, ERR_NOT_FOUND, "The build %s does not exist any more.", run);
	b = &resp.builds.v[0];
	*ret = DEPLOY_HOOK_RUNS;
	*ret_why = NULL;
	if (!wire_or(b->build_complete, false))
		return 0;
	*ret = streq(b->build_status, CODEBUILD_STATUS_TYPE_SUCCEEDED) ? DEPLOY_HOOK_SUCCEEDED
								       : DEPLOY_HOOK_FAILED;
	if (*ret == DEPLOY_HOOK_FAILED)
		*ret_why = arena_printf(a, "%s (build %s)", build_explain(b, a), run);
	return 0;
}

static int hook_stop(void *arg, const char *run, struct err *err)
{
	struct deploy_fleet *w = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct call call = call_of(w, &a);
	struct codebuild_stop_build_request req = {.id = run};
	struct codebuild_stop_build_response resp = {0};
	struct err why CLEANUP_ERR = ERR_INIT;

	if (build_stop_build(w->build, &call, &req, &resp, &why) == 0 || why.wire)
		return 0; /* it has ended, or is gone */
	return err_move(err, &why);
}

void deploy_hook_ports(struct deploy_ports *ret)
{
	ret->hook_start = hook_start;
	ret->hook_look = hook_look;
	ret->hook_stop = hook_stop;
}
