/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of job workers: sessions of the action's role that may read the action's input
 * artifacts and write its output artifacts and nothing else, and that end with the job. */
#include "base/mem.h"
#include "codec/json.h"
#include "provider/action_world.h"
#include "provider/role_credentials.h"

#define PART "job/"
#define NOTHING "{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"}"

static int may(void *arg, const struct action_run *run, struct err *err)
{
	return action_check_rights(arg, run, NULL, err);
}

static void allow(struct json_writer *w, const struct action_run *run,
	const struct action_artifact *v, size_t n, const char *const *actions, size_t n_actions)
{
	if (!n)
		return;
	json_open(w, '{');
	json_put_member(w, "Effect", "Allow");
	json_key(w, "Action");
	json_open(w, '[');
	for (size_t i = 0; i < n_actions; i++)
		json_put_text(w, actions[i]);
	json_close(w, ']');
	json_key(w, "Resource");
	json_open(w, '[');
	for (size_t i = 0; i < n; i++)
		json_put_text(w, arena_printf(run->arena, "arn:%s:s3:::%s/%s", run->partition,
					 v[i].bucket, v[i].key));
	json_close(w, ']');
	json_close(w, '}');
}

static const char *policy_of(const struct action_run *run)
{
	static const char *const reading[] = {"s3:GetObject", "s3:GetObjectVersion"};
	static const char *const writing[] = {
		"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"};
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "Version", "2012-10-17");
	json_key(&w, "Statement");
	json_open(&w, '[');
	allow(&w, run, run->inputs, run->n_inputs, reading, ARRAY_SIZE(reading));
	allow(&w, run, run->outputs, run->n_outputs, writing, ARRAY_SIZE(writing));
	if (!run->n_inputs && !run->n_outputs)
		json_put_raw(&w, view_of(NOTHING));
	json_close(&w, ']');
	json_close(&w, '}');
	return arena_strdup(run->arena, str_text(&text));
}

static int credentials(void *arg, const struct action_run *run, const char *job,
	struct codepipeline_aws_session_credentials *ret, struct err *err)
{
	const struct action_world *w = arg;
	struct identity_actor who = action_actor(run);
	struct identity_session s;

	who.session_name = arena_printf(run->arena, "job-%s", job);
	who.policy = policy_of(run);
	if (identity_role_session(w->identity, &who, arena_printf(run->arena, PART "%s", job),
		    ROLE_CREDENTIALS_USEC, run->arena, &s, err) < 0)
		return -1;
	ret->access_key_id = s.access_key_id;
	ret->secret_access_key = s.secret;
	ret->session_token = s.token;
	return 0;
}

struct pipeline_workers job_credentials_port(struct action_world *w)
{
	return (struct pipeline_workers){.arg = w, .may = may, .credentials = credentials};
}

static int is_open(void *arg, const char *part, struct err *err)
{
	const struct action_world *w = arg;

	return pipeline_job_is_open(w->pipeline, part + strlen(PART), err);
}

void job_credentials_revoke_with_jobs(struct action_world *w)
{
	identity_set_alive(w->identity, PART, is_open, NULL, w);
}
