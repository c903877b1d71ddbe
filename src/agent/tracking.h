/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent is at, on disk: one record a deployment under ongoing-deployment/.
 *
 * T1 A command's record is there, synced, before the server hears that the command was taken.
 * T2 It says Started before the first script runs, and how it ended before the server hears it.
 * T3 After a restart: what was only polled is taken up again, what was started and did not end is
 *    reported as failed, what ended is reported as it ended. No script runs twice. */
#ifndef TOWPATH_AGENT_TRACKING_H
#define TOWPATH_AGENT_TRACKING_H

#include "agent/config.h"
#include "towpath.gen.h"

#define TRACKING_POLLED "Polled"
#define TRACKING_STARTED "Started"

/* record->status: the above, or the command's final status. */
int tracking_write(
	const struct agent_config *c, const struct towpath_agent_command *record, struct err *err);
int tracking_remove(
	const struct agent_config *c, const struct towpath_agent_command *record, struct err *err);

struct tracking_list {
	struct towpath_agent_command *v;
	size_t n;
};
/* Everything not older than a day; older records are removed. */
int tracking_load(
	const struct agent_config *c, struct arena *a, struct tracking_list *ret, struct err *err);

#endif
