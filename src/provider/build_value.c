/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a build's environment that Parameter Store and Secrets Manager keep. */
#include "provider/build_world.h"

static int may_read(struct build_world *w, const struct build_value_request *req,
	const char *action, const struct secret_reference *r, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct identity_actor who = build_world_actor(&req->role, &a);

	return w->identity ? identity_role_may(w->identity, &who, action, r->arn, r->policy, err)
			   : 0;
}

int build_value_parameter(void *world, const struct build_value_request *req, struct arena *a,
	const char **ret, struct err *err)
{
	struct build_world *w = world;
	struct secret_reference r;

	secret_parameter_reference(w->secret, req->reference, a, &r);
	if (may_read(w, req, "ssm:GetParameters", &r, err) < 0)
		return -1;
	return secret_parameter_text(w->secret, &r, a, ret, err);
}

int build_value_secret(void *world, const struct build_value_request *req, struct arena *a,
	const char **ret, struct err *err)
{
	struct build_world *w = world;
	struct secret_reference r;

	if (secret_reference_parse(w->secret, req->reference, a, &r, err) < 0)
		return -1;
	if (may_read(w, req, "secretsmanager:GetSecretValue", &r, err) < 0)
		return -1;
	if (secret_text(w->secret, &r, a, ret, err) < 0)
		return err_wrap(err, "Secrets Manager Error Message");
	return 0;
}
