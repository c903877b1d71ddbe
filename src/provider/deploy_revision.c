/* SPDX-License-Identifier: Apache-2.0 */
/* Revisions of deployments (deploy/ports.h), in the bucket store. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/path.h"
#include "codec/archive.h"
#include "provider/bucket_right.h"
#include "provider/deploy_fleet.h"

/* The group's role needs no permission for it, but its policies and the bucket's may deny it. */
static int may_read(const struct deploy_fleet *w, const struct deploy_reader *by,
	const char *bucket, const char *key, const char *version, struct arena *a, struct err *err)
{
	const struct identity_actor who = {
		.service = "codedeploy.amazonaws.com",
		.role_arn = by->role_arn,
		.session_name = by->deployment_id,
		.source_arn = by->group_arn,
	};
	CLEANUP_ERR struct err why = ERR_INIT;

	if (!w->identity ||
		bucket_role_may(w->artifact, w->identity, &who,
			version ? "s3:GetObjectVersion" : "s3:GetObject",
			arena_printf(a, "arn:aws:s3:::%s/%s", bucket, key), NULL, &why) == 0)
		return 0;
	return err_is(&why, ERR_DENIED) && !identity_denied_explicitly(&why) ? 0
									     : err_move(err, &why);
}

static int object_find(void *arg, const struct deploy_reader *by, const char *bucket,
	const char *key, const char *version, struct arena *a, struct deploy_object *ret,
	struct err *err)
{
	struct deploy_fleet *w = arg;
	struct artifact_object o;

	if (may_read(w, by, bucket, key, version, a, err) < 0)
		return -1;
	if (artifact_head(w->artifact, bucket, key, version, a, &o, err) < 0)
		return -1;
	*ret = (struct deploy_object){
		.etag = o.etag,
		.version = streq(o.version_id, "null") ? NULL : o.version_id,
		.size = o.size,
	};
	return 0;
}

/* ---- the AppSpec of a container service's revision ---- */

struct reading {
	struct arena *a;
	const char *bucket, *key;
	const char *dir; /* of our own */
	int fd;		 /* the object */
};

static int read_object(struct reading *r, struct str *ret, struct err *err)
{
	char buf[16 * KIB];
	ssize_t n;

	while ((n = read(r->fd, buf, sizeof(buf))) > 0) {
		if (ret->len + (size_t)n > LIMIT_YAML_FILE)
			return err_set(err, ERR_TOO_LARGE,
				"the AppSpec s3://%s/%s has more than 1 MiB", r->bucket, r->key);
		str_add_n(ret, buf, (size_t)n);
	}
	return n < 0 ? err_errno(err, errno, "s3://%s/%s", r->bucket, r->key) : 0;
}

static int read_archive(struct reading *r, const char **ret_name, struct str *ret, struct err *err)
{
	static const char *const names[] = {"appspec.yaml", "appspec.yml", "appspec.json"};

	if (archive_unpack(ARCHIVE_KIND_AUTO, r->fd, r->dir, NULL, NULL, err) < 0)
		return err_wrap(err, "the revision s3://%s/%s", r->bucket, r->key);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *path CLEANUP(freep) = path_join(r->dir, names[i]);

		if (access(path, F_OK) < 0)
			continue;
		*ret_name = names[i];
		return file_read(path, LIMIT_YAML_FILE, ret, err);
	}
	return err_set(err, ERR_INVALID,
		"the revision s3://%s/%s has neither appspec.yaml, appspec.yml nor appspec.json at "
		"its top",
		r->bucket, r->key);
}

static int appspec_read(void *arg, const struct deploy_reader *by, const char *bucket,
	const char *key, const char *version, const char *bundle_type, struct arena *a,
	const char **ret_name, struct str *ret, struct err *err)
{
	struct deploy_fleet *w = arg;
	char dir[] = "/tmp/towpath-revision-XXXXXX";
	struct reading r = {.a = a, .bucket = bucket, .key = key, .dir = dir};
	CLEANUP_FD int fd = -1;
	struct artifact_object object;
	int rc;

	*ret_name = arena_printf(a, "s3://%s/%s", bucket, key);
	if (may_read(w, by, bucket, key, version, a, err) < 0 ||
		artifact_open(w->artifact, bucket, key, version, a, &object, &fd, err) < 0)
		return err_wrap(err, "the revision s3://%s/%s", bucket, key);
	r.fd = fd;
	if (streq(bundle_type, "YAML") || streq(bundle_type, "JSON"))
		return read_object(&r, ret, err);
	if (!mkdtemp(dir))
		return err_errno(err, errno, "%s", dir);
	rc = read_archive(&r, ret_name, ret, err);
	file_remove_tree(dir, NULL);
	return rc;
}

void deploy_revision_ports(struct deploy_ports *ret)
{
	ret->object_find = object_find;
	ret->appspec_read = appspec_read;
}
