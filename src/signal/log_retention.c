/* SPDX-License-Identifier: Apache-2.0 */
/* How long lines are kept. Rows of the store are removed by the task signal.prune; spool files
 * belong to others, who ask which of theirs are still needed. */
#include <string.h>

#include "base/map.h"
#include "codec/spool.h"
#include "signal/log_read.h"

int64_t log_retention_start(struct signal_engine *e, const struct logs_log_group *g)
{
	if (!g->retention_in_days.set)
		return 0;
	return durable_now(e->durable) / 1000 - g->retention_in_days.v * INT64_C(86400000);
}

/* When the last line came in, or the stream was made. */
static int last_line(const struct towpath_signal_stream *s, int64_t *ret_msec, struct err *err)
{
	struct spool_reader *r CLEANUP_SPOOL_READER = NULL;
	struct err none CLEANUP_ERR = ERR_INIT;
	struct spool_stat stat;

	*ret_msec = s->creation_time.usec / 1000;
	if (spool_reader_open(s->path, &r, &none) < 0)
		return err_is(&none, ERR_NOT_FOUND) ? 0 : err_move(err, &none);
	if (spool_stat(r, &stat, err) < 0)
		return -1;
	*ret_msec = MAX(*ret_msec, stat.last_usec / 1000);
	return 0;
}

static int prune_spool(struct signal_engine *e, struct db_tx *tx, const char *key,
	struct towpath_signal_stream *s, struct map *kept, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct logs_log_group g;
	int64_t last;
	int r = store_document_get(tx, &STORE_LOG_GROUP, s->log_group_name, &a, &g, err);

	if (r < 0 || last_line(s, &last, err) < 0)
		return -1;
	if (r > 0 && last >= log_retention_start(e, &g)) {
		map_set(kept, s->path, kept);
		return 0;
	}
	s->path = NULL;
	return store_document_put(tx, &STORE_LOG_STREAM, key, s->log_group_name, s, err);
}

int signal_log_spools_prune(struct signal_engine *e, struct db_tx *tx, const char *dir,
	struct map *ret, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	size_t n = strlen(dir);
	struct store_documents all;

	if (store_document_list(tx, &STORE_LOG_STREAM, NULL, &a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct towpath_signal_stream *s = all.v[i];

		if (s->path && starts_with(s->path, dir) && s->path[n] == '/' &&
			prune_spool(e, tx, all.ids[i], s, ret, err) < 0)
			return -1;
	}
	return 0;
}
