/* SPDX-License-Identifier: Apache-2.0 */
/* What a database implementation provides. Connections are used by one thread at a time. */
#ifndef TOWPATH_DB_DRIVER_H
#define TOWPATH_DB_DRIVER_H

#include "db/db.h"

/* Both are the head of the driver's own structs. */
struct db_conn {
	struct db_conn *next_free;
};

struct db_rows {
	const struct db_driver *driver;
	struct db_tx *tx;
};

struct db_driver {
	const char *scheme; /* of the URL, "sqlite" */
	bool shared;	    /* several servers may use the database at once */
	int (*connect)(const char *url, bool read_only, struct db_conn **ret, struct err *err);
	void (*disconnect)(struct db_conn *c);
	/* Transaction control and other statements without parameters or rows. */
	int (*run)(struct db_conn *c, const char *sql, struct err *err);
	const char *begin_write, *begin_read;
	/* True while the transaction that was begun still stands (it is gone after some errors). */
	bool (*in_transaction)(struct db_conn *c);
	/* True when the connection is of no more use. */
	bool (*is_broken)(struct db_conn *c);
	/* Runs to its end; *ret_changed gets the number of rows changed. */
	int (*exec)(struct db_conn *c, const char *sql, struct db_args args, int64_t *ret_changed,
		struct err *err);
	int (*query)(struct db_conn *c, const char *sql, struct db_args args, struct db_rows **ret,
		struct err *err);
	int (*next)(struct db_rows *rows, struct err *err);
	void (*close)(struct db_rows *rows);
	bool (*col_null)(const struct db_rows *rows, int col);
	int64_t (*col_int)(const struct db_rows *rows, int col);
	double (*col_real)(const struct db_rows *rows, int col);
	struct view (*col_bytes)(const struct db_rows *rows, int col);
	/* Migration SQL in this database's words; caller frees. */
	char *(*translate)(const char *sql);
	int (*backup)(struct db_conn *c, const char *path, struct err *err);
};

extern const struct db_driver db_sqlite_driver, db_postgres_driver;

#endif
