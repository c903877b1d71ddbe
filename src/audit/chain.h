/* SPDX-License-Identifier: Apache-2.0 */
/* The form of an audit file: lines "<64 hex digits> <JSON>", each with a keyed digest of the digest
 * before and of its own JSON. Private to audit/. */
#ifndef TOWPATH_AUDIT_CHAIN_H
#define TOWPATH_AUDIT_CHAIN_H

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "crypto/digest.h"
#include "crypto/seal.h"

#define AUDIT_DIGEST 64

/* How far a chain has come. */
struct audit_chain {
	struct digest_hmac mac; /* with the key; copies of a chain share it */
	int64_t count;
	char digest[AUDIT_DIGEST + 1]; /* of the last line; "" before the first */
	char file[32];		       /* that the last line is in; "" before the first */
	int64_t end;		       /* where it ends there */
};

/* Reads the key, and makes it where there is none. */
int audit_chain_init(struct audit_chain *c, const char *key_path, struct err *err);
/* Also half made, or zeroed. */
void audit_chain_release(struct audit_chain *c);
/* The digest of the next line. */
struct digest_text audit_digest(struct audit_chain *c, struct view json);
/* Takes the line in; size: of the whole line with its end. */
void audit_chain_add(struct audit_chain *c, const struct digest_text *d, size_t size);
/* Splits a line without its end; false when it has not the form. */
bool audit_line_parse(struct view line, struct view *ret_digest, struct view *ret_json);

/* The head file's text. */
void audit_head_write(struct audit_chain *c, struct str *out);
/* 1, or 0 when it was not written with this key. */
int audit_head_read(struct view text, struct audit_chain *c);
/* The names of the audit files in a folder, the oldest first. */
int audit_files(const char *dir, struct strv *ret, struct err *err);

#endif
