/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: putting samples in, reading series out. */
#include <stdlib.h>
#include <string.h>

#include "signal/alarm.h"
#include "signal/event_archive.h"

#define PRUNE_EVERY_USEC (3600 * USEC_PER_SEC)

/* ---- dimensions ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct signal_dimension *)a)->name,
		((const struct signal_dimension *)b)->name);
}

const char *signal_dimension_twice(const struct cloudwatch_dimensions *dimensions)
{
	wire_foreach (x, dimensions) {
		for (const struct cloudwatch_dimension *y = dimensions->v; y < x; y++)
			if (streq(x->name, y->name))
				return x->name;
	}
	return NULL;
}

char *signal_dimensions_text(const struct signal_dimension *dimensions, size_t n, struct arena *a)
{
	struct signal_dimension *sorted = arena_new_n(a, n + 1, struct signal_dimension);
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	if (n)
		memcpy(sorted, dimensions, n * sizeof(*dimensions));
	qsort(sorted, n, sizeof(*sorted), by_name);
	json_open(&w, '{');
	for (size_t i = 0; i < n; i++)
		json_put_member(&w, sorted[i].name, sorted[i].value);
	json_close(&w, '}');
	return arena_strdup(a, str_text(&text));
}

int signal_dimensions_parse(
	const char *text, struct arena *a, struct cloudwatch_dimensions *ret, struct err *err)
{
	const struct json_node *node;

	if (json_parse(view_of(text), a, &node, err) < 0)
		return -1;
	wire_list_alloc(a, ret, node->n);
	for (size_t i = 0; i < node->n; i++)
		ret->v[i] =
			(struct cloudwatch_dimension){.name = arena_view_dup(a, node->items[i].key),
				.value = arena_view_dup(a, node->items[i].text)};
	return 0;
}

/* ---- in ---- */

struct put {
	struct signal_engine *e;
	const struct signal_datum *v;
	size_t n;
};

size_t signal_statistics_spread(
	double n, double sum, double min, double max, double *values, double *counts)
{
	size_t k = 0;

	if (n <= 1 || min == max) {
		values[k] = n > 0 ? sum / n : sum;
		counts[k++] = n;
		return k;
	}
	values[k] = min;
	counts[k++] = 1;
	values[k] = max;
	counts[k++] = 1;
	if (n > 2) {
		values[k] = (sum - min - max) / (n - 2);
		counts[k++] = n - 2;
	}
	return k;
}

static struct store_metric_set set_of(const struct signal_datum *d, double *counts)
{
	struct store_metric_set s = {
		.sec = d->usec / USEC_PER_SEC, .values = d->values, .counts = counts, .n = d->n};

	for (size_t i = 0; i < d->n; i++) {
		counts[i] = d->counts ? d->counts[i] : 1;
		s.count += counts[i];
		s.sum += d->values[i] * counts[i];
		s.min = i ? MIN(s.min, d->values[i]) : d->values[i];
		s.max = i ? MAX(s.max, d->values[i]) : d->values[i];
	}
	return s;
}

static int put_step(struct db_tx *tx, void *arg, struct err *err)
{
	const struct put *put = arg;

	for (size_t i = 0; i < put->n; i++) {
		const struct signal_datum *d = &put->v[i];
		struct arena a CLEANUP_ARENA = ARENA_INIT;
		struct store_metric_stream stream = {
			.name_space = d->name_space,
			.name = d->name,
			.unit = d->unit ? d->unit : "None",
			.dimensions = signal_dimensions_text(d->dimensions, d->n_dimensions, &a),
		};
		struct store_metric_set set = set_of(d, arena_new_n(&a, d->n + 1, double));

		if (set.count > 0 &&
			(store_metric_add(tx, &stream, &set, d->high_resolution, err) < 0 ||
				alarm_metric_came(
					put->e, tx, d->name_space, d->name, set.sec, err) < 0))
			return -1;
	}
	return 0;
}

int signal_metric_put_step(struct signal_engine *e, struct db_tx *tx, const struct signal_datum *v,
	size_t n, struct err *err)
{
	struct put put = {e, v, n};

	return put_step(tx, &put, err);
}

int signal_metric_put(
	struct signal_engine *e, const struct signal_datum *v, size_t n, struct err *err)
{
	struct put put = {e, v, n};

	return n ? signal_write(e, put_step, &put, err) : 0;
}

/* ---- out ---- */

/* Adds a stream's sets to the buckets' lists. */
struct bucket {
	VEC(struct store_metric_set) sets;
};

static int read_stream(struct db_tx *tx, const struct signal_query *q, int64_t stream,
	struct bucket *buckets, struct arena *a, struct err *err)
{
	int64_t to = q->from_sec + (int64_t)q->n * q->period;
	struct store_metric_set *sets;
	size_t n;

	if (store_metric_read(tx, stream, q->period, q->from_sec, to, a, &sets, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		size_t at = (size_t)((sets[i].sec - q->from_sec) / q->period);

		vec_push(&buckets[at].sets, sets[i]);
	}
	return 0;
}

static const char *unit_of(const struct store_metric_stream *streams, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (!streq(streams[i].unit, streams[0].unit))
			return NULL;
	return n ? streams[0].unit : NULL;
}

int signal_series_read(struct db_tx *tx, const struct signal_query *q, struct arena *a,
	struct signal_series *ret, struct err *err)
{
	struct bucket *buckets = arena_new_n(a, q->n + 1, struct bucket);
	const struct signal_stat count = {.kind = SIGNAL_SAMPLE_COUNT};
	struct store_metric_stream *streams;
	size_t n_streams;
	int r = store_metric_streams(tx, q->name_space, q->name, q->dimensions, q->unit,
		q->from_sec, a, &streams, &n_streams, err);

	for (size_t i = 0; r == 0 && i < n_streams; i++)
		r = read_stream(tx, q, streams[i].id, buckets, a, err);
	*ret = (struct signal_series){
		.values = arena_new_n(a, q->n + 1, double),
		.samples = arena_new_n(a, q->n + 1, double),
		.present = arena_new_n(a, q->n + 1, bool),
		.unit = r == 0 ? unit_of(streams, n_streams) : NULL,
		.n = q->n,
	};
	for (size_t i = 0; i < q->n; i++) {
		ret->present[i] = signal_stat_value(
			&q->stat, buckets[i].sets.v, buckets[i].sets.n, &ret->values[i]);
		signal_stat_value(&count, buckets[i].sets.v, buckets[i].sets.n, &ret->samples[i]);
		vec_release(&buckets[i].sets);
	}
	return r;
}

/* ---- retention ---- */

static int prune_history(struct db_tx *tx, int64_t before_usec, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_documents all;

	if (store_document_list(tx, &STORE_ALARM_HISTORY, NULL, &a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct cloudwatch_alarm_history_item *item = all.v[i];

		if (item->timestamp.usec < before_usec &&
			store_document_delete(tx, &STORE_ALARM_HISTORY, all.ids[i], err) < 0)
			return -1;
	}
	return 0;
}

static int prune_group(
	struct db_tx *tx, const struct logs_log_group *group, int64_t now_usec, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_document_filter filter = {.owner = group->log_group_name};
	struct store_documents streams;
	int64_t before = now_usec / 1000 - group->retention_in_days.v * INT64_C(86400000);

	if (store_document_list(tx, &STORE_LOG_STREAM, &filter, &a, &streams, err) < 0)
		return -1;
	for (size_t i = 0; i < streams.n; i++)
		if (store_log_event_drop(tx, streams.ids[i], before, err) < 0)
			return -1;
	return 0;
}

static int prune_logs(struct db_tx *tx, int64_t now_usec, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_documents groups;

	if (store_document_list(tx, &STORE_LOG_GROUP, NULL, &a, &groups, err) < 0)
		return -1;
	for (size_t i = 0; i < groups.n; i++) {
		const struct logs_log_group *group = groups.v[i];

		if (group->retention_in_days.set && prune_group(tx, group, now_usec, err) < 0)
			return -1;
	}
	return 0;
}

static int prune_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct signal_op *o = arg;
	const struct task *t = o->req;
	int64_t now = durable_now(o->e->durable);
	struct task next = {.kind = SIGNAL_TASK_PRUNE,
		.subject = "",
		.token = "",
		.due_usec = now + PRUNE_EVERY_USEC};

	if (store_metric_prune(tx, now / USEC_PER_SEC, err) < 0 ||
		prune_history(tx, now - 14 * 86400 * USEC_PER_SEC, err) < 0 ||
		prune_logs(tx, now, err) < 0 || event_archive_prune(tx, now, err) < 0 ||
		task_done(o->e->durable, tx, t, err) < 0)
		return -1;
	return task_enqueue(o->e->durable, tx, &next, err);
}

int signal_prune_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct signal_op o = {.e = arg, .req = t};

	return durable_step(d, prune_step, &o, err);
}
