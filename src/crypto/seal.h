/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets at rest: AES-256-GCM under a key that lies in a file of its own (0600), outside of the
 * database, so that a copy of the database alone tells nothing. */
#ifndef TOWPATH_CRYPTO_SEAL_H
#define TOWPATH_CRYPTO_SEAL_H

#include "base/err.h"
#include "base/str.h"
#include "base/view.h"

#define SEAL_KEY_SIZE 32

struct seal_key {
	unsigned char bytes[SEAL_KEY_SIZE];
};

/* Reads the key file, or makes one. */
int seal_key_load(const char *path, struct seal_key *ret, struct err *err);
/* Another key, made of this one for a purpose: knowing it tells nothing of this one. */
struct seal_key seal_derive(const struct seal_key *key, const char *purpose);
/* Appends the sealed text as hex digits. `context` (an id) is bound to it: opening with another
 * one fails. */
void seal_close(
	const struct seal_key *key, struct view plain, const char *context, struct str *out);
/* Appends the plain text. ERR_INVALID when it was sealed by another key, for another context, or
 * was changed. */
int seal_open(const struct seal_key *key, struct view sealed, const char *context, struct str *out,
	struct err *err);

/* Opens with one key and appends what the other makes of it: the same errors. */
int seal_again(const struct seal_key *from, const struct seal_key *to, struct view sealed,
	const char *context, struct str *out, struct err *err);

#endif
