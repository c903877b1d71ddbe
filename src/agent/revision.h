/* SPDX-License-Identifier: Apache-2.0 */
/* The DownloadBundle event: fetches a revision and unpacks it. */
#ifndef TOWPATH_AGENT_REVISION_H
#define TOWPATH_AGENT_REVISION_H

#include "agent/client.h"
#include "agent/layout.h"
#include "towpath.gen.h"

int agent_download(struct agent_client *c, const struct agent_layout *l,
	const struct towpath_deploy_specification *spec, struct err *err);

#endif
