/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a container's environment that Parameter Store and Secrets Manager keep: read for the
 * task's execution role, if its policies allow it. */
#include <string.h>

#include "provider/fleet_world.h"

#define SECRET_PREFIX ":secretsmanager:"

static int allowed(const struct fleet_world *w, const struct fleet_secret_request *req,
	const char *action, const struct secret_reference *r, struct err *err)
{
	const struct identity_actor who = {
		.service = FLEET_TASK_SERVICE,
		.role_arn = req->role_arn,
		.session_name = strrchr(req->task_arn, '/') + 1,
		.source_arn = req->task_arn,
	};

	return identity_role_may(w->identity, &who, action, r->arn, r->policy, err);
}

int fleet_world_secret(void *arg, const struct fleet_secret_request *req, struct arena *a,
	const char **ret, struct err *err)
{
	const struct fleet_world *w = arg;
	struct secret_reference r = {0};

	if (strstr(req->value_from, SECRET_PREFIX)) {
		if (secret_reference_parse(w->secret, req->value_from, a, &r, err) < 0 ||
			allowed(w, req, "secretsmanager:GetSecretValue", &r, err) < 0)
			return -1;
		return secret_text(w->secret, &r, a, ret, err);
	}
	secret_parameter_reference(w->secret, req->value_from, a, &r);
	if (allowed(w, req, "ssm:GetParameters", &r, err) < 0)
		return -1;
	return secret_parameter_text(w->secret, &r, a, ret, err);
}
