/* SPDX-License-Identifier: Apache-2.0 */
/* Where the agent keeps things below its root folder; the same places as the stock agent's, so
 * that one can take over from the other. Texts are in the arena. */
#ifndef TOWPATH_AGENT_LAYOUT_H
#define TOWPATH_AGENT_LAYOUT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct agent_layout {
	struct arena *a;
	const char *root, *group_id, *deployment_id;
};

const char *layout_deployment_dir(const struct agent_layout *l);
const char *layout_bundle(const struct agent_layout *l);
const char *layout_archive(const struct agent_layout *l);
const char *layout_log(const struct agent_layout *l); /* scripts.log */
const char *layout_instructions_dir(const struct agent_layout *l);
const char *layout_install_json(const struct agent_layout *l);
const char *layout_cleanup(const struct agent_layout *l);
/* Markers that name a deployment's folder. */
const char *layout_last_successful(const struct agent_layout *l);
const char *layout_most_recent(const struct agent_layout *l);
/* The folder that a marker names, or NULL. */
const char *layout_read_marker(const struct agent_layout *l, const char *marker);
int layout_write_marker(const struct agent_layout *l, const char *marker, struct err *err);
/* Removes the oldest folders of the group's deployments but `keep` (this one counts; the one last
 * installed stays in any case). */
int layout_prune(const struct agent_layout *l, int keep, struct err *err);
/* False for an id that could lead out of the root. */
bool layout_id_ok(const char *id);

#endif
