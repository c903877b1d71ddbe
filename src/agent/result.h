/* SPDX-License-Identifier: Apache-2.0 */
/* How a command ended, in the terms of the agent's diagnostics. */
#ifndef TOWPATH_AGENT_RESULT_H
#define TOWPATH_AGENT_RESULT_H

#include "base/err.h"
#include "base/str.h"

enum agent_code {
	AGENT_SUCCESS,
	AGENT_SCRIPT_MISSING,
	AGENT_SCRIPT_NOT_EXECUTABLE,
	AGENT_SCRIPT_TIMED_OUT,
	AGENT_SCRIPT_FAILED,
	AGENT_UNKNOWN_ERROR,
	AGENT_OUTPUTS_LEFT_OPEN,
	AGENT_FAILED_AFTER_RESTART,
};

struct agent_result {
	enum agent_code code;
	char *script;	/* location, or NULL */
	char *message;	/* owned */
	struct str log; /* tail, below 2048 bytes */
};

#define AGENT_LOG_TAIL 2048

/* Sets code, script and message; returns -1. */
int agent_fail(struct agent_result *r, enum agent_code code, const char *script, const char *fmt,
	...) PRINTF_LIKE(4, 5);
/* The same for a failure that has a struct err: AGENT_UNKNOWN_ERROR with its message. */
int agent_fail_err(struct agent_result *r, const struct err *why);
void agent_result_release(struct agent_result *r);
/* The diagnostics document, {"error_code":..,"script_name":..,"message":..,"log":..}. */
void agent_result_json(const struct agent_result *r, struct str *out);

#endif
