/* SPDX-License-Identifier: Apache-2.0 */
/* Log events that came in by API. */
#include "store/log_event.h"

#include "base/vec.h"

const struct db_migration store_log_event_migrations[] = {
	{"1-create", "CREATE TABLE log_event ("
		     "stream TEXT NOT NULL, "
		     "msec BIGINT NOT NULL, "
		     "sequence BIGINT NOT NULL, "
		     "ingestion_msec BIGINT NOT NULL, "
		     "message TEXT NOT NULL, "
		     "PRIMARY KEY (stream, msec, sequence))"},
};
const size_t store_log_event_migrations_n = ARRAY_SIZE(store_log_event_migrations);

int store_log_event_add(
	struct db_tx *tx, const char *stream, const struct store_log_event *event, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO log_event (stream, msec, sequence, ingestion_msec, message) "
		"VALUES (?1, ?2, ?3, ?4, ?5)",
		DB_ARGS(DB_TEXT(stream), DB_INT(event->msec), DB_INT(event->sequence),
			DB_INT(event->ingestion_msec), DB_TEXT(event->message)),
		NULL, err);
}

static const char forward_sql[] =
	"SELECT sequence, msec, ingestion_msec, message FROM log_event WHERE stream = ?1 AND "
	"msec >= ?2 AND msec < ?3 AND (msec > ?4 OR (msec = ?4 AND sequence > ?5)) "
	"ORDER BY msec, sequence LIMIT ?6";
static const char backward_sql[] =
	"SELECT sequence, msec, ingestion_msec, message FROM log_event WHERE stream = ?1 AND "
	"msec >= ?2 AND msec < ?3 AND (msec < ?4 OR (msec = ?4 AND sequence < ?5)) "
	"ORDER BY msec DESC, sequence DESC LIMIT ?6";

int store_log_event_read(struct db_tx *tx, const struct store_log_query *q, struct arena *a,
	struct store_log_event **ret, size_t *ret_n, struct err *err)
{
	VEC(struct store_log_event) found = {0};
	struct db_rows *rows CLEANUP_ROWS = NULL;
	size_t bytes = 0;
	int r = 1;

	*ret_n = 0;
	if (db_query(tx, q->backwards ? backward_sql : forward_sql,
		    DB_ARGS(DB_TEXT(q->stream), DB_INT(q->from_msec), DB_INT(q->to_msec),
			    DB_INT(q->at_msec), DB_INT(q->at_sequence), DB_INT((int64_t)q->max)),
		    &rows, err) < 0)
		return -1;
	while ((!q->bytes || bytes <= q->bytes) && (r = db_next(rows, err)) > 0) {
		vec_push(&found, ((struct store_log_event){
					 .sequence = db_col_int(rows, 0),
					 .msec = db_col_int(rows, 1),
					 .ingestion_msec = db_col_int(rows, 2),
					 .message = db_col_text(rows, 3, a),
				 }));
		bytes += strlen(found.v[found.n - 1].message);
	}
	*ret = arena_new_n(a, found.n + 1, struct store_log_event);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	*ret_n = found.n;
	vec_release(&found);
	return r < 0 ? -1 : 0;
}

int store_log_event_drop(struct db_tx *tx, const char *stream, int64_t before_msec, struct err *err)
{
	return db_exec(tx, "DELETE FROM log_event WHERE stream = ?1 AND msec < ?2",
		DB_ARGS(DB_TEXT(stream), DB_INT(before_msec)), NULL, err);
}
