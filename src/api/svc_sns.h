/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_SNS_H
#define TOWPATH_API_SVC_SNS_H

#include "wire/call.h"

/* Topics are not built: who asks for one is told so, rather than that nobody knows sns. */
struct call_service svc_sns(void);

#endif
