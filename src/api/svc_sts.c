/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of sts, served by the identity engine. */
#include "api/svc_sts.h"

CALL_ADAPTER(identity_assume_role)
CALL_ADAPTER(identity_assume_role_with_web_identity)
CALL_ADAPTER(identity_get_caller_identity)
CALL_ADAPTER(identity_get_session_token)

static const call_handler handlers[STS_OP_COUNT] = {
	[STS_OP_ASSUME_ROLE] = identity_assume_role_call,
	[STS_OP_ASSUME_ROLE_WITH_WEB_IDENTITY] = identity_assume_role_with_web_identity_call,
	[STS_OP_GET_CALLER_IDENTITY] = identity_get_caller_identity_call,
	[STS_OP_GET_SESSION_TOKEN] = identity_get_session_token_call,
};

struct call_service svc_sts(struct identity_engine *e)
{
	return (struct call_service){
		.wire = &sts_service,
		.engine = e,
		.handlers = handlers,
	};
}
