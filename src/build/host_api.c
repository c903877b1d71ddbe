/* SPDX-License-Identifier: Apache-2.0 */
#include "build/host_api.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/base64.h"
#include "codec/form.h"

#define TIMEOUT_USEC (20 * USEC_PER_SEC)

enum build_host_family build_host_family_of(const struct build_host *host)
{
	return starts_with(host->type, "GITHUB")   ? BUILD_HOST_GITHUB
	       : starts_with(host->type, "GITLAB") ? BUILD_HOST_GITLAB
						   : BUILD_HOST_BITBUCKET;
}

static const char *encoded(const char *text, struct arena *a)
{
	CLEANUP_STR struct str out = STR_INIT;

	form_encode(view_of(text), false, &out);
	return arena_strdup(a, str_text(&out));
}

static const char *root_of(const struct build_host_api *api, const char *location, struct arena *a)
{
	const char *host = strstr(location, "://") + 3;
	const char *base =
		arena_strndup(a, location, (size_t)(host - location) + strcspn(host, "/"));
	const char *path = strchr(build_host_folder(location, a), '/') + 1;

	switch (api->family) {
	case BUILD_HOST_GITHUB:
		return api->host->host ? arena_printf(a, "https://api.github.com/repos/%s", path)
				       : arena_printf(a, "%s/api/v3/repos/%s", base, path);
	case BUILD_HOST_GITLAB:
		return arena_printf(a, "%s/api/v4/projects/%s", base, encoded(path, a));
	default:
		return arena_printf(a, "https://api.bitbucket.org/2.0/repositories/%s", path);
	}
}

static const char *header_of(
	const struct build_host_api *api, const struct build_credential *c, struct arena *a)
{
	CLEANUP_STR struct str both = STR_INIT, basic = STR_INIT;

	if (api->family == BUILD_HOST_GITHUB)
		return arena_printf(a, "Authorization: token %s", c->password);
	if (api->family == BUILD_HOST_GITLAB)
		return arena_printf(a, "PRIVATE-TOKEN: %s", c->password);
	if (streq(c->user, api->host->user))
		return arena_printf(a, "Authorization: Bearer %s", c->password);
	str_addf(&both, "%s:%s", c->user, c->password);
	base64_encode(str_view(&both), &basic);
	return arena_printf(a, "Authorization: Basic %s", str_text(&basic));
}

int build_host_api_open(const struct build_engine *e, const struct build_role *role,
	const struct codebuild_project_source *source, struct arena *a, struct build_host_api *ret,
	struct err *err)
{
	struct build_credential credential;
	int has;

	*ret = (struct build_host_api){.host = build_host_of(source->type),
		.insecure_tls = wire_or(source->insecure_ssl, false)};
	/* What an older server stored may have an address that would not be taken now. */
	if (!ret->host || build_host_check(ret->host, source->location, NULL) < 0)
		return 0;
	has = build_credential_of(e, role, source, a, &credential, err);
	if (has <= 0)
		return has;
	ret->family = build_host_family_of(ret->host);
	ret->root = root_of(ret, source->location, a);
	ret->header = header_of(ret, &credential, a);
	return 1;
}

int build_host_api_call(const struct build_host_api *api, const char *method, const char *url,
	struct view body, struct http_answer *ret, struct err *err)
{
	CLEANUP(http_client_freep) struct http_client *client = http_client_new();
	const char *const headers[] = {
		api->header, "Content-Type: application/json", "Accept: application/json", NULL};
	const struct http_call call = {.method = method,
		.url = url,
		.headers = headers,
		.body = body,
		.timeout_usec = TIMEOUT_USEC,
		.insecure_tls = api->insecure_tls};

	http_client_trust(client, getenv("GIT_SSL_CAINFO"));
	if (http_client_call(client, &call, ret, err) < 0)
		return -1;
	if (ret->status >= 500 || ret->status == 429)
		return err_set(err, ERR_UNAVAILABLE, "%s answers %d", url, ret->status);
	return 0;
}
