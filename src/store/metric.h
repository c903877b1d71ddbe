/* SPDX-License-Identifier: Apache-2.0 */
/* Metric samples: for each stream (namespace, name, dimensions, unit) sets of values by the
 * second, kept three hours, by the minute, kept 15 days, by five minutes, kept 63 days, and by the
 * hour, kept 455 days. What gets too old becomes a part of the next longer span. */
#ifndef TOWPATH_STORE_METRIC_H
#define TOWPATH_STORE_METRIC_H

#include "db/db.h"

extern const struct db_migration store_metric_migrations[];
extern const size_t store_metric_migrations_n;

struct store_metric_stream {
	int64_t id;
	const char *name_space, *name, *unit;
	const char *dimensions; /* JSON object, keys sorted */
	int64_t last_sec;
};

/* Values and how often each occurred. */
struct store_metric_set {
	int64_t sec; /* start */
	double count, sum, min, max;
	const double *values, *counts;
	size_t n; /* 0 with count > 0: only the statistics are known */
};

/* Finds or makes the stream and adds the set to its second (if high_resolution) and minute. */
int store_metric_add(struct db_tx *tx, const struct store_metric_stream *stream,
	const struct store_metric_set *set, bool high_resolution, struct err *err);
/* Streams with data since since_sec; NULL texts match any. In the arena. */
int store_metric_streams(struct db_tx *tx, const char *name_space, const char *name,
	const char *dimensions, const char *unit, int64_t since_sec, struct arena *a,
	struct store_metric_stream **ret, size_t *ret_n, struct err *err);
/* Sets with from_sec <= sec < to_sec, oldest first, that fit into a period of seconds: by the
 * second, or by the minute and longer when it is a multiple of 60. */
int store_metric_read(struct db_tx *tx, int64_t stream, int period, int64_t from_sec,
	int64_t to_sec, struct arena *a, struct store_metric_set **ret, size_t *ret_n,
	struct err *err);
/* Rolls up and drops what is older than the retention. */
int store_metric_prune(struct db_tx *tx, int64_t now_sec, struct err *err);

#endif
