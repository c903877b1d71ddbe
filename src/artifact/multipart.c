/* SPDX-License-Identifier: Apache-2.0 */
/* Multipart uploads: parts are content files of their own until they are put together. */
#include <errno.h>
#include <unistd.h>

#include "artifact/engine.h"
#include "artifact/object.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/vec.h"

#define MAX_PART ((int64_t)(5 * GIB))
#define MIN_PART ((int64_t)(5 * MIB)) /* but for the last */
#define MAX_LIST 1000

static int no_upload(struct err *err)
{
	err_set_wire(err, "NoSuchUpload",
		"The specified upload does not exist. The upload ID may be invalid, or the upload "
		"may have been aborted or completed.");
	err->kind = ERR_NOT_FOUND;
	return -1;
}

/* Within a transaction: the upload, when it is one to this bucket and key. */
static int need_upload(struct db_tx *tx, const char *id, const char *bucket, const char *key,
	struct arena *a, struct store_upload *ret, struct err *err)
{
	struct store_bucket b;
	int r;

	if (artifact_need_bucket(tx, bucket, a, &b, err) < 0)
		return -1;
	r = store_upload_get(tx, id, a, ret, err);
	if (r < 0)
		return -1;
	if (r == 0 || !streq(ret->bucket, bucket) || !streq(ret->key, key))
		return no_upload(err);
	return 0;
}

/* ---- CreateMultipartUpload ---- */

struct create {
	struct store_upload upload;
	struct arena *arena;
};

static int create_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct create *c = arg;
	struct store_bucket b;

	if (artifact_need_bucket(tx, c->upload.bucket, c->arena, &b, err) < 0)
		return -1;
	return store_upload_insert(tx, &c->upload, err);
}

int artifact_create_multipart_upload(struct artifact_engine *e, struct call *call,
	const struct s3_create_multipart_upload_request *req,
	struct s3_create_multipart_upload_response *resp, struct err *err)
{
	struct create c = {.arena = call->arena};
	struct towpath_object_meta *meta;

	if (artifact_check_key(req->key, err) < 0 ||
		artifact_new_meta(&s3_create_multipart_upload_request_shape, req, call->arena,
			&meta, err) < 0)
		return -1;
	if (meta->checksum_algorithm && !checksum_by_name(meta->checksum_algorithm))
		return err_set_wire(err, "InvalidRequest",
			"The checksum algorithm %s is not supported here.",
			meta->checksum_algorithm);
	c.upload = (struct store_upload){
		artifact_new_id(call->arena), req->bucket, req->key, durable_now(e->durable), meta};
	if (durable_step(e->durable, create_fn, &c, err) < 0)
		return -1;
	wire_assign(
		&s3_create_multipart_upload_response_shape, resp, &towpath_object_meta_shape, meta);
	resp->bucket = req->bucket;
	resp->key = req->key;
	resp->upload_id = c.upload.id;
	return 0;
}

struct encryption {
	const char *id;
	struct arena *arena;
	struct store_upload upload;
	int found;
};

static int encryption_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct encryption *s = arg;

	s->found = store_upload_get(tx, s->id, s->arena, &s->upload, err);
	return MIN(s->found, 0);
}

int artifact_upload_encryption(struct artifact_engine *e, const char *upload_id, struct arena *a,
	const char **ret_algorithm, const char **ret_key, struct err *err)
{
	struct encryption s = {.id = upload_id, .arena = a};

	if (db_read(durable_db(e->durable), encryption_fn, &s, err) < 0)
		return -1;
	*ret_algorithm = s.found ? s.upload.meta->server_side_encryption : NULL;
	*ret_key = s.found ? s.upload.meta->ssekms_key_id : NULL;
	return 0;
}

/* ---- UploadPart, UploadPartCopy ---- */

struct put_part {
	struct artifact_engine *e;
	const char *upload_id, *bucket, *key;
	struct store_part part;
	struct arena *arena;
};

static int look_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct put_part *p = arg;
	struct store_upload u;

	return need_upload(tx, p->upload_id, p->bucket, p->key, p->arena, &u, err);
}

static int part_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct put_part *p = arg;
	struct store_part before;
	int r;

	if (look_fn(tx, p, err) < 0)
		return -1;
	r = store_part_get(tx, p->upload_id, p->part.number, p->arena, &before, err);
	if (r < 0 || (r > 0 && artifact_discard(p->e, tx, before.blob, err) < 0))
		return -1;
	p->part.modified_usec = durable_now(p->e->durable);
	return store_part_put(tx, p->upload_id, &p->part, err);
}

static int begin_part(struct put_part *p, int number, struct err *err)
{
	p->part.number = number;
	if (number < 1 || number > 10000)
		return err_set_wire(err, "InvalidArgument",
			"Part number must be an integer between 1 and 10000, inclusive");
	return db_read(durable_db(p->e->durable), look_fn, p, err);
}

static int commit_part(struct put_part *p, struct blob_writer *w, struct err *err)
{
	p->part.size = w->size;
	p->part.etag = artifact_etag(w, p->arena);
	p->part.blob = w->id.text;
	if (blob_sync(w, err) < 0 || durable_step(p->e->durable, part_fn, p, err) < 0)
		return -1;
	blob_keep(w);
	return 0;
}

int artifact_upload_part(struct artifact_engine *e, struct call *call,
	const struct s3_upload_part_request *req, struct s3_upload_part_response *resp,
	struct err *err)
{
	struct blob_writer w CLEANUP_BLOB_WRITER = {.fd = -1};
	struct towpath_object_meta *meta = arena_new(call->arena, struct towpath_object_meta);
	struct put_part p = {e, req->upload_id, req->bucket, req->key, {0}, call->arena};
	struct checksum_claim claim;

	wire_assign(&towpath_object_meta_shape, meta, &s3_upload_part_request_shape, req);
	p.part.meta = meta;
	if (call->stream->length > MAX_PART)
		return err_set_wire(err, "EntityTooLarge",
			"Your proposed upload exceeds the maximum allowed object size.");
	if (begin_part(&p, req->part_number.v, err) < 0 ||
		checksum_claim(meta, req->content_md5, call->stream, &claim, err) < 0 ||
		blob_create(&e->blobs, &w, err) < 0 ||
		artifact_receive(&w, call->stream, &claim, call->arena, meta, err) < 0 ||
		commit_part(&p, &w, err) < 0)
		return -1;
	wire_assign(&s3_upload_part_response_shape, resp, &towpath_object_meta_shape, meta);
	resp->e_tag = artifact_quote(call->arena, p.part.etag);
	return 0;
}

/* Copies a part of an open file into the writer, digesting it. */
static int copy_bytes(struct blob_writer *w, int fd, int64_t offset, int64_t size, struct err *err)
{
	char buf[64 * 1024];

	while (size > 0) {
		ssize_t got = pread(fd, buf, (size_t)MIN(size, (int64_t)sizeof(buf)), offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_errno(err, got ? errno : EIO, "reading stored content");
		if (blob_write(w, buf, (size_t)got, err) < 0)
			return -1;
		offset += got;
		size -= got;
	}
	return 0;
}

int artifact_upload_part_copy(struct artifact_engine *e, struct call *call,
	const struct s3_upload_part_copy_request *req, struct s3_upload_part_copy_response *resp,
	struct err *err)
{
	struct blob_writer w CLEANUP_BLOB_WRITER = {.fd = -1};
	struct put_part p = {e, req->upload_id, req->bucket, req->key, {0}, call->arena};
	struct artifact_read_condition condition = {req->copy_source_if_match,
		req->copy_source_if_none_match, req->copy_source_if_modified_since,
		req->copy_source_if_unmodified_since};
	struct artifact_source from;
	struct artifact_range range;
	struct store_object source;
	int fd CLEANUP_FD = -1;

	if (begin_part(&p, req->part_number.v, err) < 0 ||
		artifact_parse_source(req->copy_source, call->arena, &from, err) < 0 ||
		artifact_load_open(e, from.bucket, from.key, from.version, call->arena, &source,
			&fd, err) < 0 ||
		artifact_check_read(&condition, &source, err) < 0 ||
		artifact_parse_range(req->copy_source_range, source.size, &range, err) < 0 ||
		blob_create(&e->blobs, &w, err) < 0 ||
		copy_bytes(&w, fd, range.offset, range.size, err) < 0 ||
		commit_part(&p, &w, err) < 0)
		return -1;
	resp->copy_part_result = arena_new(call->arena, struct s3_copy_part_result);
	resp->copy_part_result->e_tag = artifact_quote(call->arena, p.part.etag);
	resp->copy_part_result->last_modified = WIRE_SET_TIME(p.part.modified_usec);
	if (!streq(source.version_id, "null"))
		resp->copy_source_version_id = source.version_id;
	return 0;
}

/* ---- CompleteMultipartUpload ---- */

struct complete {
	struct artifact_engine *e;
	const struct s3_complete_multipart_upload_request *req;
	struct store_upload upload;
	struct store_part *parts; /* those that make the object, in order */
	size_t n;
	struct arena *arena;
};

/* The part that the client names, as it was stored. */
static int take_part(struct complete *c, struct db_tx *tx, const struct s3_completed_part *asked,
	struct err *err)
{
	struct store_part *p = &c->parts[c->n];
	int r = store_part_get(tx, c->upload.id, wire_or(asked->part_number, 0), c->arena, p, err);

	if (r < 0)
		return -1;
	if (r == 0 || !asked->e_tag || !artifact_etag_in(asked->e_tag, p->etag))
		return err_set_wire(err, "InvalidPart",
			"One or more of the specified parts could not be found. The part may not "
			"have been uploaded, or the specified entity tag may not match the part's "
			"entity tag (part %d).",
			wire_or(asked->part_number, 0));
	if (c->n && p->number <= c->parts[c->n - 1].number)
		return err_set_wire(err, "InvalidPartOrder",
			"The list of parts was not in ascending order. Parts must be ordered by "
			"part number.");
	if (c->n && c->parts[c->n - 1].size < MIN_PART)
		return err_set_wire(err, "EntityTooSmall",
			"Your proposed upload is smaller than the minimum allowed size (part %d).",
			c->parts[c->n - 1].number);
	c->n++;
	return 0;
}

static int gather_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct complete *c = arg;
	const struct s3_completed_part_list *asked;

	if (need_upload(tx, c->req->upload_id, c->req->bucket, c->req->key, c->arena, &c->upload,
		    err) < 0)
		return -1;
	if (!c->req->multipart_upload || !c->req->multipart_upload->parts.n)
		return err_set(err, ERR_MALFORMED, "You must specify at least one part");
	asked = &c->req->multipart_upload->parts;
	c->parts = arena_new_n(c->arena, asked->n, struct store_part);
	c->n = 0;
	for (size_t i = 0; i < asked->n; i++)
		if (take_part(c, tx, &asked->v[i], err) < 0)
			return -1;
	return 0;
}

/* md5 of the parts' digests, and how many they are. */
static const char *joined_etag(const struct complete *c)
{
	struct digest d CLEANUP_DIGEST;
	struct digest_value v;

	digest_init(&d, DIGEST_MD5);
	for (size_t i = 0; i < c->n; i++) {
		unsigned char raw[16];
		unsigned byte;

		for (size_t b = 0; b < sizeof(raw); b++) {
			char pair[3] = {c->parts[i].etag[2 * b], c->parts[i].etag[2 * b + 1]};

			byte = (unsigned)strtoul(pair, NULL, 16);
			raw[b] = (unsigned char)byte;
		}
		digest_update(&d, raw, sizeof(raw));
	}
	v = digest_value(&d);
	return arena_printf(c->arena, "%s-%zu", digest_hex(&v).text, c->n);
}

/* In the kernel where nobody has to see the bytes, which may share blocks on disk. */
static int append_file(struct blob_writer *w, int fd, int64_t size, bool seen, struct err *err)
{
	loff_t offset = 0;

	while (!seen && offset < size) {
		ssize_t n = copy_file_range(fd, &offset, w->fd, NULL, (size_t)(size - offset), 0);

		if (n < 0 && (errno == EINVAL || errno == EXDEV || errno == EOPNOTSUPP ||
				     errno == ENOSYS))
			break;
		if (n <= 0)
			return err_errno(err, n ? errno : EIO, "joining the parts");
		w->size += n;
	}
	return copy_bytes(w, fd, offset, size - offset, err);
}

static int join_parts(struct complete *c, struct blob_writer *w, bool seen, struct err *err)
{
	for (size_t i = 0; i < c->n; i++) {
		int fd CLEANUP_FD = -1;

		if (blob_open(&c->e->blobs, c->parts[i].blob, &fd, err) < 0 ||
			append_file(w, fd, c->parts[i].size, seen, err) < 0)
			return -1;
	}
	return 0;
}

static struct towpath_object_meta *joined_meta(
	const struct complete *c, const struct towpath_object_meta *from)
{
	struct towpath_object_meta *meta = arena_new(c->arena, struct towpath_object_meta);

	*meta = *from;
	checksum_clear(meta);
	meta->checksum_algorithm = NULL;
	wire_list_alloc(c->arena, &meta->part_sizes, c->n);
	for (size_t i = 0; i < c->n; i++)
		meta->part_sizes.v[i] = WIRE_SET_LONG(c->parts[i].size);
	return meta;
}

/* A checksum of the whole that the client wants compared; composite ones ("...-N") speak of the
 * parts, each of which was compared when it came. */
static int whole_claim(const struct s3_complete_multipart_upload_request *req, struct arena *a,
	struct checksum_claim *ret, struct err *err)
{
	struct towpath_object_meta *meta = arena_new(a, struct towpath_object_meta);

	*ret = (struct checksum_claim){0};
	if (!streq(req->checksum_type, "FULL_OBJECT"))
		return 0;
	wire_assign(
		&towpath_object_meta_shape, meta, &s3_complete_multipart_upload_request_shape, req);
	return checksum_claim(meta, NULL, NULL, ret, err);
}

static int check_size(const struct s3_complete_multipart_upload_request *req,
	const struct blob_writer *w, struct err *err)
{
	if (!req->mpu_object_size.set || req->mpu_object_size.v == w->size)
		return 0;
	return err_set_wire(err, "InvalidRequest",
		"The provided 'x-amz-mp-object-size' header does not match what was computed.");
}

int artifact_complete_multipart_upload(struct artifact_engine *e, struct call *call,
	const struct s3_complete_multipart_upload_request *req,
	struct s3_complete_multipart_upload_response *resp, struct err *err)
{
	struct blob_writer w CLEANUP_BLOB_WRITER = {.fd = -1};
	struct complete c = {.e = e, .req = req, .arena = call->arena};
	struct artifact_commit commit = {.e = e,
		.arena = call->arena,
		.actor = call->principal_arn,
		.upload_id = req->upload_id};
	struct towpath_object_meta *meta;
	struct checksum_claim claim;

	if (db_read(durable_db(e->durable), gather_fn, &c, err) < 0 ||
		whole_claim(req, call->arena, &claim, err) < 0 ||
		blob_create(&e->blobs, &w, err) < 0)
		return -1;
	if (claim.kind)
		blob_add_digest(&w, claim.kind->kind);
	meta = joined_meta(&c, c.upload.meta);
	if (join_parts(&c, &w, claim.kind, err) < 0 || check_size(req, &w, err) < 0 ||
		checksum_verify(&claim, &w, NULL, call->arena, meta, err) < 0 ||
		blob_sync(&w, err) < 0)
		return -1;
	commit.object = (struct store_object){
		.bucket = req->bucket,
		.key = req->key,
		.size = w.size,
		.etag = joined_etag(&c),
		.meta = meta,
	};
	commit.condition = (struct artifact_condition){req->if_match, req->if_none_match};
	if (artifact_commit(&commit, &w, err) < 0)
		return -1;
	wire_assign(&s3_complete_multipart_upload_response_shape, resp, &towpath_object_meta_shape,
		meta);
	resp->bucket = req->bucket;
	resp->key = req->key;
	resp->e_tag = artifact_quote(call->arena, commit.object.etag);
	resp->location = arena_printf(call->arena, "%s/%s/%s", call->endpoint, req->bucket,
		artifact_listed(call->arena, req->key, "url"));
	resp->version_id = commit.versioned ? commit.object.version_id : NULL;
	return 0;
}

/* ---- AbortMultipartUpload ---- */

struct abort {
	struct artifact_engine *e;
	const struct s3_abort_multipart_upload_request *req;
	struct arena *arena;
};

static int abort_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct abort *x = arg;
	struct store_upload upload;
	struct store_part *parts;
	size_t n;

	if (need_upload(tx, x->req->upload_id, x->req->bucket, x->req->key, x->arena, &upload,
		    err) < 0 ||
		store_part_list(tx, upload.id, 0, INT64_MAX, x->arena, &parts, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (artifact_discard(x->e, tx, parts[i].blob, err) < 0)
			return -1;
	return store_upload_delete(tx, upload.id, err);
}

int artifact_abort_multipart_upload(struct artifact_engine *e, struct call *call,
	const struct s3_abort_multipart_upload_request *req,
	struct s3_abort_multipart_upload_response *resp, struct err *err)
{
	struct abort x = {e, req, call->arena};

	(void)resp;
	return durable_step(e->durable, abort_fn, &x, err);
}

/* ---- lists ---- */

struct list_parts {
	const struct s3_list_parts_request *req;
	struct store_upload upload;
	struct store_part *parts;
	size_t n;
	int64_t max;
	struct arena *arena;
};

static int parts_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct list_parts *l = arg;

	if (need_upload(tx, l->req->upload_id, l->req->bucket, l->req->key, l->arena, &l->upload,
		    err) < 0)
		return -1;
	return store_part_list(tx, l->upload.id, wire_or(l->req->part_number_marker, 0), l->max + 1,
		l->arena, &l->parts, &l->n, err);
}

int artifact_list_parts(struct artifact_engine *e, struct call *call,
	const struct s3_list_parts_request *req, struct s3_list_parts_response *resp,
	struct err *err)
{
	struct list_parts l = {.req = req, .arena = call->arena};

	l.max = MIN(MAX(wire_or(req->max_parts, MAX_LIST), 0), MAX_LIST);
	if (db_read(durable_db(e->durable), parts_fn, &l, err) < 0)
		return -1;
	resp->bucket = req->bucket;
	resp->key = req->key;
	resp->upload_id = req->upload_id;
	resp->max_parts = WIRE_SET_INT(l.max);
	resp->part_number_marker = WIRE_SET_INT(wire_or(req->part_number_marker, 0));
	resp->is_truncated = WIRE_SET_BOOL((int64_t)l.n > l.max);
	resp->storage_class = "STANDARD";
	resp->checksum_algorithm = l.upload.meta->checksum_algorithm;
	l.n = MIN(l.n, (size_t)l.max);
	if (l.n)
		resp->next_part_number_marker = WIRE_SET_INT(l.parts[l.n - 1].number);
	wire_list_alloc(call->arena, &resp->parts, l.n);
	for (size_t i = 0; i < l.n; i++) {
		struct s3_part *p = &resp->parts.v[i];

		wire_assign(&s3_part_shape, p, &towpath_object_meta_shape, l.parts[i].meta);
		p->part_number = WIRE_SET_INT(l.parts[i].number);
		p->size = WIRE_SET_LONG(l.parts[i].size);
		p->e_tag = artifact_quote(call->arena, l.parts[i].etag);
		p->last_modified = WIRE_SET_TIME(l.parts[i].modified_usec);
	}
	return 0;
}

struct list_uploads {
	const struct s3_list_multipart_uploads_request *req;
	struct store_upload *uploads;
	size_t n;
	int64_t max;
	struct arena *arena;
};

static int uploads_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct list_uploads *l = arg;
	struct view prefix = view_of(l->req->prefix ? l->req->prefix : "");
	const char *after = l->req->upload_id_marker;
	struct store_bucket b;

	/* Without an id, all uploads of the marker's key are behind us. */
	if (!after)
		after = l->req->key_marker ? "~" : "";
	if (artifact_need_bucket(tx, l->req->bucket, l->arena, &b, err) < 0)
		return -1;
	return store_upload_list(tx, l->req->bucket,
		view_of(l->req->key_marker ? l->req->key_marker : ""), after, prefix,
		artifact_prefix_end(l->arena, prefix), l->max + 1, l->arena, &l->uploads, &l->n,
		err);
}

int artifact_list_multipart_uploads(struct artifact_engine *e, struct call *call,
	const struct s3_list_multipart_uploads_request *req,
	struct s3_list_multipart_uploads_response *resp, struct err *err)
{
	struct list_uploads l = {.req = req, .arena = call->arena};

	if (req->delimiter && *req->delimiter)
		return err_set(err, ERR_UNSUPPORTED,
			"ListMultipartUploads with a delimiter is not implemented.");
	l.max = MIN(MAX(wire_or(req->max_uploads, MAX_LIST), 0), MAX_LIST);
	if (db_read(durable_db(e->durable), uploads_fn, &l, err) < 0)
		return -1;
	resp->bucket = req->bucket;
	resp->prefix = artifact_listed(call->arena, req->prefix, req->encoding_type);
	resp->key_marker = req->key_marker ? req->key_marker : "";
	resp->upload_id_marker = req->upload_id_marker ? req->upload_id_marker : "";
	resp->max_uploads = WIRE_SET_INT(l.max);
	resp->encoding_type = req->encoding_type;
	resp->is_truncated = WIRE_SET_BOOL((int64_t)l.n > l.max);
	l.n = MIN(l.n, (size_t)l.max);
	if (resp->is_truncated.v && l.n) {
		resp->next_key_marker =
			artifact_listed(call->arena, l.uploads[l.n - 1].key, req->encoding_type);
		resp->next_upload_id_marker = l.uploads[l.n - 1].id;
	}
	if (l.n)
		wire_list_alloc(call->arena, &resp->uploads, l.n);
	for (size_t i = 0; i < l.n; i++)
		resp->uploads.v[i] = (struct s3_multipart_upload){
			.key = artifact_listed(call->arena, l.uploads[i].key, req->encoding_type),
			.upload_id = l.uploads[i].id,
			.initiated = WIRE_SET_TIME(l.uploads[i].created_usec),
			.storage_class = "STANDARD",
		};
	return 0;
}
