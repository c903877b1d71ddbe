/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of sts, served by the identity engine. */
#include "api/svc_sts.h"

CALL_ADAPTER(identity_get_caller_identity)

static const call_handler handlers[STS_OP_COUNT] = {
	[STS_OP_GET_CALLER_IDENTITY] = identity_get_caller_identity_call,
};

/* GetCallerIdentity needs no permission and cannot be denied. */
static int access(
	void *engine, struct call *call, const void *req, struct call_access *ret, struct err *err)
{
	(void)engine, (void)call, (void)req, (void)err;
	ret->unrestricted = true;
	return 0;
}

struct call_service svc_sts(struct identity_engine *e)
{
	return (struct call_service){
		.wire = &sts_service,
		.engine = e,
		.handlers = handlers,
		.access = access,
	};
}
