/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated action providers. */
#include "sim/pipeline_world.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#define MAX_RANDOM_SECONDS 600

static const struct action_key codecommit_keys[] = {
	{"RepositoryName", true, false, NULL},
	{"BranchName", true, false, NULL},
	{"PollForSourceChanges", false, false, NULL},
	{"OutputArtifactFormat", false, false, NULL},
};
static const struct action_key s3_source_keys[] = {
	{"S3Bucket", true, false, NULL},
	{"S3ObjectKey", true, false, NULL},
	{"PollForSourceChanges", false, false, NULL},
	{"AllowOverrideForS3ObjectKey", false, false, NULL},
};
static const struct action_key codebuild_keys[] = {
	{"ProjectName", true, false, NULL},
	{"PrimarySource", false, false, NULL},
	{"EnvironmentVariables", false, false, NULL},
};
static const struct action_key approval_keys[] = {
	{"NotificationArn", false, false, NULL},
	{"CustomData", false, false, NULL},
	{"ExternalEntityLink", false, false, NULL},
};
static const struct action_key codedeploy_keys[] = {
	{"ApplicationName", true, false, NULL},
	{"DeploymentGroupName", true, false, NULL},
};
static const struct action_key s3_deploy_keys[] = {
	{"BucketName", true, false, NULL},
	{"Extract", true, false, NULL},
	{"ObjectKey", false, false, NULL},
};

#define KEYS(table) .keys = (table), .n_keys = ARRAY_SIZE(table)

/* What tells the simulated types apart; the functions are the same for all. */
static const struct action_provider types[] = {
	{.category = "Source",
		.provider = "CodeCommit",
		.min_outputs = 1,
		.max_outputs = 1,
		KEYS(codecommit_keys)},
	{.category = "Source",
		.provider = "S3",
		.min_outputs = 1,
		.max_outputs = 1,
		KEYS(s3_source_keys)},
	{.category = "Build",
		.provider = "CodeBuild",
		.min_inputs = 1,
		.max_inputs = 5,
		.max_outputs = 5,
		KEYS(codebuild_keys)},
	{.category = "Test",
		.provider = "CodeBuild",
		.min_inputs = 1,
		.max_inputs = 5,
		.max_outputs = 5,
		KEYS(codebuild_keys)},
	{.category = "Approval",
		.provider = "Manual",
		KEYS(approval_keys),
		.timeout_usec = INT64_C(7) * 86400 * USEC_PER_SEC},
	{.category = "Deploy",
		.provider = "CodeDeploy",
		.min_inputs = 1,
		.max_inputs = 1,
		KEYS(codedeploy_keys)},
	{.category = "Deploy",
		.provider = "S3",
		.min_inputs = 1,
		.max_inputs = 1,
		KEYS(s3_deploy_keys)},
};

struct sim_pipeline_world {
	struct sim_pipeline_config config;
	int log_fd;
	struct action_provider providers[ARRAY_SIZE(types)];
	const struct action_provider *table[ARRAY_SIZE(types)];
	VEC(const struct sim_action_script *) scripts;
};

static uint64_t mix(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

/* The same for the same action in every run with this seed. */
static uint64_t fate(const struct sim_pipeline_world *w, const struct action_run *run)
{
	uint64_t h = mix(UINT64_C(0xcbf29ce484222325) ^ w->config.seed, run->stage);

	h = mix(h, run->action) ^ ((uint64_t)run->execution_number << 20) ^ (uint64_t)run->attempt;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return h ^ (h >> 29);
}

static struct sim_action_script script_of(
	const struct sim_pipeline_world *w, const struct action_run *run)
{
	struct sim_action_script s = {.usec = USEC_PER_SEC};

	if (w->config.seed) {
		uint64_t h = fate(w, run);

		s.usec = (int64_t)(h % MAX_RANDOM_SECONDS) * USEC_PER_SEC;
		if ((int)((h >> 32) % 100) < w->config.fail_percent)
			s.failure = "It was not to be";
	}
	vec_foreach (it, &w->scripts) {
		const struct sim_action_script *x = *it;

		if ((!x->action || streq(x->action, run->action)) &&
			(!x->number || x->number == run->execution_number) &&
			(!x->attempt || x->attempt == run->attempt))
			s = *x;
	}
	return s;
}

static void note(const struct sim_pipeline_world *w, const char *what, const struct action_run *run)
{
	struct str line CLEANUP_STR = STR_INIT;

	if (w->log_fd < 0)
		return;
	str_addf(&line, "%s %s %" PRId64 " %s %s %d\n", what, run->id, run->execution_number,
		run->stage, run->action, run->attempt);
	fd_write_all(w->log_fd, line.p, line.len, NULL);
}

static void finish(const struct sim_pipeline_world *w, const struct action_run *run,
	const struct sim_action_script *s, struct action_result *ret)
{
	note(w, "end", run);
	if (s->failure) {
		action_fail(run, ret, "JobFailed", "%s", s->failure);
		return;
	}
	ret->outcome = ACTION_SUCCEEDED;
	ret->summary = "Done";
	wire_list_alloc(run->arena, &ret->variables, 1);
	ret->variables.v[0].key = "Result";
	ret->variables.v[0].value =
		arena_printf(run->arena, "%s-%" PRId64, run->action, run->execution_number);
	if (streq(run->declaration->action_type_id->category, "Source")) {
		ret->revision_id = run->n_overrides ? run->overrides[0].revision_value
						    : arena_printf(run->arena, "revision-%" PRId64,
							      run->execution_number);
		ret->revision_summary = "A simulated change";
	}
}

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	const struct sim_pipeline_world *w = arg;
	struct sim_action_script s = script_of(w, run);

	(void)err;
	note(w, "start", run);
	if (streq(run->declaration->action_type_id->category, "Approval")) {
		ret->external_id = run->id;
		return 0;
	}
	ret->external_id = arena_printf(run->arena, "sim-%s", run->id);
	if (s.usec == 0)
		finish(w, run, &s, ret);
	else
		ret->check_after_usec = s.usec;
	return 0;
}

static int check(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	const struct sim_pipeline_world *w = arg;
	struct sim_action_script s = script_of(w, run);
	int64_t left = run->started_usec + s.usec - run->now_usec;

	(void)err;
	if (streq(run->declaration->action_type_id->category, "Approval"))
		return 0;
	if (left > 0)
		ret->check_after_usec = left;
	else
		finish(w, run, &s, ret);
	return 0;
}

static const char *watch_key(
	void *arg, const struct codepipeline_action_declaration *action, struct arena *a)
{
	const char *repository = action_setting(action, "RepositoryName");

	(void)arg;
	return repository ? arena_printf(a, "codecommit %s", repository) : NULL;
}

static bool change(
	void *arg, const struct journal_entry *e, struct arena *a, struct action_change *ret)
{
	struct towpath_event_ref ref;

	(void)arg;
	if (wire_decode_json(&towpath_event_ref_shape, view_of(e->detail), a, &ref, NULL) < 0)
		return false;
	ret->watch = arena_printf(a, "codecommit %s", ref.repository_name);
	if (streq(ref.reference_type, "tag"))
		ret->tag = ref.reference_name;
	else
		ret->branch = ref.reference_name;
	ret->revision_type = CODEPIPELINE_SOURCE_REVISION_TYPE_COMMIT_ID;
	ret->revision = ref.commit_id;
	ret->old_revision = ref.old_commit_id;
	return true;
}

static bool concerns(void *arg, const struct codepipeline_action_declaration *action,
	const struct action_change *c)
{
	(void)arg;
	return c->branch && streq(c->branch, action_setting(action, "BranchName"));
}

struct sim_pipeline_world *sim_pipeline_world_new(const struct sim_pipeline_config *c)
{
	static const char *const ref_kinds[] = {"codecommit.ref", NULL};
	struct sim_pipeline_world *w = xcalloc(1, sizeof(*w));

	w->config = *c;
	w->log_fd = c->log_path ? open(c->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)
				: -1;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct action_provider *p = &w->providers[i];

		*p = types[i];
		p->owner = "AWS";
		p->version = "1";
		p->arg = w;
		p->start = start;
		p->check = check;
		if (streq(p->provider, "CodeCommit")) {
			p->journal_kinds = ref_kinds;
			p->watch_key = watch_key;
			p->change = change;
			p->concerns = concerns;
		}
		w->table[i] = p;
	}
	return w;
}

struct sim_pipeline_world *sim_pipeline_world_free(struct sim_pipeline_world *w)
{
	if (!w)
		return NULL;
	fd_closep(&w->log_fd);
	vec_release(&w->scripts);
	free(w);
	return NULL;
}

void sim_pipeline_world_script(struct sim_pipeline_world *w, const struct sim_action_script *s)
{
	vec_push(&w->scripts, s);
}

struct action_registry sim_pipeline_world_registry(struct sim_pipeline_world *w)
{
	return (struct action_registry){w->table, ARRAY_SIZE(types)};
}
