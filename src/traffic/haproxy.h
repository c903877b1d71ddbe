/* SPDX-License-Identifier: Apache-2.0 */
/* The data plane on HAProxy 2.6 or later: one master-worker process a data folder, which outlives
 * this program. */
#ifndef TOWPATH_TRAFFIC_HAPROXY_H
#define TOWPATH_TRAFFIC_HAPROXY_H

#include "traffic/traffic.h"

/* dir is made when missing and belongs to the data plane alone. Nothing is started yet. */
int haproxy_new(const char *dir, struct traffic **ret, struct err *err);

#endif
