/* SPDX-License-Identifier: Apache-2.0 */
/* Journal consumers: each sees every entry of its kinds once, in order (D4). Its cursor moves in
 * the transaction in which it handled the entry; over entries of other kinds the stored cursor
 * may lag, since reading those again does nothing. */
#include "durable/internal.h"

#include <time.h>

#include "base/log.h"

#define BATCH 64
#define SAVE_LAG 1000 /* store the cursor after this many entries of other kinds */
#define FIRST_PAUSE_USEC (100 * USEC_PER_MSEC)
#define LONGEST_PAUSE_USEC (30 * USEC_PER_SEC)

struct load {
	struct durable *d;
	struct consumer_state *c;
	bool found;
};

static int read_number(
	struct db_tx *tx, const char *sql, struct db_args args, int64_t *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	if (db_query(tx, sql, args, &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r > 0)
		*ret = db_col_int(rows, 0);
	return r;
}

static int save_cursor(
	struct db_tx *tx, const struct consumer_state *c, int64_t seq, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO journal_cursor(name, seq) VALUES (?1, ?2) "
		"ON CONFLICT (name) DO UPDATE SET seq = excluded.seq",
		DB_ARGS(DB_TEXT(c->consumer.name), DB_INT(seq)), NULL, err);
}

static int read_cursor(struct db_tx *tx, void *arg, struct err *err)
{
	struct load *l = arg;
	int r = read_number(tx, "SELECT seq FROM journal_cursor WHERE name = ?1",
		DB_ARGS(DB_TEXT(l->c->consumer.name)), &l->c->cursor, err);

	l->found = r > 0;
	return r < 0 ? -1 : 0;
}

static int create_cursor(struct db_tx *tx, void *arg, struct err *err)
{
	struct load *l = arg;

	l->c->cursor = 0;
	if (read_number(tx, "SELECT COALESCE(MAX(seq), 0) FROM journal", DB_NO_ARGS, &l->c->cursor,
		    err) < 0)
		return -1;
	return save_cursor(tx, l->c, l->c->cursor, err);
}

int consumers_load(struct durable *d, struct err *err)
{
	vec_foreach (c, &d->consumers) {
		struct load l = {d, *c, false};

		if (db_read(d->db, read_cursor, &l, err) < 0)
			return -1;
		if (!l.found && db_write(d->db, create_cursor, &l, err) < 0)
			return -1;
		(*c)->saved_cursor = (*c)->cursor;
	}
	return 0;
}

struct batch {
	struct durable *d;
	struct consumer_state *c;
	struct arena arena;
	struct journal_entry *entries;
	size_t n;
	size_t limit;	/* of entries handled in one step */
	int64_t cursor; /* where it stands after the step */
	int64_t handled;
};

static int read_batch(struct db_tx *tx, void *arg, struct err *err)
{
	struct batch *b = arg;

	return journal_read(tx, b->c->cursor, BATCH, &b->arena, &b->entries, &b->n, err);
}

static int handle_batch(struct db_tx *tx, void *arg, struct err *err)
{
	struct batch *b = arg;
	const struct journal_consumer *consumer = &b->c->consumer;

	b->handled = 0;
	for (size_t i = 0; i < b->n && (size_t)b->handled < b->limit; i++) {
		const struct journal_entry *e = &b->entries[i];

		b->cursor = e->seq;
		if (!starts_with(e->kind, consumer->kind_prefix))
			continue;
		b->handled++;
		if (consumer->fn(b->d, tx, e, consumer->arg, err) < 0)
			return err_wrap(err, "journal entry %lld (%s %s)", (long long)e->seq,
				e->kind, e->subject);
	}
	return save_cursor(tx, b->c, b->cursor, err);
}

static bool has_own(const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (starts_with(b->entries[i].kind, b->c->consumer.kind_prefix))
			return true;
	return false;
}

static void pause_consumer(struct durable *d, struct consumer_state *c, struct err *err)
{
	int64_t pause = FIRST_PAUSE_USEC << MIN(c->failures, 10);

	c->failures++;
	c->retry_usec = monotonic_usec() + MIN(pause, LONGEST_PAUSE_USEC);
	pthread_mutex_lock(&d->lock);
	c->pending = true;
	pthread_mutex_unlock(&d->lock);
	log_err("durable", err, "consumer %s is behind and tries again", c->consumer.name);
}

/* One batch of one consumer. Returns entries read, 0 at the journal's end, -1 after an error. */
static int64_t consume(struct durable *d, struct consumer_state *c, int64_t *handled)
{
	struct batch b = {.d = d, .c = c, .limit = c->failures ? 1 : BATCH};
	struct err err CLEANUP_ERR = ERR_INIT;
	int64_t n;
	int r = db_read(d->db, read_batch, &b, &err);

	if (r == 0 && b.n) {
		b.cursor = b.entries[b.n - 1].seq;
		if (has_own(&b) || b.cursor - c->saved_cursor > SAVE_LAG) {
			r = durable_step(d, handle_batch, &b, &err);
			c->saved_cursor = r == 0 ? b.cursor : c->saved_cursor;
		}
		if (r == 0) {
			c->cursor = b.cursor;
			c->failures = 0;
			*handled += b.handled;
		}
	}
	n = (int64_t)b.n;
	arena_release(&b.arena);
	if (r < 0) {
		pause_consumer(d, c, &err);
		return -1;
	}
	return n;
}

/* Takes the pending mark; false when there is nothing to do now. */
static bool take_pending(struct durable *d, struct consumer_state *c)
{
	bool due;

	pthread_mutex_lock(&d->lock);
	due = c->pending && c->retry_usec <= monotonic_usec() && !d->stopping;
	if (due)
		c->pending = false;
	pthread_mutex_unlock(&d->lock);
	return due;
}

int64_t consumers_run(struct durable *d)
{
	int64_t handled = 0;

	vec_foreach (c, &d->consumers)
		if (take_pending(d, *c))
			while (consume(d, *c, &handled) > 0)
				;
	return handled;
}

/* Waits, with the lock held, until a consumer has something to do or a pause is over. */
static void wait_pending(struct durable *d)
{
	int64_t until = INT64_MAX;
	struct timespec ts;

	vec_foreach (c, &d->consumers)
		if ((*c)->pending)
			until = MIN(until, (*c)->retry_usec);
	if (until <= monotonic_usec())
		return;
	if (until == INT64_MAX) {
		pthread_cond_wait(&d->wake_consumers, &d->lock);
		return;
	}
	ts = (struct timespec){until / USEC_PER_SEC, until % USEC_PER_SEC * 1000};
	pthread_cond_timedwait(&d->wake_consumers, &d->lock, &ts);
}

void *consumer_main(void *arg)
{
	struct durable *d = arg;

	pthread_mutex_lock(&d->lock);
	while (!d->stopping) {
		pthread_mutex_unlock(&d->lock);
		consumers_run(d);
		pthread_mutex_lock(&d->lock);
		if (!d->stopping)
			wait_pending(d);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}
