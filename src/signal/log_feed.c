/* SPDX-License-Identifier: Apache-2.0 */
/* New lines, told to the filters of their group: metrics of them, and batches for subscribers. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "signal/log_filter.h"

#define MAX_DIMENSIONS 3

struct feed {
	struct signal_engine *e;
	struct db_tx *tx;
	const char *stream;
	const struct log_event *v;
	size_t n;
	struct arena *a;
};

/* ---- metrics ---- */

/* Values of one minute and one set of dimensions. */
struct cell {
	int64_t usec;
	struct signal_dimension dimensions[MAX_DIMENSIONS];
	size_t n_dimensions;
	VEC(double) values;
};

static void free_cell(void *p)
{
	struct cell *c = p;

	vec_release(&c->values);
	free(c);
}

/* The line's values of the dimensions; false: one is missing, and the line does not count. */
static bool dimensions_of(const struct logs_metric_transformation *t, const struct log_pattern *p,
	const struct log_line *line, struct arena *a, struct cell *ret)
{
	wire_foreach (kv, &t->dimensions) {
		const char *value = log_pattern_value(p, line, kv->value, a);

		if (!value || !*value || ret->n_dimensions == MAX_DIMENSIONS)
			return false;
		ret->dimensions[ret->n_dimensions++] = (struct signal_dimension){kv->key, value};
	}
	return true;
}

static bool number_of(const struct logs_metric_transformation *t, const struct log_pattern *p,
	const struct log_line *line, struct arena *a, double *ret)
{
	const char *text = t->metric_value;
	char *end;

	if (*text == '$')
		text = log_pattern_value(p, line, text, a);
	if (!text || !*text)
		return false;
	*ret = strtod(text, &end);
	return !*end;
}

static void count_line(const struct logs_metric_transformation *t, const struct log_pattern *p,
	const struct log_line *line, int64_t msec, struct arena *a, struct map *cells)
{
	struct cell made = {.usec = msec * 1000}, *c;
	double value;
	char *key;

	if (!number_of(t, p, line, a, &value) || !dimensions_of(t, p, line, a, &made))
		return;
	key = arena_printf(a, "%lld %s", (long long)(msec / 60000),
		signal_dimensions_text(made.dimensions, made.n_dimensions, a));
	c = map_get(cells, key);
	if (!c) {
		c = xcalloc(1, sizeof(*c));
		*c = made;
		map_set(cells, key, c);
	}
	vec_push(&c->values, value);
}

static int put_cell(struct feed *f, const struct logs_metric_transformation *t,
	const struct cell *c, struct err *err)
{
	const struct signal_datum d = {
		.name_space = t->metric_namespace,
		.name = t->metric_name,
		.unit = t->unit,
		.dimensions = c->dimensions,
		.n_dimensions = c->n_dimensions,
		.usec = c->usec,
		.values = c->values.v,
		.n = c->values.n,
	};

	return signal_metric_put_step(f->e, f->tx, &d, 1, err);
}

/* Lines came in, and none counted: the default value, once a minute. */
static int put_default(struct feed *f, const char *key, const char *group,
	const struct logs_metric_transformation *t, struct err *err)
{
	int64_t minute = durable_now(f->e->durable) / (60 * USEC_PER_SEC);
	struct towpath_signal_log_cursor last = {0};
	struct cell c = {.usec = f->v[f->n - 1].msec * 1000};
	const char *id = arena_printf(f->a, "default %s", key);
	int r = store_document_get(f->tx, &STORE_LOG_CURSOR, id, f->a, &last, err);

	if (r < 0 || (r > 0 && wire_or(last.minute, 0) >= minute))
		return r < 0 ? -1 : 0;
	last.minute = WIRE_SET_LONG(minute);
	vec_push(&c.values, t->default_value.v);
	r = put_cell(f, t, &c, err);
	vec_release(&c.values);
	return r < 0 ? -1 : store_document_put(f->tx, &STORE_LOG_CURSOR, id, group, &last, err);
}

static int feed_metric(
	struct feed *f, const char *key, const struct logs_metric_filter *filter, struct err *err)
{
	const struct logs_metric_transformation *t = &filter->metric_transformations.v[0];
	const struct log_pattern *p;
	struct map cells = {0};
	int r = log_pattern_parse(filter->filter_pattern, f->a, &p, err);

	for (size_t i = 0; r == 0 && i < f->n; i++) {
		struct arena scratch CLEANUP_ARENA = ARENA_INIT;
		struct log_line line;

		/* What stays of a line (dimensions) is in the feed's arena. */
		if (log_pattern_matches(p, view_of(f->v[i].message), &scratch, NULL) &&
			log_pattern_matches(p, view_of(f->v[i].message), f->a, &line))
			count_line(t, p, &line, f->v[i].msec, f->a, &cells);
	}
	map_foreach (it, &cells)
		if (r == 0)
			r = put_cell(f, t, it->value, err);
	if (r == 0 && !cells.count && t->default_value.set)
		r = put_default(f, key, filter->log_group_name, t, err);
	map_release_with(&cells, free_cell);
	return r;
}

/* ---- subscriptions ---- */

static int feed_subscription(
	struct feed *f, const struct logs_subscription_filter *filter, struct err *err)
{
	struct log_event *wanted = arena_new_n(f->a, f->n, struct log_event);
	const struct log_pattern *p;
	size_t n = 0;

	if (log_pattern_parse(filter->filter_pattern, f->a, &p, err) < 0)
		return -1;
	for (size_t i = 0; i < f->n; i++) {
		struct arena scratch CLEANUP_ARENA = ARENA_INIT;

		if (log_pattern_matches(p, view_of(f->v[i].message), &scratch, NULL))
			wanted[n++] = f->v[i];
	}
	return n ? log_forward(f->e, f->tx, filter, f->stream, wanted, n, f->a, err) : 0;
}

int log_feed(struct signal_engine *e, struct db_tx *tx, const char *group, const char *stream,
	const struct log_event *v, size_t n, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct feed f = {e, tx, stream, v, n, &a};
	struct store_document_filter of_group = {.owner = group};
	struct store_documents metrics, subscriptions;

	if (!n)
		return 0;
	if (store_document_list(tx, &STORE_LOG_METRIC_FILTER, &of_group, &a, &metrics, err) < 0 ||
		store_document_list(
			tx, &STORE_LOG_SUBSCRIPTION, &of_group, &a, &subscriptions, err) < 0)
		return -1;
	for (size_t i = 0; i < metrics.n; i++)
		if (feed_metric(&f, metrics.ids[i], metrics.v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < subscriptions.n; i++)
		if (feed_subscription(&f, subscriptions.v[i], err) < 0)
			return -1;
	return 0;
}
