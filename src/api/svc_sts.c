/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of sts, served by the identity engine. */
#include "api/svc_sts.h"

CALL_ADAPTER(identity_get_caller_identity)

static const call_handler handlers[STS_OP_COUNT] = {
	[STS_OP_GET_CALLER_IDENTITY] = identity_get_caller_identity_call,
};

struct call_service svc_sts(struct identity_engine *e)
{
	return (struct call_service){
		.wire = &sts_service,
		.engine = e,
		.handlers = handlers,
	};
}
