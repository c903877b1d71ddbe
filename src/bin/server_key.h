/* SPDX-License-Identifier: Apache-2.0 */
/* The key that seals secrets in the database: where it lies, that it belongs to the database, and
 * how another one takes its place.
 *
 * K1 The database says which key it is sealed with (a digest), in the transaction that seals.
 * K2 A new key is on the disk, as FILE.next, before anything is sealed with it; it takes FILE's
 *    place after the commit. Whichever the database names is the key: what a crash left is settled
 *    by whoever opens the key next. */
#ifndef TOWPATH_BIN_SERVER_KEY_H
#define TOWPATH_BIN_SERVER_KEY_H

#include "crypto/seal.h"
#include "db/db.h"

/* Where the key lies: key_file, or DATA/keys/seal.key. Caller frees. */
char *server_key_path(const char *data_dir, const char *key_file) MUST_CHECK;
/* Settles a change that was broken off, and reads the key; with an empty database makes one.
 * ERR_INVALID or ERR_NOT_FOUND when it is not the one that the database is sealed with. */
int server_key_open(struct db *db, const char *path, struct seal_key *ret, struct err *err);
/* Seals everything with a new key, while no server runs. *ret_n: how many secrets. */
int server_key_rotate(struct db *db, const char *path, size_t *ret_n, struct err *err);

#endif
