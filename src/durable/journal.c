/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: appending, reading, subscribing. Writers are serial (db/), so that numbers become
 * visible in their order (D3). */
#include "durable/internal.h"

int journal_append(struct durable *d, struct db_tx *tx, struct journal_entry *e, struct err *err)
{
	struct step *s = durable_step_of(d, tx);
	struct db_rows *rows CLEANUP_ROWS = NULL;

	e->time_usec = durable_now(d);
	if (db_query(tx,
		    "INSERT INTO journal(time, kind, subject, actor, detail) "
		    "VALUES (?1, ?2, ?3, ?4, ?5) RETURNING seq",
		    DB_ARGS(DB_INT(e->time_usec), DB_TEXT(e->kind), DB_TEXT(e->subject),
			    DB_TEXT(e->actor), DB_TEXT(e->detail ? e->detail : "{}")),
		    &rows, err) < 0)
		return -1;
	if (db_next(rows, err) != 1)
		return -1;
	e->seq = db_col_int(rows, 0);
	vec_push(&s->journal_kinds, arena_strdup(&s->arena, e->kind));
	return 0;
}

int journal_read(struct db_tx *tx, int64_t after, size_t max, struct arena *a,
	struct journal_entry **ret_entries, size_t *ret_n, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	size_t n = 0;
	int r;

	*ret_entries = arena_new_n(a, max, struct journal_entry);
	if (db_query(tx,
		    "SELECT seq, time, kind, subject, actor, detail FROM journal "
		    "WHERE seq > ?1 ORDER BY seq LIMIT ?2",
		    DB_ARGS(DB_INT(after), DB_INT((int64_t)max)), &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0)
		(*ret_entries)[n++] = (struct journal_entry){
			.seq = db_col_int(rows, 0),
			.time_usec = db_col_int(rows, 1),
			.kind = db_col_text(rows, 2, a),
			.subject = db_col_text(rows, 3, a),
			.actor = db_col_text(rows, 4, a),
			.detail = db_col_text(rows, 5, a),
		};
	*ret_n = n;
	return r;
}

void journal_subscribe(struct durable *d, const struct journal_consumer *c)
{
	struct consumer_state *state = xcalloc(1, sizeof(*state));

	BUG_ON(d->started);
	state->consumer = *c;
	state->pending = true;
	vec_push(&d->consumers, state);
}

void journal_watch(struct durable *d, void (*fn)(void *arg), void *arg)
{
	struct watcher w = {fn, arg};

	pthread_mutex_lock(&d->lock);
	vec_push(&d->watchers, w);
	pthread_mutex_unlock(&d->lock);
}
