/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's calls: the command service and objects in S3. */
#include "agent/client.h"

#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "codec/xml.h"
#include "crypto/digest.h"
#include "crypto/sigv4.h"

#define READ_TIMEOUT (80 * USEC_PER_SEC)

static int64_t wall_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

static struct sigv4_signer signer(const struct agent_client *c, const char *service)
{
	return (struct sigv4_signer){.access_key_id = c->config->access_key_id,
		.secret = c->config->secret,
		.token = c->config->token,
		.region = c->config->region,
		.service = service,
		.time_usec = wall_usec()};
}

static void add_user_agent(const struct agent_client *c, struct strv *headers)
{
	strv_addf(headers, "User-Agent: towpath-agent/" TOWPATH_VERSION " (run %s)", c->run);
}

/* ---- command service ---- */

static int refused(
	const char *name, const struct http_answer *answer, struct arena *a, struct err *err)
{
	struct codedeploy_commands_client_exception body = {0};
	const char *message = NULL;

	if (wire_decode_json(&codedeploy_commands_client_exception_shape, str_view(&answer->body),
		    a, &body, NULL) == 0)
		message = body.message;
	return err_set(err,
		answer->status >= 500 || answer->status == 429 ? ERR_UNAVAILABLE : ERR_SERVICE,
		"%s answered %d: %s", name, answer->status, message ? message : "no message");
}

int agent_call(struct agent_client *c, const char *name, const void *req, struct arena *a,
	void *ret, struct err *err)
{
	const struct wire_operation *op =
		wire_operation_find(&codedeploy_commands_service, view_of(name));
	const char *service =
		c->config->secure ? "codedeploy-commands-secure" : "codedeploy-commands";
	const char *prefix = c->config->secure ? "CodeDeployCommandService"
					       : "CodeDeployCommandService_v20141006";
	struct sigv4_signer who = signer(c, service);
	struct http_answer answer CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	struct str body CLEANUP_STR = STR_INIT;
	struct strv headers CLEANUP_STRV = {0};
	struct http_call call = {.method = "POST",
		.timeout_usec = READ_TIMEOUT,
		.cancelled = c->cancelled,
		.arg = c->arg};
	char *url CLEANUP(freep) = xasprintf("%s/", c->config->endpoint);
	struct digest_value hash;

	wire_encode_json(op->input, req, &body);
	strv_add(&headers, "Content-Type: application/x-amz-json-1.1");
	strv_addf(&headers, "X-Amz-Target: %s.%s", prefix, name);
	strv_add(&headers, "X-Amz-Codedeploy-Agent-Version: towpath-" TOWPATH_VERSION);
	hash = digest_of(DIGEST_SHA256, str_view(&body));
	if (sigv4_sign(&who, "POST", url, digest_hex(&hash).text, &headers, err) < 0)
		return -1;
	add_user_agent(c, &headers);
	call.url = url;
	call.headers = (const char *const *)headers.v;
	call.body = str_view(&body);
	if (http_client_call(c->http, &call, &answer, err) < 0)
		return err_wrap(err, "%s", name);
	if (answer.status != 200)
		return refused(name, &answer, a, err);
	return wire_decode_json(
		op->output, answer.body.len ? str_view(&answer.body) : VIEW("{}"), a, ret, err);
}

/* ---- objects ---- */

struct sink {
	int fd;
	const struct agent_client *client;
};

static int write_object(void *arg, const char *bytes, size_t n, struct err *err)
{
	const struct sink *s = arg;

	return fd_write_all(s->fd, bytes, n, err);
}

static void add_encoded(struct str *url, const char *text, bool keep_slashes)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *text; text++) {
		if (strchr(plain, *text) || (keep_slashes && *text == '/'))
			str_add_c(url, *text);
		else
			str_addf(url, "%%%02X", (unsigned char)*text);
	}
}

static int object_error(const struct http_answer *answer, const char *url, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const struct xml_node *root, *message = NULL;

	if (xml_parse(str_view(&answer->body), &a, &root, NULL) == 0)
		message = xml_child(root, "Message");
	return err_set(err, answer->status >= 500 ? ERR_UNAVAILABLE : ERR_SERVICE, "%s (%s: %d)",
		message ? message->text.p : "the bundle cannot be fetched", url, answer->status);
}

static int fetch(struct agent_client *c, const char *url, struct strv *headers, int fd,
	struct http_answer *answer, struct err *err)
{
	struct sink sink = {.fd = fd, .client = c};
	struct http_call call = {.url = url,
		.headers = (const char *const *)headers->v,
		.write = write_object,
		.arg = &sink,
		.stall_usec = READ_TIMEOUT,
		.follow = true};

	if (http_client_call(c->http, &call, answer, err) < 0)
		return err_wrap(err, "%s", url);
	if (answer->status != 200)
		return object_error(answer, url, err);
	return 0;
}

int agent_get_object(struct agent_client *c, const char *bucket, const char *key,
	const char *version, int fd, struct arena *a, const char **ret_etag, struct err *err)
{
	struct http_answer answer CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	struct sigv4_signer who = signer(c, "s3");
	struct strv headers CLEANUP_STRV = {0};
	struct str url CLEANUP_STR = STR_INIT;
	const char *etag;
	size_t n;

	str_addf(&url, "%s/", c->config->s3_endpoint);
	add_encoded(&url, bucket, false);
	str_add_c(&url, '/');
	add_encoded(&url, key, true);
	if (version && *version) {
		str_add(&url, "?versionId=");
		add_encoded(&url, version, false);
	}
	if (sigv4_sign(&who, "GET", str_text(&url), SIGV4_EMPTY_HASH, &headers, err) < 0)
		return -1;
	add_user_agent(c, &headers);
	if (fetch(c, str_text(&url), &headers, fd, &answer, err) < 0)
		return -1;
	etag = http_answer_header(&answer, "etag");
	n = etag ? strlen(etag) : 0;
	if (n >= 2 && etag[0] == '"')
		*ret_etag = arena_strndup(a, etag + 1, n - 2);
	else
		*ret_etag = arena_strdup(a, etag ? etag : "");
	return 0;
}

int agent_get_github(struct agent_client *c, const char *account, const char *repository,
	const char *commit, const char *bundle_type, const char *token, int fd, struct err *err)
{
	struct http_answer answer CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	struct strv headers CLEANUP_STRV = {0};
	struct str url CLEANUP_STR = STR_INIT;

	str_add(&url, "https://api.github.com/repos/");
	add_encoded(&url, account, false);
	str_add_c(&url, '/');
	add_encoded(&url, repository, false);
	str_addf(&url, "/%s/", streq(bundle_type, "zip") ? "zipball" : "tarball");
	add_encoded(&url, commit, false);
	add_user_agent(c, &headers);
	if (token && *token)
		strv_addf(&headers, "Authorization: token %s", token);
	return fetch(c, str_text(&url), &headers, fd, &answer, err);
}
