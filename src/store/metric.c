/* SPDX-License-Identifier: Apache-2.0 */
/* Metric samples. A set of values is stored as "value:count value:count ...". */
#include "store/metric.h"

#include <stdio.h>

#include "base/vec.h"
#include "base/str.h"

#define DAY 86400
/* Spans of sets, and how long each is kept before it becomes a part of the next one. */
static const struct {
	int64_t span, keep;
} spans[] = {
	{1, 3 * 3600},
	{60, 15 * DAY},
	{300, 63 * DAY},
	{3600, 455 * DAY},
};
#define SET_VALUES_MAX 400 /* more different values are merged with their neighbours */

const struct db_migration store_metric_migrations[] = {
	{"1-create", "CREATE TABLE metric_stream ("
		     "id BIGINT PRIMARY KEY, "
		     "namespace TEXT NOT NULL, "
		     "name TEXT NOT NULL, "
		     "dimensions TEXT NOT NULL, "
		     "unit TEXT NOT NULL, "
		     "last_sec BIGINT NOT NULL, "
		     "UNIQUE (namespace, name, dimensions, unit));\n"
		     "CREATE TABLE metric_set ("
		     "stream BIGINT NOT NULL, "
		     "span BIGINT NOT NULL, "
		     "sec BIGINT NOT NULL, "
		     "count REAL NOT NULL, "
		     "sum REAL NOT NULL, "
		     "min REAL NOT NULL, "
		     "max REAL NOT NULL, "
		     "vals TEXT NOT NULL, "
		     "PRIMARY KEY (stream, span, sec));\n"
		     "CREATE INDEX metric_set_age ON metric_set (span, sec)"},
};
const size_t store_metric_migrations_n = ARRAY_SIZE(store_metric_migrations);

struct pair {
	double value, count;
};
struct pairs {
	struct pair *v;
	size_t n, cap;
};

static void parse_values(struct view text, struct pairs *out)
{
	while (text.len) {
		struct view word = view_cut(&text, ' ');
		struct view value = view_cut(&word, ':');
		char number[64];
		struct pair p = {0};

		snprintf(number, sizeof(number), VIEW_FMT, VIEW_ARG(value));
		p.value = strtod(number, NULL);
		snprintf(number, sizeof(number), VIEW_FMT, VIEW_ARG(word));
		p.count = strtod(number, NULL);
		vec_push(out, p);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = ((const struct pair *)a)->value, y = ((const struct pair *)b)->value;

	return (x > y) - (x < y);
}

/* Sorts, joins equal values and, while there are too many, neighbours. */
static void settle(struct pairs *p)
{
	size_t n = 0;

	if (!p->n)
		return;
	qsort(p->v, p->n, sizeof(*p->v), by_value);
	for (size_t i = 1; i < p->n; i++) {
		if (p->v[i].value == p->v[n].value)
			p->v[n].count += p->v[i].count;
		else
			p->v[++n] = p->v[i];
	}
	p->n = n + 1;
	while (p->n > SET_VALUES_MAX) {
		for (size_t i = 0; 2 * i < p->n; i++) {
			struct pair x = p->v[2 * i];

			if (2 * i + 1 < p->n) {
				struct pair y = p->v[2 * i + 1];

				x.value = (x.value * x.count + y.value * y.count) /
					  (x.count + y.count);
				x.count += y.count;
			}
			p->v[i] = x;
		}
		p->n = (p->n + 1) / 2;
	}
}

static void format_values(const struct pairs *p, struct str *out)
{
	for (size_t i = 0; i < p->n; i++)
		str_addf(out, "%s%.12g:%.12g", i ? " " : "", p->v[i].value, p->v[i].count);
}

static int merge_into(struct db_tx *tx, int64_t stream, int64_t span,
	const struct store_metric_set *set, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct store_metric_set sum = *set;
	struct pairs pairs = {0};
	struct db_rows *rows = NULL;
	int64_t sec = set->sec - set->sec % span;
	int r;

	for (size_t i = 0; i < set->n; i++)
		vec_push(&pairs, ((struct pair){set->values[i], set->counts[i]}));
	r = db_query(tx,
		"SELECT count, sum, min, max, vals FROM metric_set "
		"WHERE stream = ?1 AND span = ?2 AND sec = ?3",
		DB_ARGS(DB_INT(stream), DB_INT(span), DB_INT(sec)), &rows, err);
	if (r == 0 && (r = db_next(rows, err)) > 0) {
		sum.count += db_col_real(rows, 0);
		sum.sum += db_col_real(rows, 1);
		sum.min = MIN(sum.min, db_col_real(rows, 2));
		sum.max = MAX(sum.max, db_col_real(rows, 3));
		parse_values(db_col_bytes(rows, 4), &pairs);
		r = 0;
	}
	db_rows_close(rows);
	settle(&pairs);
	format_values(&pairs, &text);
	vec_release(&pairs);
	if (r < 0)
		return -1;
	return db_exec(tx,
		"INSERT INTO metric_set (stream, span, sec, count, sum, min, max, vals) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (stream, span, sec) DO UPDATE "
		"SET count = excluded.count, sum = excluded.sum, min = excluded.min, "
		"max = excluded.max, vals = excluded.vals",
		DB_ARGS(DB_INT(stream), DB_INT(span), DB_INT(sec), DB_REAL(sum.count),
			DB_REAL(sum.sum), DB_REAL(sum.min), DB_REAL(sum.max),
			DB_TEXT(str_text(&text))),
		NULL, err);
}

static int stream_id(
	struct db_tx *tx, const struct store_metric_stream *s, int64_t *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	if (db_query(tx,
		    "SELECT id FROM metric_stream WHERE namespace = ?1 AND name = ?2 AND "
		    "dimensions = ?3 AND unit = ?4",
		    DB_ARGS(DB_TEXT(s->name_space), DB_TEXT(s->name), DB_TEXT(s->dimensions),
			    DB_TEXT(s->unit)),
		    &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r > 0)
		*ret = db_col_int(rows, 0);
	return r;
}

static int stream_make(
	struct db_tx *tx, const struct store_metric_stream *s, int64_t *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx, "SELECT COALESCE(MAX(id), 0) + 1 FROM metric_stream", DB_NO_ARGS, &rows,
		    err) < 0 ||
		db_next(rows, err) < 0)
		return -1;
	*ret = db_col_int(rows, 0);
	return db_exec(tx,
		"INSERT INTO metric_stream (id, namespace, name, dimensions, unit, last_sec) "
		"VALUES (?1, ?2, ?3, ?4, ?5, 0)",
		DB_ARGS(DB_INT(*ret), DB_TEXT(s->name_space), DB_TEXT(s->name),
			DB_TEXT(s->dimensions), DB_TEXT(s->unit)),
		NULL, err);
}

int store_metric_add(struct db_tx *tx, const struct store_metric_stream *stream,
	const struct store_metric_set *set, bool high_resolution, struct err *err)
{
	int64_t id = 0;
	int r = stream_id(tx, stream, &id, err);

	if (r == 0)
		r = stream_make(tx, stream, &id, err);
	if (r < 0 || (high_resolution && merge_into(tx, id, 1, set, err) < 0) ||
		merge_into(tx, id, 60, set, err) < 0)
		return -1;
	return db_exec(tx, "UPDATE metric_stream SET last_sec = ?2 WHERE id = ?1 AND last_sec < ?2",
		DB_ARGS(DB_INT(id), DB_INT(set->sec)), NULL, err);
}

int store_metric_streams(struct db_tx *tx, const char *name_space, const char *name,
	const char *dimensions, const char *unit, int64_t since_sec, struct arena *a,
	struct store_metric_stream **ret, size_t *ret_n, struct err *err)
{
	VEC(struct store_metric_stream) found = {0};
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	*ret_n = 0;
	if (db_query(tx,
		    "SELECT id, namespace, name, dimensions, unit, last_sec FROM metric_stream "
		    "WHERE last_sec >= ?1 AND (?2 = '' OR namespace = ?2) AND "
		    "(?3 = '' OR name = ?3) AND (?4 = '' OR dimensions = ?4) AND "
		    "(?5 = '' OR unit = ?5) ORDER BY id",
		    DB_ARGS(DB_INT(since_sec), DB_TEXT(name_space ? name_space : ""),
			    DB_TEXT(name ? name : ""), DB_TEXT(dimensions ? dimensions : ""),
			    DB_TEXT(unit ? unit : "")),
		    &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0)
		vec_push(&found, ((struct store_metric_stream){
					 .id = db_col_int(rows, 0),
					 .name_space = db_col_text(rows, 1, a),
					 .name = db_col_text(rows, 2, a),
					 .dimensions = db_col_text(rows, 3, a),
					 .unit = db_col_text(rows, 4, a),
					 .last_sec = db_col_int(rows, 5),
				 }));
	*ret = arena_new_n(a, found.n + 1, struct store_metric_stream);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	*ret_n = found.n;
	vec_release(&found);
	return r;
}

static void set_from_row(const struct db_rows *rows, struct arena *a, struct store_metric_set *ret)
{
	struct pairs pairs = {0};
	double *values, *counts;

	parse_values(db_col_bytes(rows, 5), &pairs);
	values = arena_new_n(a, pairs.n + 1, double);
	counts = arena_new_n(a, pairs.n + 1, double);
	for (size_t i = 0; i < pairs.n; i++) {
		values[i] = pairs.v[i].value;
		counts[i] = pairs.v[i].count;
	}
	*ret = (struct store_metric_set){
		.sec = db_col_int(rows, 0),
		.count = db_col_real(rows, 1),
		.sum = db_col_real(rows, 2),
		.min = db_col_real(rows, 3),
		.max = db_col_real(rows, 4),
		.values = values,
		.counts = counts,
		.n = pairs.n,
	};
	vec_release(&pairs);
}

/* The longest span whose sets fit into the period. */
static int64_t coarsest(int period)
{
	int64_t span = 1;

	for (size_t i = 0; i < ARRAY_SIZE(spans); i++)
		if (period % spans[i].span == 0)
			span = spans[i].span;
	return span;
}

int store_metric_read(struct db_tx *tx, int64_t stream, int period, int64_t from_sec,
	int64_t to_sec, struct arena *a, struct store_metric_set **ret, size_t *ret_n,
	struct err *err)
{
	VEC(struct store_metric_set) found = {0};
	struct db_rows *rows CLEANUP_ROWS = NULL;
	bool by_minute = period % 60 == 0;
	int r;

	*ret_n = 0;
	if (db_query(tx,
		    "SELECT sec, count, sum, min, max, vals FROM metric_set WHERE stream = ?1 AND "
		    "span >= ?2 AND span <= ?3 AND sec >= ?4 AND sec < ?5 ORDER BY sec",
		    DB_ARGS(DB_INT(stream), DB_INT(by_minute ? 60 : 1),
			    DB_INT(by_minute ? coarsest(period) : 1), DB_INT(from_sec),
			    DB_INT(to_sec)),
		    &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0) {
		struct store_metric_set set;

		set_from_row(rows, a, &set);
		vec_push(&found, set);
	}
	*ret = arena_new_n(a, found.n + 1, struct store_metric_set);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	*ret_n = found.n;
	vec_release(&found);
	return r;
}

struct old_set {
	int64_t stream;
	struct store_metric_set set;
};

/* Adds the sets of a span that are too old to those of the next. */
static int roll_up(
	struct db_tx *tx, int64_t span, int64_t next, int64_t before_sec, struct err *err)
{
	VEC(struct old_set) old = {0};
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct db_rows *rows = NULL;
	int r = db_query(tx,
		"SELECT sec, count, sum, min, max, vals, stream FROM metric_set WHERE span = ?1 "
		"AND "
		"sec < ?2 ORDER BY stream, sec",
		DB_ARGS(DB_INT(span), DB_INT(before_sec)), &rows, err);

	while (r == 0 && (r = db_next(rows, err)) > 0) {
		struct old_set x = {.stream = db_col_int(rows, 6)};

		set_from_row(rows, &a, &x.set);
		vec_push(&old, x);
		r = 0;
	}
	db_rows_close(rows);
	for (size_t i = 0; r == 0 && i < old.n; i++)
		r = merge_into(tx, old.v[i].stream, next, &old.v[i].set, err);
	vec_release(&old);
	return r;
}

int store_metric_prune(struct db_tx *tx, int64_t now_sec, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++) {
		int64_t before = now_sec - spans[i].keep;

		/* Minutes are there beside the seconds from the start. */
		if (i > 0 && i + 1 < ARRAY_SIZE(spans) &&
			roll_up(tx, spans[i].span, spans[i + 1].span,
				before - before % spans[i + 1].span, err) < 0)
			return -1;
		if (i > 0 && i + 1 < ARRAY_SIZE(spans))
			before -= before % spans[i + 1].span;
		if (db_exec(tx, "DELETE FROM metric_set WHERE span = ?1 AND sec < ?2",
			    DB_ARGS(DB_INT(spans[i].span), DB_INT(before)), NULL, err) < 0)
			return -1;
	}
	return 0;
}
