/* SPDX-License-Identifier: Apache-2.0 */
#include "leader/cache_object.h"

#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "codec/form.h"
#include "codec/json.h"
#include "codec/xml.h"
#include "crypto/sigv4.h"

#define STALL_USEC (60 * USEC_PER_SEC)
#define SHA256_HEADER "x-amz-meta-codebuild-content-sha256"

struct transfer {
	struct job *j;
	int fd;
};

static int write_piece(void *arg, const char *bytes, size_t n, struct err *err)
{
	const struct transfer *t = arg;

	return fd_write_all(t->fd, bytes, n, err);
}

static ssize_t read_piece(void *arg, char *buf, size_t n, struct err *err)
{
	const struct transfer *t = arg;

	return fd_read_full(t->fd, buf, n, err);
}

static bool is_over(void *arg)
{
	const struct transfer *t = arg;

	return job_check_end(t->j);
}

/* ---- credentials ---- */

static int fetch_credentials(struct cache_objects *o, const char *url, struct err *err)
{
	struct http_answer answer CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	struct strv headers CLEANUP_STRV = {0};
	const char *ticket = job_variable(o->j, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
	struct transfer t = {.j = o->j};
	struct http_call call = {
		.url = url, .stall_usec = STALL_USEC, .cancelled = is_over, .arg = &t};
	const struct json_node *json;

	strv_addf(&headers, "Authorization: %s", ticket ? ticket : "");
	call.headers = (const char *const *)headers.v;
	if (http_client_call(o->http, &call, &answer, err) < 0)
		return -1;
	if (answer.status != 200 ||
		json_parse(str_view(&answer.body), &o->j->arena, &json, NULL) < 0)
		return err_set(err, ERR_DENIED, "there are no credentials for the build's role");
	o->key_id = json_member_text(json, "AccessKeyId");
	o->secret = json_member_text(json, "SecretAccessKey");
	o->token = json_member_text(json, "Token");
	return 0;
}

/* The build may have set these to anything: only HTTP is spoken. */
static bool is_http(const char *url)
{
	return url && (starts_with(url, "http://") || starts_with(url, "https://"));
}

static int find_credentials(struct cache_objects *o, struct err *err)
{
	const char *url = job_variable(o->j, "AWS_CONTAINER_CREDENTIALS_FULL_URI");

	o->key_id = job_variable(o->j, "AWS_ACCESS_KEY_ID");
	o->secret = job_variable(o->j, "AWS_SECRET_ACCESS_KEY");
	o->token = job_variable(o->j, "AWS_SESSION_TOKEN");
	if (!o->key_id && is_http(url) && fetch_credentials(o, url, err) < 0)
		return -1;
	if (!o->key_id || !o->secret)
		return err_set(err, ERR_DENIED, "the build has no credentials");
	return 0;
}

int cache_objects_open(struct job *j, struct cache_objects *ret, struct err *err)
{
	const char *endpoint = job_variable(j, "AWS_ENDPOINT_URL");
	const char *region = job_variable(j, "AWS_DEFAULT_REGION");

	*ret = (struct cache_objects){.j = j, .bucket = j->spec->cache->bucket};
	if (!is_http(endpoint))
		return err_set(err, ERR_UNSUPPORTED, "the build has no AWS_ENDPOINT_URL");
	ret->region = region ? region : "us-east-1";
	ret->url = arena_printf(&j->arena, "%s/%s", endpoint, ret->bucket);
	ret->http = http_client_new();
	if (job_variable(j, "AWS_CA_BUNDLE"))
		http_client_trust(ret->http, job_variable(j, "AWS_CA_BUNDLE"));
	return find_credentials(ret, err);
}

void cache_objects_release(struct cache_objects *o)
{
	http_client_free(o->http);
}

/* ---- calls ---- */

static int send_call(struct cache_objects *o, struct http_call *call, struct strv *headers,
	const char *sha256, struct http_answer *ret, struct err *err)
{
	struct sigv4_signer who = {.access_key_id = o->key_id,
		.secret = o->secret,
		.token = o->token,
		.region = o->region,
		.service = "s3"};

	who.time_usec = clock_true_now();
	if (sigv4_sign(&who, call->method ? call->method : "GET", call->url, sha256, headers, err) <
		0)
		return -1;
	call->headers = (const char *const *)headers->v;
	call->stall_usec = STALL_USEC;
	call->cancelled = is_over;
	return http_client_call(o->http, call, ret, err);
}

static int refused(const struct cache_objects *o, const char *key, const struct http_answer *answer,
	struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const struct xml_node *root, *message = NULL;

	if (xml_parse(str_view(&answer->body), &a, &root, NULL) == 0)
		message = xml_child(root, "Message");
	return err_set(err, ERR_SERVICE, "s3://%s/%s: %d %s", o->bucket, key, answer->status,
		message && message->text.p ? message->text.p : "without a message");
}

static const char *object_url(const struct cache_objects *o, const char *key)
{
	struct str url CLEANUP_STR = STR_INIT;

	str_addf(&url, "%s/", o->url);
	form_encode(view_of(key), true, &url);
	return arena_strdup(&o->j->arena, str_text(&url));
}

static bool is_missing_key(const struct http_answer *answer)
{
	return answer->status == 404 && strstr(str_text(&answer->body), "NoSuchKey");
}

int cache_object_get(
	struct cache_objects *o, const char *key, int fd, const char **ret_sha256, struct err *err)
{
	struct http_answer answer CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	struct strv headers CLEANUP_STRV = {0};
	struct transfer t = {o->j, fd};
	struct http_call call = {.url = object_url(o, key), .write = write_piece, .arg = &t};
	const char *sha256;

	if (send_call(o, &call, &headers, SIGV4_EMPTY_HASH, &answer, err) < 0)
		return -1;
	if (is_missing_key(&answer))
		return 0;
	if (answer.status != 200)
		return refused(o, key, &answer, err);
	sha256 = http_answer_header(&answer, SHA256_HEADER);
	*ret_sha256 = sha256 ? arena_strdup(&o->j->arena, sha256) : NULL;
	return 1;
}

/* Times are written so that they sort as texts. */
static const char *latest_of(const struct xml_node *root)
{
	const char *key = NULL, *time = "";

	for (const struct xml_node *c = xml_child(root, "Contents"); c; c = xml_same(c)) {
		const struct xml_node *name = xml_child(c, "Key");
		const struct xml_node *changed = xml_child(c, "LastModified");

		if (!name || !changed || strcmp(changed->text.p, time) < 0)
			continue;
		key = name->text.p;
		time = changed->text.p;
	}
	return key;
}

int cache_object_latest(
	struct cache_objects *o, const char *prefix, const char **ret_key, struct err *err)
{
	struct http_answer answer CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	struct strv headers CLEANUP_STRV = {0};
	struct str url CLEANUP_STR = STR_INIT;
	struct transfer t = {.j = o->j};
	struct http_call call = {.arg = &t};
	const struct xml_node *root;

	str_addf(&url, "%s?list-type=2&prefix=", o->url);
	form_encode(view_of(prefix), false, &url);
	call.url = str_text(&url);
	if (send_call(o, &call, &headers, SIGV4_EMPTY_HASH, &answer, err) < 0)
		return -1;
	if (answer.status != 200)
		return refused(o, prefix, &answer, err);
	if (xml_parse(str_view(&answer.body), &o->j->arena, &root, err) < 0)
		return -1;
	*ret_key = latest_of(root);
	return *ret_key != NULL;
}

int cache_object_put(struct cache_objects *o, const char *key, int fd, const char *sha256,
	bool keep, struct err *err)
{
	struct http_answer answer CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	struct strv headers CLEANUP_STRV = {0};
	struct transfer t = {o->j, fd};
	struct http_call call = {.method = "PUT",
		.url = object_url(o, key),
		.read = read_piece,
		.arg = &t,
		.body_length = lseek(fd, 0, SEEK_END)};

	if (call.body_length < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(err, ERR_IO, "cannot read the archive of the cache");
	strv_addf(&headers, SHA256_HEADER ": %s", sha256);
	strv_add(&headers, "x-amz-server-side-encryption: aws:kms"); /* as artifacts are stored */
	if (keep)
		strv_add(&headers, "If-None-Match: *");
	if (send_call(o, &call, &headers, sha256, &answer, err) < 0)
		return -1;
	if (keep && answer.status == 412)
		return 0;
	return answer.status == 200 ? 1 : refused(o, key, &answer, err);
}
