/* SPDX-License-Identifier: Apache-2.0 */
/* Archived events. */
#include "store/event_archive.h"

#include <string.h>

#include "base/vec.h"

const struct db_migration store_event_archive_migrations[] = {
	{"1-create", "CREATE TABLE event_archive ("
		     "archive TEXT NOT NULL, "
		     "usec BIGINT NOT NULL, "
		     "id TEXT NOT NULL, "
		     "bytes BIGINT NOT NULL, "
		     "event TEXT NOT NULL, "
		     "PRIMARY KEY (archive, usec, id))"},
};
const size_t store_event_archive_migrations_n = ARRAY_SIZE(store_event_archive_migrations);

int store_event_archive_add(struct db_tx *tx, const char *archive,
	const struct store_archived_event *event, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO event_archive (archive, usec, id, bytes, event) "
		"VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
		DB_ARGS(DB_TEXT(archive), DB_INT(event->usec), DB_TEXT(event->id),
			DB_INT((int64_t)strlen(event->event)), DB_TEXT(event->event)),
		NULL, err);
}

int store_event_archive_read(struct db_tx *tx, const struct store_archive_query *q, struct arena *a,
	struct store_archived_event **ret, size_t *ret_n, struct err *err)
{
	VEC(struct store_archived_event) found = {0};
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	*ret_n = 0;
	if (db_query(tx,
		    "SELECT usec, id, event FROM event_archive WHERE archive = ?1 AND usec >= ?2 "
		    "AND "
		    "usec < ?3 AND (usec > ?4 OR (usec = ?4 AND id > ?5)) "
		    "ORDER BY usec, id LIMIT ?6",
		    DB_ARGS(DB_TEXT(q->archive), DB_INT(q->from_usec), DB_INT(q->to_usec),
			    DB_INT(q->at_id ? q->at_usec : INT64_MIN),
			    DB_TEXT(q->at_id ? q->at_id : ""), DB_INT((int64_t)q->max)),
		    &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0)
		vec_push(&found, ((struct store_archived_event){
					 .usec = db_col_int(rows, 0),
					 .id = db_col_text(rows, 1, a),
					 .event = db_col_text(rows, 2, a),
				 }));
	*ret = arena_new_n(a, found.n + 1, struct store_archived_event);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	*ret_n = found.n;
	vec_release(&found);
	return r;
}

int store_event_archive_measure(struct db_tx *tx, const char *archive, int64_t *ret_count,
	int64_t *ret_bytes, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx,
		    "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM event_archive "
		    "WHERE archive = ?1",
		    DB_ARGS(DB_TEXT(archive)), &rows, err) < 0 ||
		db_next(rows, err) < 0)
		return -1;
	*ret_count = db_col_int(rows, 0);
	*ret_bytes = db_col_int(rows, 1);
	return 0;
}

int store_event_archive_drop(
	struct db_tx *tx, const char *archive, int64_t before_usec, struct err *err)
{
	return db_exec(tx, "DELETE FROM event_archive WHERE archive = ?1 AND usec < ?2",
		DB_ARGS(DB_TEXT(archive), DB_INT(before_usec)), NULL, err);
}
