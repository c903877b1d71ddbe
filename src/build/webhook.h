/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks of projects as other files of build/ need them. Private to build/. */
#ifndef TOWPATH_BUILD_WEBHOOK_H
#define TOWPATH_BUILD_WEBHOOK_H

#include "build/engine.h"
#include "build/host.h"

/* Puts the project's webhook, without its secret, into what is shown of the project. */
int build_webhook_show(
	struct db_tx *tx, struct codebuild_project *p, struct arena *a, struct err *err);
/* With its project. */
int build_webhook_forget(struct db_tx *tx, const char *project, struct err *err);
int build_webhook_reseal(struct db_tx *tx, const struct seal_key *from, const struct seal_key *to,
	size_t *n, struct err *err);

struct build_webhook_found {
	struct codebuild_webhook hook;
	const char *secret;
	const struct build_host *host;
};
/* 1 found, 0 there is none, -1. */
int build_webhook_find(const struct build_engine *e, const char *project, struct arena *a,
	struct build_webhook_found *ret, struct err *err);

#endif
