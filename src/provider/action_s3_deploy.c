/* SPDX-License-Identifier: Apache-2.0 */
/* Deploy / S3: the input artifact as one object, or every file in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/timefmt.h"
#include "codec/archive.h"
#include "provider/action_world.h"

#define TIMEOUT_USEC (INT64_C(90) * 60 * USEC_PER_SEC)

static const struct action_key keys[] = {
	{"BucketName", true, false, "Where to deploy to"},
	{"Extract", true, false, "true: every file of the artifact; false: the artifact itself"},
	{"ObjectKey", false, false,
		"Extract=false: the object's key; Extract=true: put before each file's name. May "
		"hold "
		"{datetime} and {uuid}"},
	{"KMSEncryptionKeyARN", false, false, "Kept as the objects' key id"},
	{"CannedACL", false, false, "private (access is a matter of policies here)"},
};

static int validate(void *arg, const struct codepipeline_action_declaration *action,
	struct arena *a, struct err *err)
{
	const char *extract = action_setting(action, "Extract");
	const char *acl = action_setting(action, "CannedACL");

	(void)arg;
	(void)a;
	if (acl && !streq(acl, "private"))
		return err_set_wire(err, "InvalidActionDeclarationException",
			"Action configuration for action '%s': CannedACL %s is not available, only "
			"private",
			action->name, acl);
	if (!action_value_is_variable(extract) && !action_flag(extract, false) &&
		!action_setting(action, "ObjectKey"))
		return err_set_wire(err, "InvalidActionDeclarationException",
			"Action configuration for action '%s' is missing required configuration "
			"'ObjectKey': Extract is false",
			action->name);
	return 0;
}

/* Content types by the end of the name; what is not here is binary/octet-stream. */
static const struct {
	const char *suffix, *type;
} content_types[] = {
	{".css", "text/css"},
	{".csv", "text/csv"},
	{".gif", "image/gif"},
	{".htm", "text/html"},
	{".html", "text/html"},
	{".ico", "image/x-icon"},
	{".jpeg", "image/jpeg"},
	{".jpg", "image/jpeg"},
	{".js", "application/javascript"},
	{".json", "application/json"},
	{".md", "text/markdown"},
	{".mjs", "application/javascript"},
	{".pdf", "application/pdf"},
	{".png", "image/png"},
	{".svg", "image/svg+xml"},
	{".txt", "text/plain"},
	{".wasm", "application/wasm"},
	{".webp", "image/webp"},
	{".woff2", "font/woff2"},
	{".xml", "application/xml"},
	{".yaml", "application/yaml"},
	{".yml", "application/yaml"},
	{".zip", "application/zip"},
};

static const char *content_type(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(content_types); i++)
		if (ends_with(name, content_types[i].suffix))
			return content_types[i].type;
	return NULL;
}

/* The key with {datetime} and {uuid} put in: the same for the same action execution. */
static const char *expand(const struct action_run *run, const char *key)
{
	struct str out CLEANUP_STR = STR_INIT;
	struct timefmt t = timefmt_iso(run->started_usec);

	t.text[10] = '_';
	t.text[13] = t.text[16] = '-';
	t.text[19] = 0;
	while (*key) {
		if (starts_with(key, "{datetime}")) {
			str_add(&out, t.text);
			key += strlen("{datetime}");
		} else if (starts_with(key, "{uuid}")) {
			str_add(&out, run->id);
			key += strlen("{uuid}");
		} else {
			str_add_c(&out, *key++);
		}
	}
	return arena_strdup(run->arena, str_text(&out));
}

static int put_file(struct action_world *w, const struct action_run *run, const char *path,
	const char *key, struct err *err)
{
	struct artifact_put put = {
		.bucket = action_run_setting(run, "BucketName"),
		.key = key,
		.content_type = content_type(key),
		.kms_key_id = action_run_setting(run, "KMSEncryptionKeyARN"),
	};

	if (put.kms_key_id)
		put.server_side_encryption = BUCKET_ENCRYPTION;
	if (action_check_object(
		    w, run, "s3:PutObject", put.bucket, key, put.server_side_encryption, err) < 0)
		return -1;
	return artifact_put_path(w->artifact, &put, path, run->arena, NULL, err);
}

/* A file, or a link to one that stays inside of dir; others are left out. */
static bool is_deployable(const char *dir, const char *path)
{
	char *real CLEANUP(freep) = realpath(path, NULL);
	struct stat st;

	return real && starts_with(real, dir) && real[strlen(dir)] == '/' && stat(real, &st) == 0 &&
	       S_ISREG(st.st_mode);
}

static int put_all(struct action_world *w, const struct action_run *run, const char *dir,
	const char *prefix, struct err *err)
{
	CLEANUP_STRV struct strv names = {0};

	if (archive_list_dir(dir, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		char *path CLEANUP(freep) = path_join(dir, names.v[i]);
		size_t n = strlen(prefix);
		bool slash = n && prefix[n - 1] != '/';

		if (is_deployable(dir, path) && put_file(w, run, path,
							arena_printf(run->arena, "%s%s%s", prefix,
								slash ? "/" : "", names.v[i]),
							err) < 0)
			return -1;
	}
	return 0;
}

static int deploy(
	struct action_world *w, const struct action_run *run, const char *dir, struct err *err)
{
	const char *key = action_run_setting(run, "ObjectKey");
	char *zip CLEANUP(freep) = path_join(dir, "artifact"), *out CLEANUP(freep) = NULL;
	CLEANUP_FD int fd = -1;

	key = expand(run, key ? key : "");
	if (artifact_get_path(w->artifact, run->inputs[0].bucket, run->inputs[0].key, NULL, zip,
		    run->arena, NULL, err) < 0)
		return err_wrap(err, "input artifact %s", run->inputs[0].name);
	if (!action_flag(action_run_setting(run, "Extract"), false))
		return put_file(w, run, zip, key, err);
	out = path_join(dir, "files");
	fd = open(zip, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "%s", zip);
	if (file_make_dirs(out, 0700, err) < 0 ||
		archive_unpack(ARCHIVE_KIND_AUTO, fd, out, NULL, NULL, err) < 0)
		return err_wrap(err, "input artifact %s", run->inputs[0].name);
	return put_all(w, run, out, key, err);
}

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	char *dir CLEANUP(freep) = xasprintf("%s/actions/%s", w->data_dir, run->id);
	char *real CLEANUP(freep) = NULL;
	int rc;

	if (file_remove_tree(dir, err) < 0 || file_make_dirs(dir, 0700, err) < 0)
		return -1;
	real = realpath(dir, NULL);
	if (!real)
		return err_errno(err, errno, "%s", dir);
	rc = deploy(w, run, real, err);
	file_remove_tree(dir, NULL);
	if (rc < 0)
		return action_sibling_failed(run, ret,
			err_is(err, ERR_DENIED) ? "PermissionError" : "JobFailed",
			arena_printf(run->arena, "Unable to deploy to the bucket %s: ",
				action_run_setting(run, "BucketName")),
			err);
	ret->outcome = ACTION_SUCCEEDED;
	ret->external_id = run->id;
	ret->summary = "Deployment Succeeded";
	ret->external_url = arena_printf(run->arena,
		"https://s3.console.aws.amazon.com/s3/buckets/%s?region=%s",
		action_run_setting(run, "BucketName"), run->region);
	return 0;
}

static const char *entity_url(void *arg, const struct codepipeline_action_declaration *action,
	const char *region, struct arena *a)
{
	(void)arg;
	return arena_printf(a, "https://s3.console.aws.amazon.com/s3/buckets/%s?region=%s",
		action_setting(action, "BucketName"), region);
}

const struct action_provider action_s3_deploy = {
	.category = "Deploy",
	.provider = "S3",
	.min_inputs = 1,
	.max_inputs = 1,
	ACTION_KEYS(keys),
	.timeout_usec = TIMEOUT_USEC,
	.validate = validate,
	.start = start,
	.entity_url = entity_url,
};
