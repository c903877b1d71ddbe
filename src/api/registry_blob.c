/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs: looked at, fetched whole or in part, uploaded at once, in chunks, or resumed. */
#include <fcntl.h>
#include <stdlib.h>

#include "api/registry_request.h"
#include "base/fd.h"
#include "base/mem.h"

#define BUFFER (64 * KIB)

static bool check_digest(struct registry_request *r, const char *digest)
{
	if (artifact_digest_valid(digest))
		return true;
	registry_refuse(r, 400, "DIGEST_INVALID", "A digest is sha256: and 64 hex digits");
	return false;
}

static void head(struct registry_request *r, const char *digest)
{
	http_set_header(r->x, "Docker-Content-Digest", digest);
	registry_set_header(r, "ETag", "\"%s\"", digest);
	http_set_header(r->x, "Accept-Ranges", "bytes");
	http_set_header(r->x, "Content-Type", "application/octet-stream");
}

int registry_head_blob(struct registry_request *r, struct err *err)
{
	int64_t size;

	if (!check_digest(r, r->reference))
		return 0;
	if (artifact_image_blob_stat(r->config->artifact, r->name, r->reference, &size, err) < 0)
		return -1;
	head(r, r->reference);
	/* Says how long the body would be; nothing is read from the file. */
	http_reply_file(r->x, 200, open("/dev/null", O_RDONLY | O_CLOEXEC), 0, size);
	return 0;
}

int registry_get_blob(struct registry_request *r, struct err *err)
{
	struct artifact_range range;
	int64_t size;
	int fd CLEANUP_FD = -1;

	if (!check_digest(r, r->reference))
		return 0;
	if (artifact_image_blob_open(r->config->artifact, r->name, r->reference, &fd, &size, err) <
		0)
		return -1;
	if (artifact_parse_range(http_header(r->x, "Range"), size, &range, err) < 0) {
		registry_set_header(r, "Content-Range", "bytes */%lld", (long long)size);
		return -1;
	}
	head(r, r->reference);
	if (range.partial)
		registry_set_header(r, "Content-Range", "bytes %lld-%lld/%lld",
			(long long)range.offset, (long long)(range.offset + range.size - 1),
			(long long)size);
	http_reply_file(r->x, range.partial ? 206 : 200, TAKE_FD(fd), range.offset, range.size);
	return 0;
}

int registry_delete_blob(struct registry_request *r, struct err *err)
{
	if (!check_digest(r, r->reference))
		return 0;
	if (artifact_image_blob_delete(r->config->artifact, r->name, r->reference, err) < 0)
		return -1;
	http_reply(r->x, 202, VIEW(""));
	return 0;
}

/* ---- uploads ---- */

#define CLEANUP_UPLOAD CLEANUP(artifact_image_upload_closep)

static void tell_progress(struct registry_request *r, const char *id, int64_t size)
{
	registry_set_header(r, "Location", "/v2/%s/blobs/uploads/%s", r->name, id);
	http_set_header(r->x, "Docker-Upload-UUID", id);
	registry_set_header(r, "Range", "0-%lld", (long long)MAX(size - 1, 0));
}

static void reply_created(struct registry_request *r, const char *digest)
{
	http_set_header(r->x, "Docker-Content-Digest", digest);
	registry_set_header(r, "Location", "/v2/%s/blobs/%s", r->name, digest);
	http_reply(r->x, 201, VIEW(""));
}

static int open_upload(struct registry_request *r, struct image_upload **ret, struct err *err)
{
	return artifact_image_upload_open(r->config->artifact, r->name, r->reference, ret, err);
}

/* The body, to its end. What came before a broken connection stays: it can be gone on with. */
static int receive(struct registry_request *r, struct image_upload *u, struct err *err)
{
	char buf[BUFFER];
	ssize_t n;

	while ((n = http_read(r->x, buf, sizeof(buf), err)) > 0)
		if (artifact_image_upload_write(u, buf, (size_t)n, err) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

/* "first-last" of a chunk must go on where the upload stands. */
static int check_chunk(struct registry_request *r, const struct image_upload *u, struct err *err)
{
	const char *text = http_header(r->x, "Content-Range");
	int64_t size = artifact_image_upload_size(u);
	long long first, last;
	char *end;

	if (!text)
		return 0;
	if (starts_with(text, "bytes "))
		text += strlen("bytes ");
	first = strtoll(text, &end, 10);
	last = *end == '-' ? strtoll(end + 1, NULL, 10) : -1;
	if (first == size && last >= first - 1 &&
		(http_content_length(r->x) < 0 || last - first + 1 == http_content_length(r->x)))
		return 0;
	tell_progress(r, r->reference, size);
	return err_set_wire(err, "InvalidLayerPartException",
		"Content-Range %s does not fit: %lld bytes were received, the chunk has %lld", text,
		(long long)size, (long long)http_content_length(r->x));
}

static int finish(
	struct registry_request *r, struct image_upload *u, const char *digest, struct err *err)
{
	if (artifact_image_upload_finish(u, digest, NULL, err) < 0)
		return -1;
	reply_created(r, digest);
	return 0;
}

/* 1: mounted and replied; 0: it is not to be had that way. */
static int try_mount(struct registry_request *r, struct err *err)
{
	const char *digest = form_get(&r->query, "mount"), *from = form_get(&r->query, "from");
	CLEANUP_ERR struct err denied = ERR_INIT;
	int mounted;

	if (!digest || !from || !artifact_digest_valid(digest) ||
		registry_authorize(r, "ecr:GetDownloadUrlForLayer", from, &denied) < 0)
		return 0;
	mounted = artifact_image_blob_mount(r->config->artifact, r->name, from, digest, err);
	if (mounted > 0)
		reply_created(r, digest);
	return mounted;
}

/* The whole blob with the first request. */
static int receive_whole(
	struct registry_request *r, const char *id, const char *digest, struct err *err)
{
	struct image_upload *u CLEANUP_UPLOAD = NULL;

	if (registry_authorize(r, "ecr:UploadLayerPart", r->name, err) < 0 ||
		registry_authorize(r, "ecr:CompleteLayerUpload", r->name, err) < 0 ||
		artifact_image_upload_open(r->config->artifact, r->name, id, &u, err) < 0)
		return -1;
	if (receive(r, u, err) == 0)
		return finish(r, u, digest, err);
	artifact_image_upload_cancel(u, NULL);
	return -1;
}

int registry_post_uploads(struct registry_request *r, struct err *err)
{
	const char *digest = form_get(&r->query, "digest"), *id;
	int mounted = try_mount(r, err);

	if (mounted)
		return MIN(mounted, 0);
	if (digest && !check_digest(r, digest))
		return 0;
	if (artifact_image_upload_begin(r->config->artifact, r->name, r->a, &id, err) < 0)
		return -1;
	if (digest)
		return receive_whole(r, id, digest, err);
	tell_progress(r, id, 0);
	http_reply(r->x, 202, VIEW(""));
	return 0;
}

int registry_get_upload(struct registry_request *r, struct err *err)
{
	struct image_upload *u CLEANUP_UPLOAD = NULL;

	if (open_upload(r, &u, err) < 0 || artifact_image_upload_sync(u, err) < 0)
		return -1;
	tell_progress(r, r->reference, artifact_image_upload_size(u));
	http_reply(r->x, 204, VIEW(""));
	return 0;
}

int registry_patch_upload(struct registry_request *r, struct err *err)
{
	struct image_upload *u CLEANUP_UPLOAD = NULL;

	if (open_upload(r, &u, err) < 0 || check_chunk(r, u, err) < 0 || receive(r, u, err) < 0 ||
		artifact_image_upload_sync(u, err) < 0)
		return -1;
	tell_progress(r, r->reference, artifact_image_upload_size(u));
	http_reply(r->x, 202, VIEW(""));
	return 0;
}

int registry_put_upload(struct registry_request *r, struct err *err)
{
	struct image_upload *u CLEANUP_UPLOAD = NULL;
	const char *digest = form_get(&r->query, "digest");

	if (!check_digest(r, digest))
		return 0;
	if (open_upload(r, &u, err) < 0 || check_chunk(r, u, err) < 0 || receive(r, u, err) < 0)
		return -1;
	return finish(r, u, digest, err);
}

int registry_delete_upload(struct registry_request *r, struct err *err)
{
	struct image_upload *u CLEANUP_UPLOAD = NULL;

	if (open_upload(r, &u, err) < 0 || artifact_image_upload_cancel(u, err) < 0)
		return -1;
	http_reply(r->x, 204, VIEW(""));
	return 0;
}
