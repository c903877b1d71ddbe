/* SPDX-License-Identifier: Apache-2.0 */
/* Sources that are objects: an archive or a folder in S3, or the artifact that a pipeline hands
 * over. */
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "codec/archive.h"
#include "provider/build_world.h"

#define S3_ARN "arn:aws:s3:::"
#define REFERENCE_MAX (64 * KIB)

static int need_store(const struct build_world *w, struct err *err)
{
	return w->artifact ? 0
			   : err_set(err, ERR_UNSUPPORTED, "there are no buckets in this server");
}

static int open_object(struct build_world *w, const char *bucket, const char *key,
	const char *version, struct arena *a, struct artifact_object *ret, int *ret_fd,
	struct err *err)
{
	if (artifact_open(w->artifact, bucket, key, version, a, ret, ret_fd, err) < 0)
		return err_wrap(err, "error while downloading key %s", key);
	return 0;
}

static int unpack(const struct artifact_object *o, int fd, const char *dir, struct err *err)
{
	if (archive_unpack(ARCHIVE_KIND_AUTO, fd, dir, NULL, NULL, err) < 0)
		return err_wrap(err, "cannot unpack s3://%s/%s", o->bucket, o->key);
	return 0;
}

/* ---- a folder: every object below a prefix ---- */

struct folder {
	struct build_world *w;
	const struct build_role *role;
	const char *bucket, *prefix, *dir;
	struct arena arena; /* of one page */
};

static void folder_release(struct folder *f)
{
	arena_release(&f->arena);
}

static int get_one(struct folder *f, const char *key, struct err *err)
{
	const char *relative = key + strlen(f->prefix);
	const char *path = arena_printf(&f->arena, "%s/%s", f->dir, relative);
	char *slash;

	if (!*relative || ends_with(relative, "/"))
		return 0; /* a folder's own marker */
	if (!path_is_inside(relative))
		return err_set(err, ERR_INVALID, "key %s would leave the source folder", key);
	slash = strrchr(path, '/');
	if (build_world_may_object(f->w, f->role, "s3:GetObject", f->bucket, key, err) < 0 ||
		file_make_dirs(arena_strndup(&f->arena, path, (size_t)(slash - path)), 0755, err) <
			0)
		return -1;
	return artifact_get_path(f->w->artifact, f->bucket, key, NULL, path, &f->arena, NULL, err);
}

/* One page of keys; *token becomes the next page's or NULL. */
static int get_page(struct folder *f, char **token, size_t *found, struct err *err)
{
	struct call call = {.arena = &f->arena, .partition = "aws"};
	struct s3_list_objects_v2_request req = {
		.bucket = f->bucket, .prefix = f->prefix, .continuation_token = *token};
	struct s3_list_objects_v2_response resp = {0};

	if (artifact_list_objects_v2(f->w->artifact, &call, &req, &resp, err) < 0)
		return -1;
	wire_foreach (object, &resp.contents) {
		if (get_one(f, object->key, err) < 0)
			return -1;
		(*found)++;
	}
	free(*token);
	*token = xstrdup_or_null(resp.next_continuation_token);
	return 0;
}

static int get_folder(struct build_world *w, const struct build_source_request *req,
	const char *bucket, const char *prefix, struct err *err)
{
	CLEANUP(folder_release)
	struct folder f = {
		.w = w, .role = &req->role, .bucket = bucket, .prefix = prefix, .dir = req->dir};
	CLEANUP(freep) char *token = NULL;
	size_t found = 0;

	do {
		arena_release(&f.arena);
		if (get_page(&f, &token, &found, err) < 0)
			return -1;
	} while (token);
	if (!found)
		return err_set(
			err, ERR_NOT_FOUND, "there is nothing below s3://%s/%s", bucket, prefix);
	return 0;
}

int build_source_s3(struct build_world *w, const struct build_source_request *req, struct arena *a,
	struct build_source_result *ret, struct err *err)
{
	const char *location = req->source->location, *slash, *bucket;
	const char *version = req->version && *req->version ? req->version : NULL;
	struct artifact_object object;
	CLEANUP_FD int fd = -1;

	if (starts_with(location, S3_ARN))
		location += strlen(S3_ARN);
	slash = strchr(location, '/');
	if (!slash || slash == location || !slash[1])
		return err_set(err, ERR_INVALID,
			"source location %s is not of the form bucket/path/object.zip or "
			"bucket/path/folder/",
			req->source->location);
	if (need_store(w, err) < 0)
		return -1;
	bucket = arena_strndup(a, location, (size_t)(slash - location));
	ret->url = location;
	if (ends_with(location, "/"))
		return get_folder(w, req, bucket, slash + 1, err);
	if (open_object(w, bucket, slash + 1, version, a, &object, &fd, err) < 0)
		return -1;
	return unpack(&object, fd, req->dir, err);
}

/* What the source action stored instead of files (OutputArtifactFormat CODEBUILD_CLONE_REF). */
static int clone_reference(struct build_world *w, const struct build_source_request *req, int fd,
	struct arena *a, struct build_source_result *ret, struct err *err)
{
	CLEANUP_STR struct str text = STR_INIT;
	struct towpath_build_clone reference;

	if (fd_read_all(fd, REFERENCE_MAX, &text, err) < 0 ||
		wire_decode_json(&towpath_build_clone_shape, str_view(&text), a, &reference, err) <
			0)
		return err_wrap(err, "artifact %s", req->input->name);
	if (!reference.repository_name || !reference.commit_id)
		return err_set(
			err, ERR_INVALID, "artifact %s refers to no commit", req->input->name);
	return build_source_clone(w, req, &reference, a, ret, err);
}

int build_source_pipeline(struct build_world *w, const struct build_source_request *req,
	struct arena *a, struct build_source_result *ret, struct err *err)
{
	const struct towpath_build_input *in = req->input;
	struct artifact_object object;
	CLEANUP_FD int fd = -1;

	if (!in)
		return err_set(err, ERR_INVALID,
			"the project's source is a pipeline's artifact, but no pipeline started "
			"this build");
	ret->resolved_version = in->revision_id;
	ret->url = in->source_url ? in->source_url : "";
	if (need_store(w, err) < 0 ||
		open_object(w, in->bucket, in->key, in->version_id, a, &object, &fd, err) < 0)
		return -1;
	if (streq(object.content_type, BUILD_CLONE_REFERENCE))
		return clone_reference(w, req, fd, a, ret, err);
	return unpack(&object, fd, req->dir, err);
}

int build_source_read_object(void *world, const char *bucket, const char *key, size_t limit,
	struct str *ret, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FD int fd = -1;
	struct build_world *w = world;
	struct artifact_object object;

	if (need_store(w, err) < 0 ||
		artifact_open(w->artifact, bucket, key, NULL, &a, &object, &fd, err) < 0)
		return -1;
	return fd_read_all(fd, limit, ret, err);
}
