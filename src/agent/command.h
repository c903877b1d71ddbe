/* SPDX-License-Identifier: Apache-2.0 */
/* One host command, from its specification to its completion. */
#ifndef TOWPATH_AGENT_COMMAND_H
#define TOWPATH_AGENT_COMMAND_H

#include "agent/client.h"
#include "towpath.gen.h"

/* Runs the command of a fresh record, or goes on with that of an old one (after a restart).
 * Returns when the server knows how it ended, or when *stop is set and it cannot be told. */
void agent_command_run(struct agent_client *c, struct towpath_agent_command *record);

/* Calls until the server answers; waits in between. -1 when it refused (ERR_SERVICE) or when the
 * agent is stopping. */
int agent_call_patiently(struct agent_client *c, const char *name, const void *req, struct arena *a,
	void *ret, struct err *err);

#endif
