/* SPDX-License-Identifier: Apache-2.0 */
/* Repositories at git hosts elsewhere that source actions watch: looked at every minute, and at
 * once when their host says that something has changed; what differs from the last look becomes
 * journal entries. One durable task a repository, as long as a pipeline wants to know. */
#ifndef TOWPATH_PROVIDER_CONNECTION_WATCH_H
#define TOWPATH_PROVIDER_CONNECTION_WATCH_H

#include "connection/connection.h"
#include "pipeline/pipeline.h"

struct connection_watch {
	struct durable *durable;
	struct connection_engine *connection;
	struct pipeline_engine *pipeline;
	const char *data_dir; /* actions/ below it holds what is fetched */
	uint64_t clone_max;   /* bytes of the disk that it may take */
};
/* Before durable_start(); w must outlive the durable core. */
void connection_watch_register(struct connection_watch *w);

/* What actions on a repository watch; NULL: the ARN is no connection's. */
const char *connection_watch_key(const char *arn, const char *repository, struct arena *a);
/* Within a step: the repository is looked at now, and from now on. */
int connection_watch_begin(struct durable *d, struct db_tx *tx, const char *key, struct err *err);

/* ---- for pipeline/provider.h ---- */

bool connection_watch_change(
	void *arg, const struct journal_entry *e, struct arena *a, struct action_change *ret);
int connection_watch_paths(void *arg, const struct action_change *c, struct arena *a,
	const char *const **ret_paths, size_t *ret_n, struct err *err);
const char *connection_watch_detail(void *arg, const struct codepipeline_action_declaration *action,
	const struct action_change *c, struct arena *a);

#endif
