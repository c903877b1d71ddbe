/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client over libcurl's easy interface. */
#include "net/http_client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <pthread.h>

#include "base/limits.h"

struct http_client {
	CURL *curl;
	char *ca_file; /* or NULL */
};

/* What the callbacks of one call share. */
struct transfer {
	CURL *curl;
	const struct http_call *call;
	struct http_answer *answer;
	struct err *err; /* a callback's own error */
	size_t limit;
	bool failed;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		BUG("libcurl cannot be initialised");
}

struct http_client *http_client_new(void)
{
	struct http_client *c = xcalloc(1, sizeof(*c));

	pthread_once(&curl_once, init_curl);
	c->curl = curl_easy_init();
	BUG_ON(!c->curl);
	return c;
}

struct http_client *http_client_free(struct http_client *c)
{
	if (!c)
		return NULL;
	curl_easy_cleanup(c->curl);
	free(c->ca_file);
	free(c);
	return NULL;
}

void http_client_trust(struct http_client *c, const char *ca_file)
{
	free(c->ca_file);
	c->ca_file = ca_file ? xstrdup(ca_file) : NULL;
}

void http_answer_release(struct http_answer *a)
{
	str_release(&a->body);
	strv_release(&a->headers);
	*a = HTTP_ANSWER_INIT;
}

const char *http_answer_header(const struct http_answer *a, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < a->headers.n; i++) {
		const char *h = a->headers.v[i];

		if (strncmp(h, name, n) == 0 && h[n] == ':')
			return h + n + 1 + strspn(h + n + 1, " ");
	}
	return NULL;
}

/* ---- callbacks ---- */

static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct view line = view_trim((struct view){bytes, size * n});
	char *copy;

	if (view_starts_with(line, "HTTP/")) { /* a new head: after a 100 or a redirect */
		strv_release(&t->answer->headers);
		return size * n;
	}
	if (!line.len || !memchr(line.p, ':', line.len))
		return size * n;
	copy = xstrndup(line.p, line.len);
	for (char *p = copy; *p != ':'; p++)
		*p = (char)tolower((unsigned char)*p);
	strv_adopt(&t->answer->headers, copy);
	return size * n;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	long status = 0;

	n *= size;
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (t->call->write && status / 100 == 2) {
		if (t->call->write(t->call->arg, bytes, n, t->err) == 0)
			return n;
		t->failed = true;
		return 0;
	}
	if (n > t->limit - t->answer->body.len) {
		err_set(t->err, ERR_TOO_LARGE, "the answer of %s is larger than %zu bytes",
			t->call->url, t->limit);
		t->failed = true;
		return 0;
	}
	str_add_n(&t->answer->body, bytes, n);
	return n;
}

static size_t on_read(char *buf, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	ssize_t got = t->call->read(t->call->arg, buf, size * n, t->err);

	if (got >= 0)
		return (size_t)got;
	t->failed = true;
	return CURL_READFUNC_ABORT;
}

static int on_progress(
	void *arg, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow)
{
	struct transfer *t = arg;

	(void)dltotal, (void)dlnow, (void)ultotal, (void)ulnow;
	if (!t->call->cancelled || !t->call->cancelled(t->call->arg))
		return 0;
	err_set(t->err, ERR_CANCELLED, "given up: %s", t->call->url);
	t->failed = true;
	return 1;
}

/* ---- the call ---- */

static long msec(int64_t usec, long dflt)
{
	return usec > 0 ? (long)MAX(usec / USEC_PER_MSEC, 1) : dflt;
}

static void set_limits(CURL *curl, struct transfer *t)
{
	const struct http_call *call = t->call;

	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, msec(call->connect_usec, 10000));
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, msec(call->timeout_usec, 0));
	if (call->stall_usec > 0) {
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
			(long)MAX(call->stall_usec / USEC_PER_SEC, 1));
	}
	if (call->cancelled) {
		curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
		curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
	}
}

static void set_body(CURL *curl, struct transfer *t)
{
	const struct http_call *call = t->call;
	const char *method = call->method ? call->method : "GET";

	if (call->read) {
		curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(curl, CURLOPT_READDATA, t);
		curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body_length);
	} else if (call->body.len || streq(method, "POST") || streq(method, "PUT")) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body.p ? call->body.p : "");
	} else if (streq(method, "HEAD")) {
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

static void prepare(CURL *curl, struct transfer *t, struct curl_slist *headers)
{
	const struct http_call *call = t->call;

	curl_easy_reset(curl); /* keeps the connections */
	curl_easy_setopt(curl, CURLOPT_URL, call->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, call->unix_socket);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 65536L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "towpath/" TOWPATH_VERSION);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, call->insecure_tls ? 0L : 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, call->insecure_tls ? 0L : 2L);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, call->follow ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	set_limits(curl, t);
	set_body(curl, t);
}

static int fail(struct transfer *t, CURLcode code, const char *detail, struct err *err)
{
	enum err_kind kind = ERR_UNAVAILABLE;

	if (t->failed)
		return -1;
	if (code == CURLE_OPERATION_TIMEDOUT)
		kind = ERR_TIMEOUT;
	else if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		kind = ERR_INVALID;
	return err_set(err, kind, "%s %s: %s", t->call->method ? t->call->method : "GET",
		t->call->url, *detail ? detail : curl_easy_strerror(code));
}

int http_client_call(struct http_client *c, const struct http_call *call, struct http_answer *ret,
	struct err *err)
{
	struct transfer t = {c->curl, call, ret, err, call->limit, false};
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	char detail[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode code;

	if (!t.limit)
		t.limit = LIMIT_API_BODY;
	http_answer_release(ret);
	for (size_t i = 0; call->headers && call->headers[i]; i++)
		headers = curl_slist_append(headers, call->headers[i]);
	prepare(c->curl, &t, headers);
	if (c->ca_file)
		curl_easy_setopt(c->curl, CURLOPT_CAINFO, c->ca_file);
	curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, detail);
	code = curl_easy_perform(c->curl);
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	ret->status = (int)status;
	return code == CURLE_OK ? 0 : fail(&t, code, detail, err);
}
