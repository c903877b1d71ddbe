/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of Git LFS: what a client wants to fetch or send, and the bytes. */
#include "api/gitlfs_request.h"
#include "artifact/artifact.h"
#include "base/fd.h"
#include "base/mem.h"
#include "vcs/lfs.h"

#define BATCH_MAX 1000
#define EXPIRES_SECONDS 600 /* below the 15 minutes that a helper's password is good for */

/* ---- batch ---- */

struct batch {
	struct gitlfs_request *r;
	bool upload;
	struct json_writer w;
};

/* The client goes on with the credentials that it has shown. */
static void put_action(struct batch *b, const char *name, const char *tail)
{
	struct json_writer *w = &b->w;

	json_key(w, name);
	json_open(w, '{');
	json_put_member(w, "href",
		arena_printf(b->r->a, "%s/v1/repos/%s/info/lfs/objects/%s", http_origin(b->r->x),
			b->r->git->name, tail));
	json_key(w, "header");
	json_open(w, '{');
	json_put_member(w, "Authorization", http_header(b->r->x, "Authorization"));
	json_close(w, '}');
	json_key(w, "expires_in");
	json_put_int(w, EXPIRES_SECONDS);
	json_close(w, '}');
}

static void put_actions(struct batch *b, const char *oid, bool there)
{
	if (b->upload && there)
		return;
	json_key(&b->w, "actions");
	json_open(&b->w, '{');
	put_action(b, b->upload ? "upload" : "download", oid);
	if (b->upload)
		put_action(b, "verify", "verify");
	json_close(&b->w, '}');
}

static void put_error(struct batch *b, int code, const char *message)
{
	json_key(&b->w, "error");
	json_open(&b->w, '{');
	json_key(&b->w, "code");
	json_put_int(&b->w, code);
	json_put_member(&b->w, "message", message);
	json_close(&b->w, '}');
}

static int put_object(struct batch *b, const struct json_node *o, struct err *err)
{
	const char *oid = json_member_text(o, "oid");
	const struct json_node *size = json_member(o, "size");
	bool valid =
		vcs_lfs_oid_valid(oid) && size && size->kind == JSON_KIND_INT && size->integer >= 0;
	int64_t stored = 0;
	int found = valid ? vcs_lfs_find(b->r->git->repository.path, oid, &stored, err) : 0;

	if (found < 0)
		return -1;
	json_open(&b->w, '{');
	json_put_member(&b->w, "oid", oid ? oid : "");
	json_key(&b->w, "size");
	json_put_int(&b->w, found ? stored : valid ? size->integer : 0);
	json_key(&b->w, "authenticated");
	json_put_bool(&b->w, true);
	if (!valid)
		put_error(b, 422, "An object has an oid of 64 hex digits and a size.");
	else if (found && size->integer != stored)
		put_error(b, 422, "The object stored has another size.");
	else if (!b->upload && !found)
		put_error(b, 404, "The object has not been sent to this repository.");
	else if (size->integer > VCS_LFS_OBJECT_MAX)
		put_error(b, 413,
			arena_printf(b->r->a, "An LFS object has at most %lld GiB.",
				(long long)(VCS_LFS_OBJECT_MAX / GIB)));
	else
		put_actions(b, oid, found);
	json_close(&b->w, '}');
	return 0;
}

/* What the client wants, checked: the operation's permission, the form of the transfer. */
static int check_batch(struct batch *b, const struct json_node *doc, struct err *err)
{
	const char *operation = json_member_text(doc, "operation");
	const char *algorithm = json_member_text(doc, "hash_algo");
	const struct json_node *objects = json_member(doc, "objects");

	b->upload = streq(operation, "upload");
	if (!b->upload && !streq(operation, "download"))
		return err_set(err, ERR_INVALID, "operation must be upload or download");
	if (algorithm && !streq(algorithm, "sha256"))
		return err_set(
			err, ERR_CONFLICT, "hash_algo %s is not served, only sha256", algorithm);
	if (!objects || objects->kind != JSON_KIND_ARRAY || objects->n > BATCH_MAX)
		return err_set(err, ERR_INVALID, "objects must be a list of at most %d", BATCH_MAX);
	if (!b->upload)
		return 0;
	b->r->git->service = VCS_RECEIVE_PACK;
	return git_access_may_push(
		b->r->git, json_member_text(json_member(doc, "ref"), "name"), err);
}

int gitlfs_batch(struct gitlfs_request *r, struct err *err)
{
	CLEANUP_STR struct str out = STR_INIT;
	struct batch b = {.r = r, .w = {&out, false}};
	const struct json_node *doc, *objects;

	if (gitlfs_read_json(r, &doc, err) < 0 || check_batch(&b, doc, err) < 0)
		return -1;
	objects = json_member(doc, "objects");
	json_open(&b.w, '{');
	json_put_member(&b.w, "transfer", "basic");
	json_put_member(&b.w, "hash_algo", "sha256");
	json_key(&b.w, "objects");
	json_open(&b.w, '[');
	for (size_t i = 0; i < objects->n; i++)
		if (put_object(&b, &objects->items[i], err) < 0)
			return -1;
	json_close(&b.w, ']');
	json_close(&b.w, '}');
	git_access_record(r->git, NULL, false);
	gitlfs_reply(r, 200, &out);
	return 0;
}

/* ---- bytes ---- */

static int check_oid(const char *oid, struct err *err)
{
	return vcs_lfs_oid_valid(oid)
		       ? 0
		       : err_set(err, ERR_INVALID, "an object's id has 64 lower-case hex digits");
}

int gitlfs_download(struct gitlfs_request *r, struct err *err)
{
	struct artifact_range range;
	CLEANUP_FD int fd = -1;
	int64_t size;

	if (check_oid(r->part, err) < 0 ||
		vcs_lfs_open(r->git->repository.path, r->part, &fd, &size, err) < 0)
		return -1;
	if (artifact_parse_range(http_header(r->x, "Range"), size, &range, NULL) < 0) {
		gitlfs_refuse(r, 416, "The object is not that long.");
		return 0;
	}
	http_set_header(r->x, "Content-Type", "application/octet-stream");
	http_set_header(r->x, "Accept-Ranges", "bytes");
	if (range.partial)
		http_set_header(r->x, "Content-Range",
			arena_printf(r->a, "bytes %lld-%lld/%lld", (long long)range.offset,
				(long long)(range.offset + range.size - 1), (long long)size));
	git_access_record(r->git, NULL, true);
	http_reply_file(r->x, range.partial ? 206 : 200, TAKE_FD(fd), range.offset, range.size);
	return 0;
}

static ssize_t read_body(void *arg, void *buf, size_t n, struct err *err)
{
	return http_read(arg, buf, n, err);
}

int gitlfs_upload(struct gitlfs_request *r, struct err *err)
{
	struct vcs_stream s = {.read = read_body, .arg = r->x};

	if (check_oid(r->part, err) < 0)
		return -1;
	if (vcs_lfs_receive(r->git->repository.path, r->part, &s, err) < 0) {
		git_access_record(r->git, err, true);
		return -1;
	}
	git_access_record(r->git, NULL, true);
	http_reply(r->x, 200, VIEW(""));
	return 0;
}

int gitlfs_verify(struct gitlfs_request *r, struct err *err)
{
	const struct json_node *doc, *size;
	int64_t stored;
	const char *oid;
	int found;

	if (gitlfs_read_json(r, &doc, err) < 0)
		return -1;
	oid = json_member_text(doc, "oid");
	size = json_member(doc, "size");
	if (check_oid(oid, err) < 0)
		return -1;
	found = vcs_lfs_find(r->git->repository.path, oid, &stored, err);
	if (found < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "the object %s has not arrived", oid);
	if (!size || size->kind != JSON_KIND_INT || size->integer != stored)
		return err_set(
			err, ERR_INVALID, "the object %s has %lld bytes", oid, (long long)stored);
	http_reply(r->x, 200, VIEW(""));
	return 0;
}
