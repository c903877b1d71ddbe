/* SPDX-License-Identifier: Apache-2.0 */
/* Inside api/gitlfs*.c only: one request of Git LFS. */
#ifndef TOWPATH_API_GITLFS_REQUEST_H
#define TOWPATH_API_GITLFS_REQUEST_H

#include "api/git_access.h"
#include "codec/json.h"

struct gitlfs_request {
	struct git_access *git;
	struct http_exchange *x;
	struct arena *a;  /* the exchange's */
	const char *part; /* of the path: an object's or a lock's id */
};

void gitlfs_reply(struct gitlfs_request *r, int status, const struct str *json);
void gitlfs_refuse(struct gitlfs_request *r, int status, const char *message);
/* The request's body. ERR_MALFORMED, ERR_TOO_LARGE. */
int gitlfs_read_json(struct gitlfs_request *r, const struct json_node **ret, struct err *err);

/* Handlers: 0 when they have replied. */
int gitlfs_batch(struct gitlfs_request *r, struct err *err);
int gitlfs_verify(struct gitlfs_request *r, struct err *err);
int gitlfs_download(struct gitlfs_request *r, struct err *err);
int gitlfs_upload(struct gitlfs_request *r, struct err *err);
int gitlfs_lock(struct gitlfs_request *r, struct err *err);
int gitlfs_locks(struct gitlfs_request *r, struct err *err);
int gitlfs_verify_locks(struct gitlfs_request *r, struct err *err);
int gitlfs_unlock(struct gitlfs_request *r, struct err *err);

#endif
