/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions over a driver: the pool of readers, and the one writer with group commit.
 *
 * Group commit: units of work that arrive while a commit is under way wait in a queue. The thread
 * that finds no leader leads: it takes the whole queue, runs each unit under a savepoint of its
 * own in one transaction, commits once, and hands leadership to the first that came meanwhile. */
#include "db/db.h"

#include <pthread.h>

#include "base/mem.h"
#include "db/driver.h"

struct db_tx {
	struct db *db;
	struct db_conn *conn;
	void *context;
	bool writable, failed;
};

struct unit {
	struct unit *next;
	db_fn fn;
	void *arg;
	struct err *err;
	int result;
	bool done, lead;
};

struct db {
	const struct db_driver *driver;
	char *url;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t changed;
	struct unit *queue, **queue_end;
	bool led;		/* somebody leads */
	struct db_conn *writer; /* the leader's */
	struct db_conn *free_readers;
	int (*hook)(void *arg, uint64_t commit);
	void *hook_arg;
	uint64_t commits, units;
	uint64_t version; /* atomic; odd while a commit is under way */
};

static _Thread_local bool in_unit; /* a unit inside a unit would wait for itself */

static const struct db_driver *const drivers[] = {&db_sqlite_driver, &db_postgres_driver};

static const struct db_driver *find_driver(const char *url)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		size_t n = strlen(drivers[i]->scheme);

		if (strncmp(url, drivers[i]->scheme, n) == 0 &&
			(url[n] == ':' || starts_with(url + n, "ql:")))
			return drivers[i];
	}
	return NULL;
}

int db_open(const char *url, struct db **ret, struct err *err)
{
	const struct db_driver *driver = find_driver(url);
	struct db *db;
	struct db_conn *writer;

	if (!driver) {
		err_set(err, ERR_INVALID, "unknown database URL \"%s\"", url);
		return err_hint(err, "write sqlite:/path/to/file or postgres://user@host/name");
	}
	if (driver->connect(url, false, &writer, err) < 0)
		return -1;
	db = xcalloc(1, sizeof(*db));
	db->driver = driver;
	db->url = xstrdup(url);
	db->writer = writer;
	db->queue_end = &db->queue;
	db->version = driver->shared ? 0 : 2;
	pthread_mutex_init(&db->lock, NULL);
	pthread_cond_init(&db->changed, NULL);
	*ret = db;
	return 0;
}

struct db *db_close(struct db *db)
{
	if (!db)
		return NULL;
	BUG_ON(db->queue || db->led);
	while (db->free_readers) {
		struct db_conn *c = db->free_readers;

		db->free_readers = c->next_free;
		db->driver->disconnect(c);
	}
	if (db->writer)
		db->driver->disconnect(db->writer);
	pthread_mutex_destroy(&db->lock);
	pthread_cond_destroy(&db->changed);
	free(db->url);
	free(db);
	return NULL;
}

bool db_is_shared(const struct db *db)
{
	return db->driver->shared;
}

uint64_t db_version(const struct db *db)
{
	uint64_t version = __atomic_load_n(&db->version, __ATOMIC_SEQ_CST);

	return version % 2 == 0 ? version : 0;
}

/* Around every commit, also one that fails: what became of it may be unknown. */
static void next_version(struct db *db)
{
	if (!db->driver->shared)
		__atomic_add_fetch(&db->version, 1, __ATOMIC_SEQ_CST);
}

void db_set_commit_hook(struct db *db, int (*hook)(void *arg, uint64_t commit), void *arg)
{
	pthread_mutex_lock(&db->lock);
	db->hook = hook;
	db->hook_arg = arg;
	pthread_mutex_unlock(&db->lock);
}

void db_commit_stats(struct db *db, uint64_t *ret_commits, uint64_t *ret_units)
{
	pthread_mutex_lock(&db->lock);
	*ret_commits = db->commits;
	*ret_units = db->units;
	pthread_mutex_unlock(&db->lock);
}

/* ---- reading ---- */

static int take_reader(struct db *db, struct db_conn **ret, struct err *err)
{
	struct db_conn *c;

	pthread_mutex_lock(&db->lock);
	c = db->free_readers;
	if (c)
		db->free_readers = c->next_free;
	pthread_mutex_unlock(&db->lock);
	if (!c)
		return db->driver->connect(db->url, true, ret, err);
	*ret = c;
	return 0;
}

static void give_reader(struct db *db, struct db_conn *c)
{
	if (db->driver->is_broken(c)) {
		db->driver->disconnect(c);
		return;
	}
	pthread_mutex_lock(&db->lock);
	c->next_free = db->free_readers;
	db->free_readers = c;
	pthread_mutex_unlock(&db->lock);
}

static int run_unit(struct db_tx *tx, db_fn fn, void *arg, struct err *err)
{
	bool outer = TAKE(in_unit, true);
	int r;

	tx->context = NULL;
	tx->failed = false;
	r = fn(tx, arg, err);
	in_unit = outer;
	if (r >= 0 && tx->failed)
		BUG("a unit of work went on after a statement had failed");
	return r < 0 ? -1 : 0;
}

int db_read(struct db *db, db_fn fn, void *arg, struct err *err)
{
	struct db_conn *conn;
	struct db_tx tx;
	int r;

	BUG_ON(in_unit);
	if (take_reader(db, &conn, err) < 0)
		return -1;
	tx = (struct db_tx){.db = db, .conn = conn};
	r = db->driver->run(conn, db->driver->begin_read, err);
	if (r == 0) {
		r = run_unit(&tx, fn, arg, err);
		if (db->driver->in_transaction(conn) &&
			db->driver->run(conn, "COMMIT", r < 0 ? NULL : err) < 0)
			r = -1;
	}
	give_reader(db, conn);
	return r;
}

/* ---- writing ---- */

static int ensure_writer(struct db *db, struct err *err)
{
	if (db->writer && db->driver->is_broken(db->writer)) {
		db->driver->disconnect(db->writer);
		db->writer = NULL;
	}
	if (!db->writer)
		return db->driver->connect(db->url, false, &db->writer, err);
	return 0;
}

static void fail_all(struct unit *batch, const struct err *why)
{
	for (struct unit *u = batch; u; u = u->next) {
		if (u->result < 0)
			continue;
		u->result = -1;
		err_set(u->err, why->kind, "%s", err_message(why));
	}
}

static int commit(struct db *db, struct err *err)
{
	uint64_t number;
	int (*hook)(void *, uint64_t);
	int r;

	pthread_mutex_lock(&db->lock);
	number = ++db->commits;
	hook = db->hook;
	pthread_mutex_unlock(&db->lock);
	if (hook && hook(db->hook_arg, number) != 0)
		return err_set(
			err, ERR_IO, "commit %llu was made to fail", (unsigned long long)number);
	next_version(db);
	r = db->driver->run(db->writer, "COMMIT", err);
	next_version(db);
	return r;
}

/* One unit under its savepoint. A lost transaction is left for the caller to notice. */
static void run_one(struct db *db, struct unit *u, bool alone)
{
	const struct db_driver *d = db->driver;
	struct db_tx tx = {.db = db, .conn = db->writer, .writable = true};

	u->result = alone ? 0 : d->run(db->writer, "SAVEPOINT unit", u->err);
	if (u->result == 0)
		u->result = run_unit(&tx, u->fn, u->arg, u->err);
	if (alone || !d->in_transaction(db->writer))
		return;
	if (u->result < 0)
		d->run(db->writer, "ROLLBACK TO SAVEPOINT unit", NULL);
	d->run(db->writer, "RELEASE SAVEPOINT unit", NULL);
}

static void run_batch(struct db *db, struct unit *batch)
{
	const struct db_driver *d = db->driver;
	struct err err CLEANUP_ERR = ERR_INIT;
	bool alone = batch->next == NULL, any = false;

	for (struct unit *u = batch; u; u = u->next)
		u->result = 0;
	if (ensure_writer(db, &err) < 0 || d->run(db->writer, d->begin_write, &err) < 0) {
		fail_all(batch, &err);
		return;
	}
	for (struct unit *u = batch; u; u = u->next) {
		run_one(db, u, alone);
		any = any || u->result == 0;
		if (!d->in_transaction(db->writer)) {
			/* A full disk or a lost server took the whole transaction with it. */
			err_set(&err, u->result < 0 && u->err ? u->err->kind : ERR_IO,
				"the transaction was lost: %s",
				u->err ? err_message(u->err) : "the store failed");
			fail_all(batch, &err);
			return;
		}
	}
	if (any && commit(db, &err) == 0)
		return;
	if (any)
		fail_all(batch, &err);
	if (d->in_transaction(db->writer))
		d->run(db->writer, "ROLLBACK", NULL);
}

/* Called with the lock held; leads one batch and hands over. */
static void lead(struct db *db)
{
	struct unit *batch = TAKE_PTR(db->queue);

	db->queue_end = &db->queue;
	pthread_mutex_unlock(&db->lock);
	run_batch(db, batch);
	pthread_mutex_lock(&db->lock);
	for (struct unit *u = batch, *next; u; u = next) {
		next = u->next;
		db->units++;
		u->done = true; /* u's thread may be gone from here on */
	}
	db->led = db->queue != NULL;
	if (db->queue)
		db->queue->lead = true;
	pthread_cond_broadcast(&db->changed);
}

int db_write(struct db *db, db_fn fn, void *arg, struct err *err)
{
	struct unit u = {.fn = fn, .arg = arg, .err = err};

	BUG_ON(in_unit);
	pthread_mutex_lock(&db->lock);
	*db->queue_end = &u;
	db->queue_end = &u.next;
	if (!db->led) {
		db->led = true;
		u.lead = true;
	}
	while (!u.done) {
		if (u.lead)
			lead(db);
		else
			pthread_cond_wait(&db->changed, &db->lock);
	}
	pthread_mutex_unlock(&db->lock);
	return u.result;
}

/* ---- statements ---- */

int db_exec(struct db_tx *tx, const char *sql, struct db_args args, int64_t *ret_changed,
	struct err *err)
{
	int64_t changed;

	BUG_ON(!tx->writable);
	if (tx->db->driver->exec(tx->conn, sql, args, ret_changed ? ret_changed : &changed, err) ==
		0)
		return 0;
	tx->failed = true;
	return -1;
}

int db_query(struct db_tx *tx, const char *sql, struct db_args args, struct db_rows **ret,
	struct err *err)
{
	if (tx->db->driver->query(tx->conn, sql, args, ret, err) < 0) {
		tx->failed = true;
		return -1;
	}
	(*ret)->driver = tx->db->driver;
	(*ret)->tx = tx;
	return 0;
}

int db_next(struct db_rows *rows, struct err *err)
{
	int r = rows->driver->next(rows, err);

	if (r < 0)
		rows->tx->failed = true;
	return r;
}

struct db_rows *db_rows_close(struct db_rows *rows)
{
	if (rows)
		rows->driver->close(rows);
	return NULL;
}

bool db_col_null(const struct db_rows *rows, int col)
{
	return rows->driver->col_null(rows, col);
}

int64_t db_col_int(const struct db_rows *rows, int col)
{
	return rows->driver->col_int(rows, col);
}

double db_col_real(const struct db_rows *rows, int col)
{
	return rows->driver->col_real(rows, col);
}

struct view db_col_bytes(const struct db_rows *rows, int col)
{
	return rows->driver->col_bytes(rows, col);
}

char *db_col_text(const struct db_rows *rows, int col, struct arena *a)
{
	struct view v = rows->driver->col_bytes(rows, col);

	return v.p ? arena_view_dup(a, v) : NULL;
}

void db_tx_set_context(struct db_tx *tx, void *context)
{
	tx->context = context;
}

void *db_tx_context(const struct db_tx *tx)
{
	return tx->context;
}

/* ---- migrations and copies ---- */

struct migration {
	struct db *db;
	const char *component;
	const struct db_migration *steps;
	size_t n;
};

/* How many of the steps are recorded; they must be the first ones, in order. */
static int count_applied(struct db_tx *tx, const struct migration *m, size_t *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	size_t n = 0;
	int r;

	if (db_query(tx, "SELECT name FROM schema_step WHERE component = ?1 ORDER BY number",
		    DB_ARGS(DB_TEXT(m->component)), &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0) {
		struct view name = db_col_bytes(rows, 0);

		if (n >= m->n || !view_eq_str(name, m->steps[n].name)) {
			err_set(err, ERR_CONFLICT,
				"the database holds step \"" VIEW_FMT
				"\" of %s, which this program does not know",
				VIEW_ARG(name), m->component);
			return err_hint(err, "it was written by a newer towpath: use that one");
		}
		n++;
	}
	*ret = n;
	return r;
}

static int apply_step(struct db_tx *tx, const struct migration *m, size_t i, struct err *err)
{
	char *sql CLEANUP(freep) = m->db->driver->translate(m->steps[i].sql);

	if (m->db->driver->run(tx->conn, sql, err) < 0)
		return err_wrap(err, "step %s", m->steps[i].name);
	return db_exec(tx, "INSERT INTO schema_step(component, number, name) VALUES (?1, ?2, ?3)",
		DB_ARGS(DB_TEXT(m->component), DB_INT((int64_t)i), DB_TEXT(m->steps[i].name)), NULL,
		err);
}

static int migrate(struct db_tx *tx, void *arg, struct err *err)
{
	const struct migration *m = arg;
	char *create CLEANUP(freep) =
		m->db->driver->translate("CREATE TABLE IF NOT EXISTS schema_step("
					 "component TEXT, number INTEGER, name TEXT, "
					 "PRIMARY KEY (component, number))");
	size_t applied;

	if (m->db->driver->run(tx->conn, create, err) < 0 ||
		count_applied(tx, m, &applied, err) < 0)
		return -1;
	for (size_t i = applied; i < m->n; i++)
		if (apply_step(tx, m, i, err) < 0)
			return -1;
	return 0;
}

/* True when every step is recorded, so that a start of the server need not write. */
static int check_applied(struct db_tx *tx, void *arg, struct err *err)
{
	struct migration *m = arg;
	size_t applied;

	if (count_applied(tx, m, &applied, err) < 0)
		return -1;
	return applied == m->n ? 0 : err_set(err, ERR_NOT_FOUND, "steps are missing");
}

int db_migrate(struct db *db, const char *component, const struct db_migration *steps, size_t n,
	struct err *err)
{
	struct migration m = {db, component, steps, n};
	struct err ignored CLEANUP_ERR = ERR_INIT;

	if (db_read(db, check_applied, &m, &ignored) == 0)
		return 0;
	return db_write(db, migrate, &m, err);
}

static int look(struct db_tx *tx, void *arg, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	(void)arg;
	if (db_query(tx, "SELECT 1", DB_NO_ARGS, &rows, err) < 0)
		return -1;
	return db_next(rows, err) < 0 ? -1 : 0;
}

int db_ping(struct db *db, struct err *err)
{
	return db_read(db, look, NULL, err);
}

int db_backup(struct db *db, const char *path, struct err *err)
{
	struct db_conn *conn;
	int r;

	if (take_reader(db, &conn, err) < 0)
		return -1;
	r = db->driver->backup(conn, path, err);
	give_reader(db, conn);
	return r;
}
