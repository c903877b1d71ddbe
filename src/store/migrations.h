/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of all entities' tables. */
#ifndef TOWPATH_STORE_MIGRATIONS_H
#define TOWPATH_STORE_MIGRATIONS_H

#include "db/db.h"

/* Brings the tables of every entity to this program's form. */
int store_migrate(struct db *db, struct err *err);

#endif
