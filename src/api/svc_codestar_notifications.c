/* SPDX-License-Identifier: Apache-2.0 */
/* codestar-notifications: known, none of its operations is built. */
#include "api/svc_codestar_notifications.h"

static const call_handler handlers[CODESTAR_NOTIFICATIONS_OP_COUNT];

struct call_service svc_codestar_notifications(void)
{
	return (struct call_service){
		.wire = &codestar_notifications_service,
		.handlers = handlers,
	};
}
