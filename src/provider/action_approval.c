/* SPDX-License-Identifier: Apache-2.0 */
/* Approval / Manual: waits for PutApprovalResult, which the pipeline engine serves. The approval is
 * told by the journal entry codepipeline.approval. */
#include "base/mem.h"
#include "provider/action_world.h"

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

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	const char *arn = action_run_setting(run, "NotificationArn");

	(void)arg;
	(void)err;
	if (arn)
		return action_fail(run, ret, "ConfigurationError",
			"The approval could not be announced: the SNS topic %s does not exist "
			"(topics "
			"are not available here; remove NotificationArn, or react to the journal's "
			"codepipeline.approval entries)",
			arn);
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
