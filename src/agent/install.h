/* SPDX-License-Identifier: Apache-2.0 */
/* The Install event: what the last revision left goes, this one's files come, with their owners,
 * modes and contexts. */
#ifndef TOWPATH_AGENT_INSTALL_H
#define TOWPATH_AGENT_INSTALL_H

#include "agent/layout.h"
#include "deploy/appspec.h"

/* Everything is checked before the first file is changed, but after the last revision's files
 * were removed. behavior: DISALLOW, OVERWRITE or RETAIN, unless the AppSpec file says one. */
int agent_install(const struct agent_layout *l, const struct appspec *spec, const char *behavior,
	struct err *err);

#endif
