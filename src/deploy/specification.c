/* SPDX-License-Identifier: Apache-2.0 */
/* The signed deployment specification that host agents ask for. */
#include "deploy/specification.h"

#include "base/file.h"
#include "base/mem.h"
#include "crypto/cms.h"

#define PEM_LIMIT (64 * KIB)

static int read_pem(const char *path, char **ret, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;

	if (file_read(path, PEM_LIMIT, &text, err) < 0)
		return -1;
	*ret = str_take(&text);
	return 0;
}

int deploy_specification_load_signer(struct deploy_engine *e, struct err *err)
{
	char *dir CLEANUP(freep) = xasprintf("%s/keys", e->data_dir);
	char *key CLEANUP(freep) = xasprintf("%s/deployment-signer.key", dir);
	char *cert CLEANUP(freep) = xasprintf("%s/deployment-signer.pem", dir);

	if (file_exists(key) && file_exists(cert))
		return read_pem(key, &e->signer_key, err) < 0 ||
				       read_pem(cert, &e->signer_certificate, err) < 0
			       ? -1
			       : 0;
	if (file_make_dirs(dir, 0700, err) < 0 ||
		cms_make_signer("Towpath deployment signer", &e->signer_key, &e->signer_certificate,
			err) < 0 ||
		file_write_atomic(cert, view_of(e->signer_certificate), 0644, err) < 0)
		return -1;
	return file_write_atomic(key, view_of(e->signer_key), 0600, err);
}

/* The etag as it came may carry quotes; agents compare it without. */
static const char *plain_etag(const char *etag, struct arena *a)
{
	size_t n = etag ? strlen(etag) : 0;

	if (n >= 2 && etag[0] == '"' && etag[n - 1] == '"')
		return arena_strndup(a, etag + 1, n - 2);
	return etag;
}

static void describe_revision(const struct codedeploy_revision_location *r, struct arena *a,
	struct towpath_deploy_specification_revision *out)
{
	const struct codedeploy_s3_location *s3 = r->s3_location;
	const struct codedeploy_git_hub_location *hub = r->git_hub_location;

	out->revision_type = r->revision_type;
	if (s3) {
		out->revision_type = CODEDEPLOY_REVISION_LOCATION_TYPE_S3;
		out->s3_revision = arena_new(a, struct towpath_deploy_specification_s3_revision);
		*out->s3_revision =
			(struct towpath_deploy_specification_s3_revision){.bucket = s3->bucket,
				.key = s3->key,
				.bundle_type = s3->bundle_type,
				.version = s3->version,
				.e_tag = plain_etag(s3->e_tag, a)};
	}
	if (hub) {
		const char *slash = strchr(hub->repository, '/');

		out->revision_type = CODEDEPLOY_REVISION_LOCATION_TYPE_GITHUB;
		out->git_hub_revision =
			arena_new(a, struct towpath_deploy_specification_git_hub_revision);
		*out->git_hub_revision = (struct towpath_deploy_specification_git_hub_revision){
			.account = slash ? arena_strndup(a, hub->repository,
						   (size_t)(slash - hub->repository))
					 : hub->repository,
			.repository = slash ? slash + 1 : hub->repository,
			.commit_id = hub->commit_id,
			.bundle_type = CODEDEPLOY_BUNDLE_TYPE_TAR};
	}
}

int deploy_specification_sign(struct deploy_engine *e, const struct store_deployment *d,
	struct arena *a, const char **ret_pem, struct err *err)
{
	struct towpath_deploy_specification_agent_overrides agent = {
		.file_exists_behavior = d->info.file_exists_behavior};
	struct towpath_deploy_specification_overrides overrides = {.agent_overrides = &agent};
	struct towpath_deploy_specification_revision revision = {0};
	struct towpath_deploy_specification spec = {
		.deployment_id = d->info.deployment_id,
		.deployment_group_id = d->state.group_id,
		.deployment_group_name = d->info.deployment_group_name,
		.application_name = d->info.application_name,
		.deployment_creator = d->info.creator,
		.deployment_type = d->info.deployment_style
					   ? d->info.deployment_style->deployment_type
					   : CODEDEPLOY_DEPLOYMENT_TYPE_IN_PLACE,
		.app_spec_filename = "appspec.yml",
		.agent_action_overrides = &overrides,
		.revision = &revision,
	};
	struct str json CLEANUP_STR = STR_INIT, pem CLEANUP_STR = STR_INIT;

	describe_revision(d->info.revision, a, &revision);
	wire_encode_json(&towpath_deploy_specification_shape, &spec, &json);
	if (cms_sign(e->signer_key, e->signer_certificate, str_view(&json), &pem, err) < 0)
		return -1;
	*ret_pem = arena_view_dup(a, str_view(&pem));
	return 0;
}
