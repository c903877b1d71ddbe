/* SPDX-License-Identifier: Apache-2.0 */
/* Finding objects, conditions and ranges of reads. */
#include "artifact/engine.h"
#include "base/fd.h"
#include "base/mem.h"
#include "codec/form.h"

#define OPEN_ATTEMPTS 10 /* an object may be overwritten between its row and its file */

struct load {
	const char *bucket, *key, *version;
	struct arena *arena;
	struct store_object *ret;
};

static int load_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct load *l = arg;
	struct store_bucket bucket;
	int r;

	if (artifact_need_bucket(tx, l->bucket, l->arena, &bucket, err) < 0)
		return -1;
	r = store_object_get(tx, l->bucket, l->key, l->version, l->arena, l->ret, err);
	if (r < 0)
		return -1;
	if (r == 0 && l->version)
		return artifact_not_found(err, "NoSuchVersion", "version");
	if (r == 0 || (l->ret->marker && !l->version))
		return artifact_no_key(err);
	if (l->ret->marker)
		return err_set_wire(err, "MethodNotAllowed",
			"The specified method is not allowed against this resource.");
	return 0;
}

int artifact_load(struct artifact_engine *e, const char *bucket, const char *key,
	const char *version, struct arena *a, struct store_object *ret, struct err *err)
{
	struct load l = {bucket, key, version && *version ? version : NULL, a, ret};

	*ret = (struct store_object){0};
	return db_read(durable_db(e->durable), load_fn, &l, err);
}

int artifact_load_open(struct artifact_engine *e, const char *bucket, const char *key,
	const char *version, struct arena *a, struct store_object *ret, int *ret_fd,
	struct err *err)
{
	for (int i = 0; i < OPEN_ATTEMPTS; i++) {
		if (artifact_load(e, bucket, key, version, a, ret, err) < 0)
			return -1;
		if (blob_open(&e->blobs, ret->blob, ret_fd, err) == 0)
			return 0;
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
	}
	err->kind = ERR_IO;
	return err_wrap(err, "the content of %s/%s is missing", bucket, key);
}

/* ---- conditions ---- */

bool artifact_etag_in(const char *list, const char *etag)
{
	struct view rest = view_of(list), item;

	while (rest.p) {
		item = view_trim(view_cut(&rest, ','));
		if (view_starts_with(item, "W/"))
			item = (struct view){item.p + 2, item.len - 2};
		if (item.len >= 2 && item.p[0] == '"' && item.p[item.len - 1] == '"')
			item = (struct view){item.p + 1, item.len - 2};
		if (view_eq_str(item, "*") || view_eq_str(item, etag))
			return true;
	}
	return false;
}

/* HTTP dates have no fractions. */
static int64_t seconds(int64_t usec)
{
	return usec / USEC_PER_SEC;
}

static int failed(struct err *err)
{
	return err_set_wire(err, "PreconditionFailed",
		"At least one of the pre-conditions you specified did not hold");
}

int artifact_check_read(
	const struct artifact_read_condition *c, const struct store_object *o, struct err *err)
{
	bool newer;

	if (c->if_match) {
		if (!artifact_etag_in(c->if_match, o->etag))
			return failed(err);
	} else if (c->if_unmodified_since.set) {
		if (seconds(o->modified_usec) > seconds(c->if_unmodified_since.usec))
			return failed(err);
	}
	if (c->if_none_match) {
		if (artifact_etag_in(c->if_none_match, o->etag))
			return err_set_wire(err, "NotModified", "Not modified");
	} else if (c->if_modified_since.set) {
		newer = seconds(o->modified_usec) > seconds(c->if_modified_since.usec);
		if (!newer)
			return err_set_wire(err, "NotModified", "Not modified");
	}
	return 0;
}

/* ---- ranges ---- */

/* Digits at p to a number; -1: none or too many. */
static int64_t digits(const char **p)
{
	int64_t v = 0;
	int n = 0;

	while (**p >= '0' && **p <= '9' && n < 18) {
		v = v * 10 + (*(*p)++ - '0');
		n++;
	}
	return n ? v : -1;
}

int artifact_parse_range(
	const char *text, int64_t size, struct artifact_range *ret, struct err *err)
{
	int64_t first, last;

	*ret = (struct artifact_range){0, size, false};
	if (!text || !starts_with(text, "bytes="))
		return 0;
	text += strlen("bytes=");
	first = digits(&text);
	if (*text++ != '-')
		return 0;
	last = digits(&text);
	if (*text || (first < 0 && last < 0) || (last >= 0 && first > last))
		return 0; /* several ranges, or no range at all: the whole is sent */
	if (first < 0) {
		first = MAX(size - last, 0);
		last = last == 0 ? -1 : size - 1;
	} else if (last < 0 || last >= size) {
		last = size - 1;
	}
	if (first > last || first >= size)
		return err_set_wire(err, "InvalidRange", "The requested range is not satisfiable");
	*ret = (struct artifact_range){first, last - first + 1, true};
	return 0;
}

/* ---- names ---- */

int artifact_parse_source(
	const char *text, struct arena *a, struct artifact_source *ret, struct err *err)
{
	struct view rest = view_of(text), path, bucket, decoded;
	struct form query = {0};

	path = view_cut(&rest, '?');
	if (rest.p && form_parse(rest, a, &query, err) < 0)
		return -1;
	if (path.len && path.p[0] == '/')
		path = (struct view){path.p + 1, path.len - 1};
	if (!form_decode(path, false, a, &decoded))
		return err_set_wire(err, "InvalidArgument", "Invalid copy source encoding");
	bucket = view_cut(&decoded, '/');
	if (!bucket.len || !decoded.len)
		return err_set_wire(err, "InvalidArgument",
			"Invalid copy source bucket or key: '%s' must be bucket/key", text);
	ret->bucket = arena_view_dup(a, bucket);
	ret->key = arena_view_dup(a, decoded);
	ret->version = form_get(&query, "versionId");
	if (ret->version && !*ret->version)
		ret->version = NULL;
	return 0;
}

const char *artifact_quote(struct arena *a, const char *etag)
{
	return arena_printf(a, "\"%s\"", etag);
}

const char *artifact_listed(struct arena *a, const char *key, const char *encoding)
{
	struct str out CLEANUP_STR = STR_INIT;

	if (!key || !encoding)
		return key;
	form_encode(view_of(key), true, &out);
	return arena_strdup(a, str_text(&out));
}

struct view artifact_prefix_end(struct arena *a, struct view prefix)
{
	char *end;

	while (prefix.len && (unsigned char)prefix.p[prefix.len - 1] == 0xff)
		prefix.len--;
	if (!prefix.len)
		return (struct view){0};
	end = arena_view_dup(a, prefix);
	end[prefix.len - 1]++;
	return (struct view){end, prefix.len};
}
