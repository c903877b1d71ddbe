/* SPDX-License-Identifier: Apache-2.0 */
/* The events of deployments and pipelines. */
#include "signal/event_detail.h"

#include <string.h>

#include "base/timefmt.h"
#include "towpath.gen.h"

struct event_envelope *event_list_add(const struct event_origin *o, struct event_list *list,
	const char *source, const char *detail_type, const char *detail,
	const char *const *resources, size_t n)
{
	struct event_envelope *v = arena_array(o->a, list->n + 1, sizeof(*v));
	const char **copy = arena_new_n(o->a, n + 1, const char *);

	if (list->n)
		memcpy(v, list->v, list->n * sizeof(*v));
	for (size_t i = 0; i < n; i++)
		copy[i] = resources[i];
	/* The id is the entry's: a step that is done again tells the same event. */
	v[list->n] = (struct event_envelope){
		.kind = o->entry->kind,
		.id = arena_printf(o->a, "00000000-0000-4000-8%03zx-%012llx", list->n,
			(unsigned long long)o->entry->seq),
		.source = source,
		.detail_type = detail_type,
		.detail = arena_strdup(o->a, detail),
		.usec = o->entry->time_usec,
		.resources = copy,
		.n_resources = n,
	};
	list->v = v;
	return &v[list->n++];
}

/* ---- deployments ---- */

/* The state in events, or NULL: nobody is told. */
static const char *state_of(const char *status)
{
	static const struct {
		const char *status, *state;
	} rows[] = {{"Created", "START"}, {"InProgress", "START"}, {"Succeeded", "SUCCESS"},
		{"Failed", "FAILURE"}, {"Stopped", "STOP"}, {"Ready", "READY"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (streq(rows[i].status, status))
			return rows[i].state;
	return NULL;
}

static void put_deployment(struct json_writer *w, const struct event_origin *o,
	const struct towpath_event_deployment_target *d)
{
	json_put_member(w, "region", o->e->cfg.region);
	json_put_member(w, "deploymentId", d->deployment_id);
	json_put_member(w, "application", d->application_name);
	json_put_member(w, "deploymentGroup", d->deployment_group_name);
	json_put_member(w, "instanceGroupId", d->deployment_group_id);
	json_put_member(w, "state", state_of(d->status));
}

static int make_deployment(const struct event_origin *o, struct event_list *ret, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};
	struct towpath_event_deployment_target d; /* has all that a deployment's entry has */
	const char *resources[2];

	if (wire_decode_json(&towpath_event_deployment_target_shape, view_of(o->entry->detail),
		    o->a, &d, err) < 0)
		return -1;
	/* A deployment starts when it is made. */
	if (!state_of(d.status) || streq(d.status, "InProgress"))
		return 0;
	json_open(&w, '{');
	put_deployment(&w, o, &d);
	json_close(&w, '}');
	resources[0] = signal_arn(o->e, o->a, "codedeploy", "application:%s", d.application_name);
	resources[1] = signal_arn(o->e, o->a, "codedeploy", "deploymentgroup:%s/%s",
		d.application_name, d.deployment_group_name);
	event_list_add(o, ret, "aws.codedeploy", "CodeDeploy Deployment State-change Notification",
		str_text(&text), resources, ARRAY_SIZE(resources));
	return 0;
}

static int make_target(const struct event_origin *o, struct event_list *ret, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};
	struct towpath_event_deployment_target d;
	const char *resources[3];

	if (wire_decode_json(&towpath_event_deployment_target_shape, view_of(o->entry->detail),
		    o->a, &d, err) < 0)
		return -1;
	if (!state_of(d.status))
		return 0;
	json_open(&w, '{');
	json_put_member(&w, "instanceId", d.instance_id);
	put_deployment(&w, o, &d);
	json_close(&w, '}');
	resources[0] = d.instance_arn;
	resources[1] = signal_arn(o->e, o->a, "codedeploy", "deploymentgroup:%s/%s",
		d.application_name, d.deployment_group_name);
	resources[2] = signal_arn(o->e, o->a, "codedeploy", "application:%s", d.application_name);
	event_list_add(o, ret, "aws.codedeploy", "CodeDeploy Instance State-change Notification",
		str_text(&text), resources, ARRAY_SIZE(resources));
	return 0;
}

/* ---- pipelines ---- */

static void put_int(struct json_writer *w, const char *key, int64_t v)
{
	json_key(w, key);
	json_put_int(w, v);
}

/* What all events of an execution have. */
static void put_execution(struct json_writer *w, const char *pipeline, const char *execution,
	struct wire_time start, struct wire_int attempt)
{
	json_put_member(w, "pipeline", pipeline);
	json_put_member(w, "execution-id", execution);
	if (start.set)
		json_put_member(w, "start-time", timefmt_iso_msec(start.usec).text);
	if (attempt.set)
		put_int(w, "pipeline-execution-attempt", attempt.v);
}

static const char *failed_text(const struct event_origin *o,
	const struct towpath_pipeline_texts *failed, const char *stage)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	put_int(&w, "failedActionCount", (int64_t)failed->n);
	json_key(&w, "failedActions");
	json_open(&w, '[');
	wire_foreach (x, failed) {
		json_open(&w, '{');
		json_put_member(&w, "action", x->name);
		json_put_member(&w, "additionalInformation", x->value);
		json_close(&w, '}');
	}
	json_close(&w, ']');
	json_put_member(&w, "failedStage", stage);
	json_close(&w, '}');
	return arena_strdup(o->a, str_text(&text));
}

static struct event_envelope *add_of_pipeline(const struct event_origin *o, struct event_list *list,
	const char *detail_type, const struct str *detail)
{
	return event_list_add(
		o, list, "aws.codepipeline", detail_type, detail->p, &o->entry->subject, 1);
}

static int make_pipeline(const struct event_origin *o, struct event_list *ret, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};
	struct towpath_event_pipeline d;
	struct event_envelope *v;

	if (wire_decode_json(
		    &towpath_event_pipeline_shape, view_of(o->entry->detail), o->a, &d, err) < 0)
		return -1;
	json_open(&w, '{');
	put_execution(&w, d.pipeline, d.execution_id, d.start_time, d.attempt);
	if (d.trigger_type) {
		json_key(&w, "execution-trigger");
		json_open(&w, '{');
		json_put_member(&w, "trigger-type", d.trigger_type);
		json_put_member(&w, "trigger-detail", d.trigger_detail);
		json_close(&w, '}');
	}
	json_put_member(&w, "state", d.state);
	json_put_member(&w, "stop-execution-comments", d.stop_reason);
	put_int(&w, "version", d.version.v);
	json_close(&w, '}');
	v = add_of_pipeline(o, ret, "CodePipeline Pipeline Execution State Change", &text);
	if (d.failed_stage)
		v->additional = failed_text(o, &d.failed_actions, d.failed_stage);
	return 0;
}

static int make_stage(const struct event_origin *o, struct event_list *ret, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};
	struct towpath_event_stage d;
	struct event_envelope *v;

	if (wire_decode_json(&towpath_event_stage_shape, view_of(o->entry->detail), o->a, &d, err) <
		0)
		return -1;
	json_open(&w, '{');
	put_execution(&w, d.pipeline, d.execution_id, d.start_time, d.attempt);
	json_put_member(&w, "stage", d.stage);
	json_put_member(&w, "state", d.state);
	put_int(&w, "version", d.version.v);
	json_close(&w, '}');
	v = add_of_pipeline(o, ret, "CodePipeline Stage Execution State Change", &text);
	if (streq(d.state, "FAILED"))
		v->additional = failed_text(o, &d.failed_actions, d.stage);
	return 0;
}

static void put_artifacts(
	struct json_writer *w, const char *key, const struct towpath_pipeline_artifacts *list)
{
	if (!list->n)
		return;
	json_key(w, key);
	json_open(w, '[');
	wire_foreach (x, list) {
		json_open(w, '{');
		json_put_member(w, "name", x->name);
		json_key(w, "s3location");
		json_open(w, '{');
		json_put_member(w, "bucket", x->bucket);
		json_put_member(w, "key", x->key);
		json_close(w, '}');
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void put_result(struct json_writer *w, const struct towpath_event_action *d)
{
	if (!d->external_url && !d->external_summary && !d->external_id && !d->error_code)
		return;
	json_key(w, "execution-result");
	json_open(w, '{');
	json_put_member(w, "external-execution-url", d->external_url);
	json_put_member(w, "external-execution-summary", d->external_summary);
	json_put_member(w, "external-execution-id", d->external_id);
	json_put_member(w, "error-code", d->error_code);
	json_close(w, '}');
}

static void put_action(struct json_writer *w, const struct towpath_event_action *d)
{
	json_put_member(w, "stage", d->stage);
	json_put_member(w, "action", d->action);
	json_put_member(w, "action-execution-id", d->action_execution_id);
	json_put_member(w, "state", d->state);
	json_put_member(w, "region", d->region);
	json_key(w, "type");
	json_open(w, '{');
	json_put_member(w, "owner", d->owner);
	json_put_member(w, "provider", d->provider);
	json_put_member(w, "category", d->category);
	json_put_member(w, "version", "1");
	json_close(w, '}');
	put_artifacts(w, "input-artifacts", &d->input_artifacts);
	put_artifacts(w, "output-artifacts", &d->output_artifacts);
	put_result(w, d);
	put_int(w, "version", d->version.v);
}

/* What a rule of detail FULL is told beside the event. */
static const char *additional_of_action(
	const struct event_origin *o, const struct towpath_event_action *d)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	if (streq(d->state, "FAILED"))
		json_put_member(&w, "additionalInformation", d->message);
	json_put_member(&w, "externalEntityLink", d->external_entity_link);
	json_put_member(&w, "customData", d->custom_data);
	json_close(&w, '}');
	return arena_strdup(o->a, str_text(&text));
}

static int make_action(const struct event_origin *o, struct event_list *ret, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};
	struct towpath_event_action d;

	if (wire_decode_json(
		    &towpath_event_action_shape, view_of(o->entry->detail), o->a, &d, err) < 0)
		return -1;
	json_open(&w, '{');
	put_execution(&w, d.pipeline, d.execution_id, d.start_time, d.attempt);
	put_action(&w, &d);
	json_close(&w, '}');
	add_of_pipeline(o, ret, "CodePipeline Action Execution State Change", &text)->additional =
		additional_of_action(o, &d);
	return 0;
}

event_maker event_maker_of(const char *kind)
{
	static const struct {
		const char *kind;
		event_maker make;
	} rows[] = {{"codebuild.build", event_make_build},
		{"codedeploy.deployment", make_deployment}, {"codedeploy.target", make_target},
		{"codepipeline.pipeline", make_pipeline}, {"codepipeline.stage", make_stage},
		{"codepipeline.action", make_action}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (streq(rows[i].kind, kind))
			return rows[i].make;
	return NULL;
}
