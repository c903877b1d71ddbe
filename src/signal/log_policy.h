/* SPDX-License-Identifier: Apache-2.0 */
/* Policies of the account about its log groups. */
#ifndef TOWPATH_SIGNAL_LOG_POLICY_H
#define TOWPATH_SIGNAL_LOG_POLICY_H

#include "signal/internal.h"

/* 0 unless a policy denies the service to write into the log stream; ERR_DENIED. Outside of
 * transactions. */
int log_policy_may(struct signal_engine *e, const struct signal_agent *by, const char *stream_arn,
	struct arena *a, struct err *err);

#endif
