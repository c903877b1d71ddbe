/* SPDX-License-Identifier: Apache-2.0 */
/* Deploy / CodeDeploy: a deployment of the input artifact to a deployment group. */
#include "base/mem.h"
#include "provider/action_deployment.h"

#define TIMEOUT_USEC (INT64_C(5) * 86400 * USEC_PER_SEC)

static const struct action_key keys[] = {
	{"ApplicationName", true, false, "The CodeDeploy application"},
	{"DeploymentGroupName", true, false, "The deployment group"},
};

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct codedeploy_s3_location s3 = {.bucket = run->inputs[0].bucket,
		.key = run->inputs[0].key,
		.bundle_type = CODEDEPLOY_BUNDLE_TYPE_ZIP};
	struct codedeploy_revision_location revision = {
		.revision_type = CODEDEPLOY_REVISION_LOCATION_TYPE_S3, .s3_location = &s3};

	return action_deployment_create(arg, run, &revision, ret, err);
}

const struct action_provider action_codedeploy = {
	.category = "Deploy",
	.provider = "CodeDeploy",
	.min_inputs = 1,
	.max_inputs = 1,
	ACTION_KEYS(keys),
	.timeout_usec = TIMEOUT_USEC,
	.journal_kinds = action_deployment_kinds,
	.start = start,
	.check = action_deployment_check,
	.stop = action_deployment_stop,
	.correlate = action_deployment_correlate,
	.entity_url = action_deployment_url,
};
