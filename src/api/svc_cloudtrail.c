/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of cloudtrail, served by the audit engine. */
#include "api/svc_cloudtrail.h"

CALL_ADAPTER(audit_lookup_events)

static const call_handler handlers[CLOUDTRAIL_OP_COUNT] = {
	[CLOUDTRAIL_OP_LOOKUP_EVENTS] = audit_lookup_events_call,
};

struct call_service svc_cloudtrail(struct audit_engine *e)
{
	return (struct call_service){
		.wire = &cloudtrail_service,
		.engine = e,
		.handlers = handlers,
	};
}
