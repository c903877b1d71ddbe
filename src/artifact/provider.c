/* SPDX-License-Identifier: Apache-2.0 */
/* The store for the other engines' providers: files and descriptors instead of HTTP. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "artifact/engine.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"

/* A body that comes from a descriptor. */
struct fd_stream {
	struct call_stream stream;
	int fd;
};

static ssize_t read_fd(struct call_stream *s, void *buf, size_t n, struct err *err)
{
	return fd_read_full(CONTAINER_OF(s, struct fd_stream, stream)->fd, buf, n, err);
}

static void tell(const struct store_object *o, struct artifact_object *ret)
{
	*ret = (struct artifact_object){
		.bucket = o->bucket,
		.key = o->key,
		.version_id = o->version_id,
		.etag = o->etag,
		.content_type = o->meta->content_type,
		.size = o->size,
		.modified_usec = o->modified_usec,
	};
}

static struct towpath_object_meta *put_meta(const struct artifact_put *put, struct arena *a)
{
	struct towpath_object_meta *meta = arena_new(a, struct towpath_object_meta);

	meta->content_type = put->content_type ? put->content_type : "binary/octet-stream";
	meta->server_side_encryption = put->server_side_encryption;
	meta->ssekms_key_id = put->kms_key_id;
	if (put->metadata && put->metadata->n) {
		wire_list_alloc(a, &meta->metadata, put->metadata->n);
		for (size_t i = 0; i < put->metadata->n; i++) {
			meta->metadata.v[i].key = put->metadata->v[i].key;
			meta->metadata.v[i].value = put->metadata->v[i].value;
		}
	}
	return meta;
}

int artifact_put_fd(struct artifact_engine *e, const struct artifact_put *put, int fd,
	struct arena *a, struct artifact_object *ret, struct err *err)
{
	struct blob_writer w CLEANUP_BLOB_WRITER = {.fd = -1};
	struct artifact_commit c = {.e = e, .arena = a};
	struct fd_stream body = {.stream = {.length = -1, .read = read_fd, .fd = -1}, .fd = fd};
	struct towpath_object_meta *meta = put_meta(put, a);
	struct checksum_claim claim = {0};

	if (artifact_check_key(put->key, err) < 0 || blob_create(&e->blobs, &w, err) < 0 ||
		artifact_receive(&w, &body.stream, &claim, a, meta, err) < 0 ||
		blob_sync(&w, err) < 0)
		return -1;
	c.object = (struct store_object){
		.bucket = put->bucket,
		.key = put->key,
		.size = w.size,
		.etag = artifact_etag(&w, a),
		.meta = meta,
	};
	if (artifact_commit(&c, &w, err) < 0)
		return -1;
	if (ret)
		tell(&c.object, ret);
	return 0;
}

int artifact_put_path(struct artifact_engine *e, const struct artifact_put *put, const char *path,
	struct arena *a, struct artifact_object *ret, struct err *err)
{
	int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, errno, "opening %s", path);
	return artifact_put_fd(e, put, fd, a, ret, err);
}

int artifact_head(struct artifact_engine *e, const char *bucket, const char *key,
	const char *version, struct arena *a, struct artifact_object *ret, struct err *err)
{
	struct store_object o;

	if (artifact_load(e, bucket, key, version, a, &o, err) < 0)
		return -1;
	tell(&o, ret);
	return 0;
}

int artifact_open(struct artifact_engine *e, const char *bucket, const char *key,
	const char *version, struct arena *a, struct artifact_object *ret, int *ret_fd,
	struct err *err)
{
	struct store_object o;

	if (artifact_load_open(e, bucket, key, version, a, &o, ret_fd, err) < 0)
		return -1;
	tell(&o, ret);
	return 0;
}

/* Copies what is open on from, in the kernel where it can. */
static int copy_all(int from, int to, int64_t size, struct err *err)
{
	char buf[64 * 1024];
	ssize_t n;

	while (size > 0) {
		n = copy_file_range(from, NULL, to, NULL, (size_t)size, 0);
		if (n <= 0)
			break;
		size -= n;
	}
	while (size > 0 && (n = fd_read_full(from, buf, sizeof(buf), err)) != 0) {
		if (n < 0 || fd_write_all(to, buf, (size_t)n, err) < 0)
			return -1;
		size -= n;
	}
	return size > 0 ? err_set(err, ERR_IO, "stored content is shorter than it was") : 0;
}

int artifact_get_path(struct artifact_engine *e, const char *bucket, const char *key,
	const char *version, const char *path, struct arena *a, struct artifact_object *ret,
	struct err *err)
{
	char *tmp CLEANUP(freep) = xasprintf("%s.part", path);
	struct artifact_object o;
	int from CLEANUP_FD = -1, to CLEANUP_FD = -1;

	if (artifact_open(e, bucket, key, version, a, &o, &from, err) < 0)
		return -1;
	to = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (to < 0)
		return err_errno(err, errno, "making %s", tmp);
	if (copy_all(from, to, o.size, err) < 0) {
		unlink(tmp);
		return err_wrap(err, "copying %s/%s to %s", bucket, key, path);
	}
	if (rename(tmp, path) < 0)
		return err_errno(err, errno, "making %s", path);
	if (ret)
		*ret = o;
	return 0;
}
