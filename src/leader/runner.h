/* SPDX-License-Identifier: Apache-2.0 */
/* The build engine's runner port over real leaders: starts them through the zygote, watches them
 * by their notes and by their ends. */
#ifndef TOWPATH_LEADER_RUNNER_H
#define TOWPATH_LEADER_RUNNER_H

#include "build/ports.h"
#include "leader/leader.h"

struct leader_runner;

/* run_dir: existing folder for the socket of notes. The zygote is borrowed. */
int leader_runner_new(
	struct zygote *z, const char *run_dir, struct leader_runner **ret, struct err *err);
/* Leaders go on. NULL is fine. */
void leader_runner_free(struct leader_runner *r);
DEFINE_FREEP(struct leader_runner, leader_runner_free)
/* The port; valid as long as the runner. */
struct build_runner leader_runner_port(struct leader_runner *r);

#endif
