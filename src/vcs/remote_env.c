/* SPDX-License-Identifier: Apache-2.0 */
/* What git is told through its environment: settings, credentials, how a host is reached. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "vcs/remote.h"

/* A transfer that moves fewer bytes a second for so many seconds is given up. */
#define SLOW_BYTES "1"
#define SLOW_SECONDS "120"

#define COUNT "GIT_CONFIG_COUNT"
#define USER "TOWPATH_GIT_USER"
#define PASSWORD "TOWPATH_GIT_PASSWORD"

/* The text is constant: what differs comes through the environment, never through a shell. */
static const char helper_of_ours[] =
	"!f() { test \"$1\" != get || printf 'username=%s\\npassword=%s\\n' "
	"\"$" USER "\" \"$" PASSWORD "\"; }; f";

bool vcs_remote_is_url(const char *url)
{
	size_t scheme = starts_with(url, "http://")    ? strlen("http://")
			: starts_with(url, "https://") ? strlen("https://")
						       : 0;

	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '\\')
			return false;
	return scheme && url[scheme] && !strchr("/:@", url[scheme]);
}

bool vcs_remote_url_has_secret(const char *url)
{
	const char *host = strstr(url, "://");
	const char *end = host ? host + 3 + strcspn(host + 3, "/") : NULL;
	const char *at = host ? memrchr(host + 3, '@', (size_t)(end - host - 3)) : NULL;

	return at && memchr(host + 3, ':', (size_t)(at - host - 3));
}

void vcs_env_setting(struct strv *env, const char *key, const char *value)
{
	const char *count = strv_getenv(env, COUNT);
	int n = count ? atoi(count) : 0;
	CLEANUP(freep) char *key_name = xasprintf("GIT_CONFIG_KEY_%d", n);
	CLEANUP(freep) char *value_name = xasprintf("GIT_CONFIG_VALUE_%d", n);
	char number[16];

	snprintf(number, sizeof(number), "%d", n + 1);
	strv_setenv(env, key_name, key);
	strv_setenv(env, value_name, value);
	strv_setenv(env, COUNT, number);
}

void vcs_env_helper(struct strv *env, const char *url, const char *helper)
{
	CLEANUP(freep) char *helper_key = xasprintf("credential.%s.helper", url);
	CLEANUP(freep) char *path_key = xasprintf("credential.%s.useHttpPath", url);

	vcs_env_setting(env, helper_key, "");
	vcs_env_setting(env, helper_key, helper);
	vcs_env_setting(env, path_key, "true");
}

void vcs_env_credential(struct strv *env, const char *url, const char *user, const char *password)
{
	strv_setenv(env, USER, user);
	strv_setenv(env, PASSWORD, password);
	vcs_env_helper(env, url, helper_of_ours);
}

/* Scheme, host and port of an address. */
static char *host_of(const char *url)
{
	const char *host = strstr(url, "://");
	size_t n = host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/") : strlen(url);

	return xasprintf("%.*s/", (int)n, url);
}

void vcs_env_remote(struct strv *env, const struct vcs_remote *r)
{
	static const char *const handed_on[] = {"http_proxy", "https_proxy", "HTTPS_PROXY",
		"all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "GIT_SSL_CAINFO", "SSL_CERT_FILE",
		"SSL_CERT_DIR"};
	CLEANUP(freep) char *host = host_of(r->url);
	CLEANUP(freep) char *verify = xasprintf("http.%s.sslVerify", host);

	for (size_t i = 0; i < ARRAY_SIZE(handed_on); i++)
		if (getenv(handed_on[i]))
			strv_setenv(env, handed_on[i], getenv(handed_on[i]));
	strv_setenv(env, "GIT_ALLOW_PROTOCOL", "http:https");
	vcs_env_setting(env, "http.lowSpeedLimit", SLOW_BYTES);
	vcs_env_setting(env, "http.lowSpeedTime", SLOW_SECONDS);
	vcs_env_setting(env, "core.hooksPath", "/dev/null");
	vcs_env_setting(env, "gc.auto", "0");
	vcs_env_setting(env, "advice.detachedHead", "false");
	if (r->insecure_tls)
		vcs_env_setting(env, verify, "false");
	if (r->password)
		vcs_env_credential(env, host, r->user, r->password);
}
