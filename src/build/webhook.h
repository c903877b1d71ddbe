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
int build_webhook_forget(
	struct build_engine *e, struct db_tx *tx, const char *project, struct err *err);
/* Within a step: it is made (or changed) at its host, and is ACTIVE or CREATE_FAILED then. */
int build_webhook_register(
	struct build_engine *e, struct db_tx *tx, const char *project, struct err *err);
/* Within a step: it is taken away from its host, if it was registered there. */
int build_webhook_unregister(struct build_engine *e, struct db_tx *tx,
	const struct codebuild_project *project, const struct codebuild_webhook *hook,
	struct err *err);
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
