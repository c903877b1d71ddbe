/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/client.h"

#include <stdio.h>
#include <time.h>

#include "bin/data_dir.h"
#include "crypto/digest.h"
#include "crypto/sigv4.h"
#include "net/http_client.h"
#include "towpath.gen.h"

struct client {
	struct http_client *http;
	char *endpoint; /* as it is told */
	char *url;	/* asked there */
	char *region, *key_id, *secret;
	int clock_rate;
};

struct client *client_free(struct client *c)
{
	if (!c)
		return NULL;
	http_client_free(c->http);
	free(c->endpoint);
	free(c->url);
	free(c->region);
	free(c->key_id);
	free(c->secret);
	free(c);
	return NULL;
}

int client_clock_rate(const struct client *c)
{
	return c->clock_rate;
}

const char *client_endpoint(const struct client *c)
{
	return c->endpoint;
}

const char *client_url(const struct client *c)
{
	return c->url;
}

const char *client_key_id(const struct client *c)
{
	return c->key_id;
}

void client_git_password(
	const struct client *c, const char *host, const char *path, struct str *out)
{
	struct sigv4_signer signer = {.access_key_id = c->key_id,
		.secret = c->secret,
		.region = c->region,
		.service = "codecommit"};
	struct timespec now;
	struct tm tm;
	char text[16];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y%m%dT%H%M%S", &tm);
	sigv4_git_password(&signer, text, host, path, out);
}

static bool from_environment(struct client *c)
{
	const char *endpoint = getenv("AWS_ENDPOINT_URL"), *id = getenv("AWS_ACCESS_KEY_ID");
	const char *secret = getenv("AWS_SECRET_ACCESS_KEY"), *region = getenv("AWS_REGION");

	if (!endpoint || !id || !secret)
		return false;
	c->endpoint = xstrdup(endpoint);
	c->url = xstrdup(endpoint);
	c->key_id = xstrdup(id);
	c->secret = xstrdup(secret);
	c->region = xstrdup(region ? region : "us-east-1");
	return true;
}

static int from_data_dir(struct client *c, const char *data_dir, struct err *err)
{
	struct server_info info CLEANUP(server_info_release) = {0};
	struct server_profile profile CLEANUP(server_profile_release) = {0};

	if (server_info_read(data_dir, &info, err) < 0 ||
		server_profile_read(data_dir, &profile, err) < 0)
		return -1;
	c->endpoint = TAKE_PTR(info.endpoint);
	c->url = TAKE_PTR(info.local_endpoint);
	c->region = TAKE_PTR(info.region);
	c->key_id = TAKE_PTR(profile.key_id);
	c->secret = TAKE_PTR(profile.secret);
	c->clock_rate = info.clock_rate;
	return 0;
}

int client_open(const struct options *o, struct client **ret, struct err *err)
{
	struct client *c CLEANUP(client_freep) = xcalloc(1, sizeof(*c));
	char *data_dir CLEANUP(freep) = option_data_dir(o);

	if ((option_text(o, "data") || !from_environment(c)) && from_data_dir(c, data_dir, err) < 0)
		return -1;
	c->http = http_client_new();
	http_client_trust(c->http, getenv("AWS_CA_BUNDLE"));
	*ret = TAKE_PTR(c);
	return 0;
}

/* {"__type": "ns#Name", "message": "..."} */
static int service_error(
	const struct http_answer *answer, const struct wire_operation *op, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_wire_error e;
	const char *name, *hash;

	if (wire_decode_json(&towpath_wire_error_shape, str_view(&answer->body), &a, &e, NULL) <
			0 ||
		!e.type)
		return err_set(err, ERR_UNAVAILABLE, "%s was answered with HTTP status %d",
			op->name, answer->status);
	hash = strchr(e.type, '#');
	name = hash ? hash + 1 : e.type;
	return err_set_wire(err, name, "%s: %s (%s)", op->name, e.message ? e.message : "", name);
}

static int sign(const struct client *c, const struct wire_service *s,
	const struct wire_operation *op, struct view body, struct strv *headers, struct err *err)
{
	struct timespec now;
	struct sigv4_signer signer = {.access_key_id = c->key_id,
		.secret = c->secret,
		.region = c->region,
		.service = s->signing_name};
	struct digest_value digest = digest_of(DIGEST_SHA256, body);

	clock_gettime(CLOCK_REALTIME, &now);
	signer.time_usec = (int64_t)now.tv_sec * USEC_PER_SEC;
	strv_addf(headers, "Content-Type: application/x-amz-json-%s", s->json_version);
	strv_addf(headers, "X-Amz-Target: %s.%s", s->target_prefix, op->name);
	return sigv4_sign(&signer, "POST", c->url, digest_hex(&digest).text, headers, err);
}

int client_call(struct client *c, const struct wire_service *s, int operation, const void *req,
	struct arena *a, void *resp, struct err *err)
{
	const struct wire_operation *op = &s->operations[operation];
	struct http_answer answer CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	struct strv headers CLEANUP_STRV = {0};
	struct str body CLEANUP_STR = STR_INIT;
	struct http_call call = {
		.method = "POST", .url = c->url, .timeout_usec = 60 * USEC_PER_SEC};

	wire_encode_json(op->input, req, &body);
	if (sign(c, s, op, str_view(&body), &headers, err) < 0)
		return -1;
	call.body = str_view(&body);
	call.headers = (const char *const *)headers.v;
	if (http_client_call(c->http, &call, &answer, err) < 0) {
		err_wrap(err, "%s", c->endpoint);
		return err_hint(err, "is `towpath serve` running?");
	}
	if (answer.status != 200)
		return service_error(&answer, op, err);
	if (answer.body.len == 0)
		str_add(&answer.body, "{}");
	return wire_decode_json(op->output, str_view(&answer.body), a, resp, err);
}
