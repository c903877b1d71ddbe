/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of sns: known, none of them built. */
#include "api/svc_sns.h"

#include "sns.gen.h"

static const call_handler handlers[SNS_OP_COUNT];

struct call_service svc_sns(void)
{
	return (struct call_service){
		.wire = &sns_service,
		.handlers = handlers,
	};
}
