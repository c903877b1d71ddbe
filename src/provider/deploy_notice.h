/* SPDX-License-Identifier: Apache-2.0 */
/* Triggers of deployment groups: topics that are told of deployments. */
#ifndef TOWPATH_PROVIDER_DEPLOY_NOTICE_H
#define TOWPATH_PROVIDER_DEPLOY_NOTICE_H

#include "signal/signal.h"

struct deploy_notice {
	struct durable *durable;
	struct signal_engine *signal;
	const char *account, *region;
};
/* Before durable_start(); n must outlive the durable core. */
void deploy_notice_watch(struct deploy_notice *n);

#endif
