/* SPDX-License-Identifier: Apache-2.0 */
/* PutObject, GetObject, HeadObject, CopyObject. */
#include <ctype.h>
#include <strings.h>
#include <unistd.h>

#include "artifact/engine.h"
#include "artifact/object.h"
#include "base/fd.h"
#include "base/mem.h"

#define MAX_METADATA 2048
#define MAX_OBJECT ((int64_t)(5 * GIB)) /* of one PutObject */

/* ---- what belongs to an object beside its bytes ---- */

/* "aws-chunked" speaks of the transfer, not of the object. */
static const char *content_encoding(const char *text, struct arena *a)
{
	struct view rest = view_of(text), item;
	struct str out CLEANUP_STR = STR_INIT;

	while (rest.p) {
		item = view_trim(view_cut(&rest, ','));
		if (!item.len || (item.len == 11 && strncasecmp(item.p, "aws-chunked", 11) == 0))
			continue;
		if (out.len)
			str_add_c(&out, ',');
		str_add_view(&out, item);
	}
	return out.len ? arena_strdup(a, str_text(&out)) : NULL;
}

int artifact_new_meta(const struct wire_shape *shape, const void *req, struct arena *a,
	struct towpath_object_meta **ret, struct err *err)
{
	struct towpath_object_meta *meta = arena_new(a, struct towpath_object_meta);
	size_t total = 0;

	wire_assign(&towpath_object_meta_shape, meta, shape, req);
	if (meta->content_encoding)
		meta->content_encoding = content_encoding(meta->content_encoding, a);
	if (!meta->content_type || !*meta->content_type)
		meta->content_type = "binary/octet-stream";
	if (meta->metadata.n) {
		struct towpath_string_map given = meta->metadata;

		wire_list_alloc(a, &meta->metadata, given.n);
		for (size_t i = 0; i < given.n; i++) {
			char *key = arena_strdup(a, given.v[i].key);

			total += strlen(key) + strlen(given.v[i].value);
			for (char *p = key; *p; p++)
				*p = (char)tolower((unsigned char)*p);
			meta->metadata.v[i].key = key;
			meta->metadata.v[i].value = given.v[i].value;
		}
	}
	if (total > MAX_METADATA)
		return err_set_wire(err, "MetadataTooLarge",
			"Your metadata headers exceed the maximum allowed metadata size of %d "
			"bytes.",
			MAX_METADATA);
	*ret = meta;
	return 0;
}

/* ---- PutObject ---- */

int artifact_put_object(struct artifact_engine *e, struct call *call,
	const struct s3_put_object_request *req, struct s3_put_object_response *resp,
	struct err *err)
{
	struct blob_writer w CLEANUP_BLOB_WRITER = {.fd = -1};
	struct artifact_commit c = {.e = e, .arena = call->arena, .actor = call->principal_arn};
	struct towpath_object_meta *meta;
	struct checksum_claim claim;
	struct store_bucket bucket;

	if (artifact_check_key(req->key, err) < 0 ||
		artifact_load_bucket(e, req->bucket, call->arena, &bucket, err) < 0 ||
		artifact_new_meta(&s3_put_object_request_shape, req, call->arena, &meta, err) < 0 ||
		checksum_claim(meta, req->content_md5, call->stream, &claim, err) < 0)
		return -1;
	if (call->stream->length > MAX_OBJECT)
		return err_set_wire(err, "EntityTooLarge",
			"Your proposed upload exceeds the maximum allowed object size.");
	if (blob_create(&e->blobs, &w, err) < 0 ||
		artifact_receive(&w, call->stream, &claim, call->arena, meta, err) < 0 ||
		blob_sync(&w, err) < 0)
		return -1;
	c.object = (struct store_object){
		.bucket = req->bucket,
		.key = req->key,
		.size = w.size,
		.etag = artifact_etag(&w, call->arena),
		.meta = meta,
	};
	c.condition = (struct artifact_condition){req->if_match, req->if_none_match};
	if (artifact_commit(&c, &w, err) < 0)
		return -1;
	wire_assign(&s3_put_object_response_shape, resp, &towpath_object_meta_shape, meta);
	resp->e_tag = artifact_quote(call->arena, c.object.etag);
	resp->version_id = c.versioned ? c.object.version_id : NULL;
	return 0;
}

/* ---- GetObject, HeadObject ---- */

/* A read of both kinds: which part of which object. */
struct read {
	struct store_object object;
	struct artifact_range range;
	int fd;
};

static void add_part_range(const struct s3_get_object_request *req, struct read *r,
	struct s3_get_object_response *resp)
{
	const struct towpath_long_list *parts = &r->object.meta->part_sizes;
	int64_t offset = 0;

	if (!req->part_number.set || !parts->n)
		return;
	resp->parts_count = WIRE_SET_INT(parts->n);
	for (size_t i = 0; i < parts->n; i++) {
		if ((int)i + 1 == req->part_number.v)
			r->range = (struct artifact_range){offset, parts->v[i].v, true};
		offset += parts->v[i].v;
	}
}

static int check_part(
	const struct s3_get_object_request *req, const struct store_object *o, struct err *err)
{
	size_t n = MAX(o->meta->part_sizes.n, 1);

	if (!req->part_number.set)
		return 0;
	if (req->range)
		return err_set_wire(err, "InvalidRequest",
			"Cannot specify both Range header and partNumber query parameter");
	if (req->part_number.v < 1 || (size_t)req->part_number.v > n)
		return err_set_wire(
			err, "InvalidRange", "The requested partnumber is not satisfiable");
	return 0;
}

/* What the request wants to be told instead of what is stored. */
static void override(const struct s3_get_object_request *req, struct s3_get_object_response *resp)
{
	const char *const wanted[] = {req->response_cache_control,
		req->response_content_disposition, req->response_content_encoding,
		req->response_content_language, req->response_content_type};
	const char **const told[] = {&resp->cache_control, &resp->content_disposition,
		&resp->content_encoding, &resp->content_language, &resp->content_type};

	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		if (wanted[i])
			*told[i] = wanted[i];
}

static void describe(struct call *call, const struct s3_get_object_request *req,
	const struct read *r, struct s3_get_object_response *resp)
{
	const struct store_object *o = &r->object;
	struct towpath_object_meta meta = *o->meta;

	if (!streq(req->checksum_mode, "ENABLED") || r->range.partial)
		checksum_clear(&meta);
	wire_assign(&s3_get_object_response_shape, resp, &towpath_object_meta_shape, &meta);
	override(req, resp);
	resp->accept_ranges = "bytes";
	resp->e_tag = artifact_quote(call->arena, o->etag);
	resp->last_modified = WIRE_SET_TIME(o->modified_usec);
	resp->content_length = WIRE_SET_LONG(r->range.size);
	resp->version_id = streq(o->version_id, "null") && !req->version_id ? NULL : o->version_id;
	if (!r->range.partial)
		return;
	call->status = 206;
	resp->content_range =
		arena_printf(call->arena, "bytes %lld-%lld/%lld", (long long)r->range.offset,
			(long long)(r->range.offset + r->range.size - 1), (long long)o->size);
}

int artifact_get_object(struct artifact_engine *e, struct call *call,
	const struct s3_get_object_request *req, struct s3_get_object_response *resp,
	struct err *err)
{
	struct artifact_read_condition condition = {req->if_match, req->if_none_match,
		req->if_modified_since, req->if_unmodified_since};
	struct read r = {.fd = -1};
	int fd CLEANUP_FD = -1;

	if (artifact_load_open(e, req->bucket, req->key, req->version_id, call->arena, &r.object,
		    &fd, err) < 0 ||
		artifact_check_read(&condition, &r.object, err) < 0 ||
		check_part(req, &r.object, err) < 0 ||
		artifact_parse_range(req->range, r.object.size, &r.range, err) < 0)
		return -1;
	add_part_range(req, &r, resp);
	describe(call, req, &r, resp);
	call->stream->fd = TAKE_FD(fd);
	call->stream->offset = r.range.offset;
	call->stream->size = r.range.size;
	return 0;
}

int artifact_head_object(struct artifact_engine *e, struct call *call,
	const struct s3_head_object_request *req, struct s3_head_object_response *resp,
	struct err *err)
{
	struct s3_get_object_request get = {0};
	struct s3_get_object_response got = {0};
	struct read r = {.fd = -1};
	struct artifact_read_condition condition = {req->if_match, req->if_none_match,
		req->if_modified_since, req->if_unmodified_since};

	wire_assign(&s3_get_object_request_shape, &get, &s3_head_object_request_shape, req);
	if (artifact_load(e, req->bucket, req->key, req->version_id, call->arena, &r.object, err) <
			0 ||
		artifact_check_read(&condition, &r.object, err) < 0 ||
		check_part(&get, &r.object, err) < 0 ||
		artifact_parse_range(req->range, r.object.size, &r.range, err) < 0)
		return -1;
	add_part_range(&get, &r, &got);
	describe(call, &get, &r, &got);
	wire_assign(&s3_head_object_response_shape, resp, &s3_get_object_response_shape, &got);
	return 0;
}

/* ---- CopyObject ---- */

/* The metadata of the copy: the source's, or the request's. */
static int copied_meta(const struct s3_copy_object_request *req, const struct store_object *source,
	struct arena *a, struct towpath_object_meta **ret, struct err *err)
{
	struct towpath_object_meta *meta;

	if (streq(req->metadata_directive, "REPLACE")) {
		if (artifact_new_meta(&s3_copy_object_request_shape, req, a, ret, err) < 0)
			return -1;
		(*ret)->checksum_algorithm = NULL;
	} else {
		*ret = arena_new(a, struct towpath_object_meta);
		**ret = *source->meta;
	}
	meta = *ret;
	if (req->server_side_encryption) {
		meta->server_side_encryption = req->server_side_encryption;
		meta->ssekms_key_id = req->ssekms_key_id;
	}
	if (req->storage_class)
		meta->storage_class = req->storage_class;
	return 0;
}

static int find_source(struct artifact_engine *e, struct call *call,
	const struct s3_copy_object_request *req, struct store_object *ret, struct err *err)
{
	struct artifact_read_condition condition = {req->copy_source_if_match,
		req->copy_source_if_none_match, req->copy_source_if_modified_since,
		req->copy_source_if_unmodified_since};
	struct artifact_source from;

	if (artifact_parse_source(req->copy_source, call->arena, &from, err) < 0 ||
		artifact_load(e, from.bucket, from.key, from.version, call->arena, ret, err) < 0)
		return -1;
	if (streq(from.bucket, req->bucket) && streq(from.key, req->key) && !from.version &&
		!streq(req->metadata_directive, "REPLACE") && !req->storage_class &&
		!req->server_side_encryption)
		return err_set_wire(err, "InvalidRequest",
			"This copy request is illegal because it is trying to copy an object to "
			"itself without changing the object's metadata, storage class, website "
			"redirect location or encryption attributes.");
	if (artifact_check_read(&condition, ret, err) < 0) {
		if (streq(err->wire, "NotModified"))
			err_set_wire(err, "PreconditionFailed",
				"At least one of the pre-conditions you specified did not hold");
		return -1;
	}
	return 0;
}

int artifact_copy_object(struct artifact_engine *e, struct call *call,
	const struct s3_copy_object_request *req, struct s3_copy_object_response *resp,
	struct err *err)
{
	struct blob_writer w CLEANUP_BLOB_WRITER = {.fd = -1};
	struct artifact_commit c = {.e = e, .arena = call->arena, .actor = call->principal_arn};
	struct towpath_object_meta *meta;
	struct store_object source;

	if (artifact_check_key(req->key, err) < 0 || find_source(e, call, req, &source, err) < 0 ||
		copied_meta(req, &source, call->arena, &meta, err) < 0 ||
		blob_link(&e->blobs, source.blob, &w, err) < 0)
		return -1;
	c.object = (struct store_object){
		.bucket = req->bucket,
		.key = req->key,
		.size = source.size,
		.etag = source.etag,
		.meta = meta,
	};
	c.condition = (struct artifact_condition){req->if_match, req->if_none_match};
	if (artifact_commit(&c, &w, err) < 0)
		return -1;
	wire_assign(&s3_copy_object_response_shape, resp, &towpath_object_meta_shape, meta);
	resp->copy_object_result = arena_new(call->arena, struct s3_copy_object_result);
	resp->copy_object_result->e_tag = artifact_quote(call->arena, source.etag);
	resp->copy_object_result->last_modified = WIRE_SET_TIME(c.object.modified_usec);
	resp->version_id = c.versioned ? c.object.version_id : NULL;
	if (!streq(source.version_id, "null"))
		resp->copy_source_version_id = source.version_id;
	return 0;
}
