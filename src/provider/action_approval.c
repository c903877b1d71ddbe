/* SPDX-License-Identifier: Apache-2.0 */
/* Approval / Manual: waits for PutApprovalResult, which the pipeline engine serves. The approval is
 * told by the journal entry codepipeline.approval and, where one is named, by a topic. */
#include "base/mem.h"
#include "base/timefmt.h"
#include "codec/json.h"
#include "provider/action_world.h"
#include "signal/signal.h"

#define WAIT_USEC (INT64_C(7) * 86400 * USEC_PER_SEC)

static const struct action_key keys[] = {
	{"NotificationArn", false, false, "SNS topic to be told of the approval"},
	{"CustomData", false, false, "Text for the reviewers"},
	{"ExternalEntityLink", false, false, "What is to be reviewed"},
};

#define DECLARATION "InvalidActionDeclarationException"

static int validate(void *arg, const struct codepipeline_action_declaration *action,
	struct arena *a, struct err *err)
{
	const char *arn = action_setting(action, "NotificationArn");

	(void)arg;
	(void)a;
	if (!arn || action_value_is_variable(arn))
		return 0;
	if (!starts_with(arn, "arn:"))
		return err_set_wire(err, DECLARATION,
			"Action configuration for action '%s': NotificationArn '%s' is not an ARN",
			action->name, arn);
	if (!starts_with(arn, "arn:aws:sns:"))
		return err_set_wire(err, DECLARATION,
			"Action configuration for action '%s': NotificationArn '%s' is not the ARN "
			"of an SNS topic",
			action->name, arn);
	return 0;
}

/* 2016-07-07T20:22Z */
static const char *minute_text(struct arena *a, int64_t usec)
{
	return arena_printf(a, "%.16sZ", timefmt_iso(usec).text);
}

static const char *message(const struct action_run *run)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "region", run->region);
	json_key(&w, "approval");
	json_open(&w, '{');
	json_put_member(&w, "pipelineName", run->pipeline);
	json_put_member(&w, "stageName", run->stage);
	json_put_member(&w, "actionName", run->action);
	json_put_member(&w, "token", run->id);
	json_put_member(&w, "expires", minute_text(run->arena, run->now_usec + WAIT_USEC));
	json_put_member(&w, "externalEntityLink", action_run_setting(run, "ExternalEntityLink"));
	json_put_member(&w, "customData", action_run_setting(run, "CustomData"));
	json_close(&w, '}');
	json_close(&w, '}');
	return arena_strdup(run->arena, str_text(&text));
}

/* The action's role publishes. */
static int may_publish(const struct action_world *w, const struct action_run *run, const char *arn,
	struct err *err)
{
	const struct identity_actor who = action_actor(run);
	const char *policy;

	if (!w->identity)
		return 0;
	if (signal_topic_policy(w->signal, arn, run->arena, &policy, err) < 0)
		return -1;
	return identity_role_may(w->identity, &who, "sns:Publish", arn, policy, err);
}

/* A message may come twice when the server is killed right after it was sent. */
static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	const struct action_world *w = arg;
	const char *arn = action_run_setting(run, "NotificationArn");
	const char *subject = arena_printf(run->arena,
		"APPROVAL NEEDED: AWS CodePipeline %s for action %s", run->pipeline, run->action);

	if (arn && (may_publish(w, run, arn, err) < 0 ||
			   signal_publish(w->signal, NULL, arn,
				   arena_printf(run->arena, "%.100s", subject), message(run),
				   err) < 0))
		return action_sibling_failed(
			run, ret, "ConfigurationError", "The approval could not be announced", err);
	ret->external_id = run->id;
	return 0;
}

const struct action_provider action_manual = {
	.category = "Approval",
	.provider = "Manual",
	ACTION_KEYS(keys),
	.timeout_usec = WAIT_USEC,
	.validate = validate,
	.start = start,
};
