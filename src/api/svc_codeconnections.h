/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_CODECONNECTIONS_H
#define TOWPATH_API_SVC_CODECONNECTIONS_H

#include "connection/connection.h"
#include "wire/call.h"

struct call_service svc_codeconnections(struct connection_engine *e);
/* The same under the name it had before. */
struct call_service svc_codestar_connections(struct connection_engine *e);
/* Operations of our own: the token of a connection. */
struct call_service svc_towpath_connections(struct connection_engine *e);

#endif
