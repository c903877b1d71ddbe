/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the scripts of one lifecycle event. */
#ifndef TOWPATH_AGENT_HOOK_H
#define TOWPATH_AGENT_HOOK_H

#include "agent/result.h"
#include "base/vec.h"
#include "deploy/appspec.h"

struct hook_run {
	const struct appspec_hook *hook;
	const char *archive;  /* folder with the unpacked revision */
	const char *log_path; /* scripts.log; appended to, whole */
	char *const *envp;
	/* Called now and then while scripts run, and after each: ships the log. May be NULL. */
	void (*logged)(void *arg);
	void *arg;
};

/* 0, or -1 with what failed in *ret; then the remaining scripts are not run. */
int hook_run(const struct hook_run *h, struct agent_result *ret);

#endif
