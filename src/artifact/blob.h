/* SPDX-License-Identifier: Apache-2.0 */
/* Content files. A file is written in objects/tmp under a random id and synced there; only then
 * may a row name it (A1). Afterwards it moves to objects/XX/; readers look in both places, so a
 * crash in between does no harm. */
#ifndef TOWPATH_ARTIFACT_BLOB_H
#define TOWPATH_ARTIFACT_BLOB_H

#include "crypto/digest.h"
#include "base/err.h"

struct blob_store {
	char *root, *tmp; /* DIR/objects, DIR/objects/tmp */
};

struct blob_id {
	char text[33];
};

/* A file under way. */
struct blob_writer {
	const struct blob_store *store;
	struct blob_id id;
	char *path;
	int fd;
	int64_t size;
	struct digest md5;
	struct digest extra; /* a checksum that the client asked for */
	bool has_extra;
};

int blob_store_init(struct blob_store *s, const char *data_dir, struct err *err);
void blob_store_release(struct blob_store *s);

int blob_create(const struct blob_store *s, struct blob_writer *w, struct err *err);
void blob_add_digest(struct blob_writer *w, enum digest_kind kind);
int blob_write(struct blob_writer *w, const void *bytes, size_t n, struct err *err);
/* Syncs file and folder; from now on a row may name it. */
int blob_sync(struct blob_writer *w, struct err *err);
/* After the row committed: keeps the file. Without it blob_writer_release() removes it. */
void blob_keep(struct blob_writer *w);
void blob_writer_release(struct blob_writer *w);
#define CLEANUP_BLOB_WRITER CLEANUP(blob_writer_release)

/* Another name for the same content, synced: as a finished blob_writer. */
int blob_link(const struct blob_store *s, const char *id, struct blob_writer *w, struct err *err);
/* ERR_NOT_FOUND when it is (no longer) there. */
int blob_open(const struct blob_store *s, const char *id, int *ret_fd, struct err *err);
/* For going on writing where no row names it as finished content. */
int blob_reopen(const struct blob_store *s, const char *id, int *ret_fd, struct err *err);
/* Missing is fine. */
int blob_remove(const struct blob_store *s, const char *id, struct err *err);
/* From tmp to its place; what cannot be moved stays readable. */
void blob_settle(const struct blob_store *s, const char *id);

#endif
