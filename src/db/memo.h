/* SPDX-License-Identifier: Apache-2.0 */
/* Answers read from the database, kept for as long as nothing is committed.
 *
 * An answer is given again only while db_version() is what it was both before and after it was
 * read, so it is what a read at this moment would find. Where several servers share the database
 * nothing is ever kept. */
#ifndef TOWPATH_DB_MEMO_H
#define TOWPATH_DB_MEMO_H

#include "db/db.h"

struct db_memo;

/* Borrows db. Keeps at most max_bytes of answers; what is over that is forgotten at once. */
struct db_memo *db_memo_new(struct db *db, size_t max_bytes);
struct db_memo *db_memo_free(struct db_memo *m);

/* True: *ret is the answer, copied into the arena. False: read it from the database and hand it to
 * db_memo_put() with the *ret_version of this call. */
bool db_memo_get(struct db_memo *m, const char *key, struct arena *a, struct view *ret,
	uint64_t *ret_version);
void db_memo_put(struct db_memo *m, const char *key, uint64_t version, struct view answer);

#endif
