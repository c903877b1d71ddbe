/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of a cache in a bucket: what cache_bucket.c asks of the server over S3, as the build
 * itself could, with the credentials of the build's role. */
#ifndef TOWPATH_LEADER_CACHE_OBJECT_H
#define TOWPATH_LEADER_CACHE_OBJECT_H

#include "leader/job.h"
#include "net/http_client.h"

struct cache_objects {
	struct job *j;
	struct http_client *http;
	const char *bucket, *url; /* of the bucket, with a slash at its end */
	const char *region, *key_id, *secret, *token;
};

#define CLEANUP_CACHE_OBJECTS CLEANUP(cache_objects_release)

/* Finds address and credentials in the build's environment; texts live in the job's arena. */
int cache_objects_open(struct job *j, struct cache_objects *ret, struct err *err);
void cache_objects_release(struct cache_objects *o);
/* Writes an object into fd: 1, 0 there is none, -1. *ret_sha256: as stored with it, or NULL. */
int cache_object_get(
	struct cache_objects *o, const char *key, int fd, const char **ret_sha256, struct err *err);
/* The key that begins so and changed last: 1, 0 there is none, -1. */
int cache_object_latest(
	struct cache_objects *o, const char *prefix, const char **ret_key, struct err *err);
/* Stores the whole of fd: 1, 0 when `keep` is set and there is such an object already, -1. */
int cache_object_put(struct cache_objects *o, const char *key, int fd, const char *sha256,
	bool keep, struct err *err);
/* Two compute_builtins (cache_inside.c). Both write "ok FILES BYTES" or "error TEXT" into fds[1].
 * Packs what fits the patterns into fds[0]; argv: name, source folder, patterns ... */
int cache_pack_inside(char **argv, const int *fds, size_t n_fds);
/* Unpacks fds[0] into the root; argv: name. */
int cache_unpack_inside(char **argv, const int *fds, size_t n_fds);

#endif
