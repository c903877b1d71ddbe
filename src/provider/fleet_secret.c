/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a container's environment that Parameter Store and Secrets Manager keep: read for the
 * task's execution role, if its policies allow it. */
#include <stdio.h>
#include <string.h>

#include "provider/fleet_world.h"

#define SECRET_PREFIX ":secretsmanager:"

/* A session of the role, as far as policies ask. */
static struct identity_principal role_session(
	const char *role_arn, const char *task_id, struct arena *a)
{
	const char *name = strrchr(role_arn, '/'), *mark = strstr(role_arn, ":iam::");
	const char *account = mark ? mark + strlen(":iam::") : "";

	name = name ? name + 1 : role_arn;
	return (struct identity_principal){
		.kind = IDENTITY_SESSION,
		.arn = arena_printf(a, "arn:aws:sts::%.*s:assumed-role/%s/%s",
			(int)strcspn(account, ":"), account, name, task_id),
		.owner = arena_printf(a, "role/%s", name),
	};
}

static int allowed(const struct fleet_world *w, const struct fleet_secret_request *req,
	const char *action, const struct secret_reference *r, struct arena *a, struct err *err)
{
	struct identity_principal who = role_session(req->role_arn, req->task_id, a);
	struct identity_question q = {
		.action = action,
		.resources = &r->arn,
		.n_resources = 1,
		.resource_policy = r->policy,
	};

	return identity_authorize(w->identity, &who, &q, err);
}

int fleet_world_secret(void *arg, const struct fleet_secret_request *req, struct arena *a,
	const char **ret, struct err *err)
{
	const struct fleet_world *w = arg;
	struct secret_reference r = {0};

	if (strstr(req->value_from, SECRET_PREFIX)) {
		if (secret_reference_parse(w->secret, req->value_from, a, &r, err) < 0 ||
			allowed(w, req, "secretsmanager:GetSecretValue", &r, a, err) < 0)
			return -1;
		return secret_text(w->secret, &r, a, ret, err);
	}
	secret_parameter_reference(w->secret, req->value_from, a, &r);
	if (allowed(w, req, "ssm:GetParameters", &r, a, err) < 0)
		return -1;
	return secret_parameter_text(w->secret, &r, a, ret, err);
}
