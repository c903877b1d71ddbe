/* SPDX-License-Identifier: Apache-2.0 */
/* The host agent: polls for commands and runs them, each on a thread of its own. */
#ifndef TOWPATH_AGENT_AGENT_H
#define TOWPATH_AGENT_AGENT_H

#include "agent/config.h"

/* Runs until SIGTERM or SIGINT; commands under way are finished first (a second signal does not
 * wait). -1 when it cannot start. */
int agent_run(struct agent_config *c, struct err *err);

#endif
