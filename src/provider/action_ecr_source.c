/* SPDX-License-Identifier: Apache-2.0 */
/* Source / ECR: an image's description (imageDetail.json), which deployments take the image's
 * address from. Started by a rule on ECR Image Action. */
#include <sys/stat.h>
#include <unistd.h>

#include "artifact/image.h"
#include "base/fd.h"
#include "base/mem.h"
#include "codec/json.h"
#include "codec/zip_writer.h"
#include "provider/action_world.h"

static const struct action_key keys[] = {
	{"RepositoryName", true, false, "Repository of the image"},
	{"ImageTag", false, false, "Tag of the image (latest)"},
};

static const char *asked_digest(const struct action_run *run)
{
	for (size_t i = 0; i < run->n_overrides; i++)
		if (streq(run->overrides[i].revision_type,
			    CODEPIPELINE_SOURCE_REVISION_TYPE_IMAGE_DIGEST))
			return run->overrides[i].revision_value;
	return NULL;
}

/* ---- the output artifact ---- */

static void write_detail(const struct action_run *run, const char *repository, const char *tag,
	const char *uri, const struct artifact_manifest *m, struct str *out)
{
	struct json_writer w = {.out = out};

	json_open(&w, '{');
	json_key(&w, "ImageSizeInBytes");
	json_put_int(&w, m->size);
	json_put_member(&w, "ImageDigest", m->digest);
	json_put_member(&w, "Version", "1.0");
	json_key(&w, "ImagePushedAt");
	json_put_real(&w, (double)m->pushed_usec / 1e6);
	json_put_member(&w, "RegistryId", run->account);
	json_put_member(&w, "RepositoryName", repository);
	json_put_member(&w, "ImageURI", uri);
	json_key(&w, "ImageTags");
	json_open(&w, '[');
	json_put_text(&w, tag);
	json_close(&w, ']');
	json_close(&w, '}');
}

/* The text as the file imageDetail.json of a zip, in an unnamed file read from its start. */
static int pack(const struct action_world *w, struct view text, int *ret_fd, struct err *err)
{
	CLEANUP_FD int plain = -1, zip = -1;
	CLEANUP_ZIP_WRITER struct zip_writer *z = NULL;
	struct stat st;

	if (action_temp_file(w, &plain, err) < 0 || action_temp_file(w, &zip, err) < 0 ||
		fd_write_all(plain, text.p, text.len, err) < 0)
		return -1;
	if (lseek(plain, 0, SEEK_SET) < 0 || fstat(plain, &st) < 0)
		return err_set(err, ERR_IO, "cannot read imageDetail.json again");
	st.st_mode = S_IFREG | 0644;
	if (zip_writer_new(zip, &z, err) < 0 ||
		zip_writer_add_file(z, "imageDetail.json", plain, &st, err) < 0 ||
		zip_writer_close(z, err) < 0)
		return -1;
	if (lseek(zip, 0, SEEK_SET) < 0)
		return err_set(err, ERR_IO, "cannot read the artifact again");
	*ret_fd = TAKE_FD(zip);
	return 0;
}

static int put_artifact(
	struct action_world *w, const struct action_run *run, struct view detail, struct err *err)
{
	struct artifact_put put = {.bucket = run->outputs[0].bucket,
		.key = run->outputs[0].key,
		.content_type = "application/zip",
		.server_side_encryption = BUCKET_ENCRYPTION};
	CLEANUP_FD int fd = -1;

	if (pack(w, detail, &fd, err) < 0)
		return -1;
	return artifact_put_fd(w->artifact, &put, fd, run->arena, NULL, err);
}

/* ---- the action ---- */

static void fill_result(const struct action_run *run, const char *repository, const char *tag,
	const char *uri, const struct artifact_manifest *m, struct action_result *ret)
{
	const struct codepipeline_output_variables_map_kv rows[] = {
		{"ImageDigest", m->digest},
		{"ImageTag", tag},
		{"ImageURI", uri},
		{"RegistryId", run->account},
		{"RepositoryName", repository},
	};

	ret->outcome = ACTION_SUCCEEDED;
	ret->revision_id = ret->revision_change_id = m->digest;
	ret->revision_summary = ret->summary =
		arena_printf(run->arena, "Image %s:%s", repository, tag);
	ret->revision_created = WIRE_SET_TIME(m->pushed_usec);
	wire_list_alloc(run->arena, &ret->variables, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ret->variables.v[i] = rows[i];
}

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	CLEANUP_STR struct str detail = STR_INIT;
	const char *repository = action_run_setting(run, "RepositoryName");
	const char *tag = action_run_setting(run, "ImageTag");
	const char *digest = asked_digest(run), *uri;
	struct artifact_manifest m;

	if (!tag || !*tag)
		tag = "latest";
	if (artifact_manifest_get(
		    w->artifact, repository, digest ? digest : tag, false, run->arena, &m, err) < 0)
		return action_sibling_failed(run, ret, "ConfigurationError",
			arena_printf(run->arena, "The image %s:%s cannot be found: ", repository,
				digest ? digest : tag),
			err);
	uri = arena_printf(
		run->arena, "%s/%s@%s", artifact_image_registry(w->artifact), repository, m.digest);
	write_detail(run, repository, tag, uri, &m, &detail);
	if (put_artifact(w, run, str_view(&detail), err) < 0)
		return action_sibling_failed(run, ret, "JobFailed",
			arena_printf(run->arena,
				"Unable to upload the source artifact to the bucket %s: ",
				run->outputs[0].bucket),
			err);
	fill_result(run, repository, tag, uri, &m, ret);
	return 0;
}

const struct action_provider action_ecr_source = {
	.category = "Source",
	.provider = "ECR",
	.min_outputs = 1,
	.max_outputs = 1,
	ACTION_KEYS(keys),
	.start = start,
};
