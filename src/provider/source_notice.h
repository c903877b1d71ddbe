/* SPDX-License-Identifier: Apache-2.0 */
/* Triggers of repositories: topics that are told of pushes. */
#ifndef TOWPATH_PROVIDER_SOURCE_NOTICE_H
#define TOWPATH_PROVIDER_SOURCE_NOTICE_H

#include "signal/signal.h"
#include "source/source.h"

struct source_notice {
	struct durable *durable;
	struct signal_engine *signal;
	struct source_engine *source;
};
/* Before durable_start(); n must outlive the durable core. */
void source_notice_watch(struct source_notice *n);

#endif
