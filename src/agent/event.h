/* SPDX-License-Identifier: Apache-2.0 */
/* What a lifecycle event does on this host. */
#ifndef TOWPATH_AGENT_EVENT_H
#define TOWPATH_AGENT_EVENT_H

#include "agent/client.h"
#include "agent/layout.h"
#include "agent/result.h"
#include "towpath.gen.h"

struct agent_event {
	struct agent_client *client;
	const struct towpath_deploy_specification *spec;
	const char *name;
	struct agent_layout layout; /* of this deployment */
	void (*logged)(void *arg);  /* see hook.h */
	void *arg;
};

void agent_event_init(struct agent_event *e, struct agent_client *c,
	const struct towpath_deploy_specification *spec, const char *name, struct arena *a);
/* True when there is nothing to do: no script for the event, or no earlier deployment. */
bool agent_event_is_noop(struct agent_event *e);
/* Runs it; *ret says how it ended. */
void agent_event_run(struct agent_event *e, struct agent_result *ret);

#endif
