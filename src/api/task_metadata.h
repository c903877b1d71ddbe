/* SPDX-License-Identifier: Apache-2.0 */
/* The task metadata address, version 4: what a container asks about itself and its task, where
 * ECS_CONTAINER_METADATA_URI_V4 says. The path is a secret of the container. */
#ifndef TOWPATH_API_TASK_METADATA_H
#define TOWPATH_API_TASK_METADATA_H

#include "net/http_server.h"

struct task_metadata {
	void *arg;
	/* Appends the answer for what follows the prefix: 1, 0 when nothing is there, -1. May be
	 * called from any thread. */
	int (*give)(void *arg, const char *path, struct str *json, struct err *err);
};

#define TASK_METADATA_PREFIX "/_towpath/v4/"

bool task_metadata_matches(const struct http_exchange *x);
void task_metadata_handle(const struct task_metadata *m, struct http_exchange *x);

#endif
