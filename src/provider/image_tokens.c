/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/image_tokens.h"

static int make(void *arg, struct call *call, const char *scope, int64_t duration_usec,
	const char **ret, int64_t *ret_expires_usec, struct err *err)
{
	if (!call->principal)
		return err_set(err, ERR_DENIED, "%s has no password of the registry",
			call->principal_arn ? call->principal_arn : "the caller");
	return identity_password_new(arg, call->principal, scope, duration_usec, call->arena, ret,
		ret_expires_usec, err);
}

struct artifact_tokens image_tokens(struct identity_engine *e)
{
	return (struct artifact_tokens){.arg = e, .make = make};
}
