/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a streaming operation: plain, or aws-chunked with or without signatures. */
#include <ctype.h>
#include <strings.h>

#include "api/body.h"
#include "base/mem.h"
#include "crypto/sigv4.h"

#define MAX_LINE 4096 /* of a chunk's head or a trailer */

static ssize_t http_source(void *arg, void *buf, size_t n, struct err *err)
{
	return http_read(arg, buf, n, err);
}

static int incomplete(struct err *err)
{
	return err_set_wire(err, "IncompleteBody",
		"The request body terminated unexpectedly or is not the length that was announced");
}

static int mismatch(struct err *err)
{
	return err_set_wire(err, "SignatureDoesNotMatch",
		"The signature of a part of the body is not what was computed for it");
}

/* ---- plain bodies ---- */

static ssize_t read_plain(struct call_stream *s, void *buf, size_t n, struct err *err)
{
	struct api_body *b = CONTAINER_OF(s, struct api_body, stream);
	ssize_t got = b->ended ? 0 : b->source(b->source_arg, buf, n, err);
	struct digest_value v;

	if (got < 0 || b->ended)
		return got;
	b->delivered += got;
	if (got > 0) {
		if (b->r->who->payload == AUTH_PAYLOAD_HASH)
			digest_update(&b->digest, buf, (size_t)got);
		return got;
	}
	b->ended = true;
	if (s->length >= 0 && b->delivered != s->length)
		return incomplete(err);
	if (b->r->who->payload != AUTH_PAYLOAD_HASH)
		return 0;
	v = digest_value(&b->digest);
	if (!b->r->who->payload_hash ||
		!digest_equal(view_of(digest_hex(&v).text), view_of(b->r->who->payload_hash)))
		return err_set_wire(err, "XAmzContentSHA256Mismatch",
			"The provided 'x-amz-content-sha256' header does not match what was "
			"computed.");
	return 0;
}

/* ---- aws-chunked ---- */

/* Makes bytes available in the buffer: 1, 0 at the end, -1. */
static int fill(struct api_body *b, struct err *err)
{
	ssize_t got;

	if (b->at < b->n)
		return 1;
	got = b->source(b->source_arg, b->buf, sizeof(b->buf), err);
	if (got < 0)
		return -1;
	b->at = 0;
	b->n = (size_t)got;
	return got > 0;
}

/* A line without its end: 1, 0 when the body ended before anything came, -1. */
static int read_line(struct api_body *b, struct str *line, struct err *err)
{
	int rc;

	str_clear(line);
	while ((rc = fill(b, err)) == 1) {
		char *end = memchr(b->buf + b->at, '\n', b->n - b->at);
		size_t n = end ? (size_t)(end - b->buf) - b->at : b->n - b->at;

		str_add_n(line, b->buf + b->at, n);
		b->at += n + (end != NULL);
		if (line->len > MAX_LINE)
			return incomplete(err);
		if (!end)
			continue;
		if (line->len && line->p[line->len - 1] == '\r')
			str_truncate(line, line->len - 1);
		return 1;
	}
	return rc < 0 ? -1 : line->len ? incomplete(err) : 0;
}

/* Compares the signature claimed with what it must be, which the next one then builds on. */
static int verify(
	struct api_body *b, const struct sigv4_text *wanted, const char *claimed, struct err *err)
{
	if (!digest_equal(view_of(wanted->text), view_of(claimed)))
		return mismatch(err);
	memcpy(b->previous, wanted->text, sizeof(b->previous));
	return 0;
}

static struct sigv4_key signing_key(const struct api_body *b)
{
	struct sigv4_key key;

	memcpy(key.bytes, b->r->who->signing_key, sizeof(key.bytes));
	return key;
}

static int end_chunk(struct api_body *b, struct err *err)
{
	const struct auth_principal *who = b->r->who;
	struct sigv4_key key = signing_key(b);
	struct sigv4_text wanted;
	struct digest_value v;

	if (!b->chunks_signed)
		return 0;
	v = digest_value(&b->digest);
	wanted = sigv4_chunk(&key, who->amz_date, who->scope, b->previous, digest_hex(&v).text);
	return verify(b, &wanted, b->claimed, err);
}

/* <hex length>[;chunk-signature=<64 hex>] */
static int parse_head(struct api_body *b, const char *line, struct err *err)
{
	static const char mark[] = ";chunk-signature=";
	const char *at = strstr(line, mark);
	char *end;

	if (!isxdigit((unsigned char)line[0]) || strcspn(line, "; ") > 15)
		return incomplete(err);
	b->left = (int64_t)strtoull(line, &end, 16);
	if (*end && *end != ';')
		return incomplete(err);
	b->claimed[0] = '\0';
	if (at && strlen(at + strlen(mark)) >= 64) {
		memcpy(b->claimed, at + strlen(mark), 64);
		b->claimed[64] = '\0';
	}
	if (b->chunks_signed && !b->claimed[0])
		return mismatch(err);
	if (b->delivered + b->left > b->stream.length)
		return incomplete(err);
	digest_release(&b->digest);
	digest_init(&b->digest, DIGEST_SHA256);
	return 0;
}

static int verify_trailers(struct api_body *b, const char *claimed, struct err *err)
{
	CLEANUP_STR struct str text = STR_INIT;
	const struct auth_principal *who = b->r->who;
	struct sigv4_key key = signing_key(b);
	struct sigv4_text wanted;
	struct digest_value v;

	if (who->payload != AUTH_PAYLOAD_CHUNKS_TRAILER)
		return 0;
	for (size_t i = 0; i < b->n_trailers; i++)
		str_addf(&text, "%s:%s\n", b->trailers[i].name, b->trailers[i].value);
	v = digest_of(DIGEST_SHA256, str_view(&text));
	wanted = sigv4_trailer(&key, who->amz_date, who->scope, b->previous, digest_hex(&v).text);
	return verify(b, &wanted, claimed ? claimed : "", err);
}

static int read_trailers(struct api_body *b, struct err *err)
{
	CLEANUP_STR struct str line = STR_INIT;
	struct arena *a = b->r->call.arena;
	const char *claimed = NULL;
	int rc;

	while ((rc = read_line(b, &line, err)) == 1 && line.len) {
		struct view value = str_view(&line), name = view_cut(&value, ':');
		struct wire_header t = {
			arena_view_dup(a, view_trim(name)), arena_view_dup(a, view_trim(value))};

		if (!value.p || b->n_trailers == API_BODY_MAX_TRAILERS)
			return incomplete(err);
		if (strcasecmp(t.name, "x-amz-trailer-signature") == 0)
			claimed = t.value;
		else
			b->trailers[b->n_trailers++] = t;
	}
	if (rc < 0)
		return -1;
	b->ended = true;
	if (b->delivered != b->stream.length)
		return incomplete(err);
	return verify_trailers(b, claimed, err);
}

/* Goes to the next chunk: 1 there is one, 0 that was the last, -1. */
static int next_chunk(struct api_body *b, struct err *err)
{
	CLEANUP_STR struct str line = STR_INIT;
	int rc;

	if (b->begun) { /* the line end behind the data */
		if (end_chunk(b, err) < 0)
			return -1;
		rc = read_line(b, &line, err);
		if (rc < 0 || line.len)
			return rc < 0 ? -1 : incomplete(err);
	}
	b->begun = true;
	rc = read_line(b, &line, err);
	if (rc <= 0)
		return rc < 0 ? -1 : incomplete(err);
	if (parse_head(b, str_text(&line), err) < 0)
		return -1;
	if (b->left > 0)
		return 1;
	if (end_chunk(b, err) < 0)
		return -1;
	return read_trailers(b, err);
}

static ssize_t read_chunked(struct call_stream *s, void *buf, size_t n, struct err *err)
{
	struct api_body *b = CONTAINER_OF(s, struct api_body, stream);
	int rc;

	if (b->ended)
		return 0;
	if (b->left == 0) {
		rc = next_chunk(b, err);
		if (rc <= 0)
			return rc;
	}
	rc = fill(b, err);
	if (rc <= 0)
		return rc < 0 ? -1 : incomplete(err);
	n = MIN(n, MIN(b->n - b->at, (size_t)b->left));
	memcpy(buf, b->buf + b->at, n);
	if (b->chunks_signed)
		digest_update(&b->digest, buf, n);
	b->at += n;
	b->left -= (int64_t)n;
	b->delivered += (int64_t)n;
	return (ssize_t)n;
}

static const char *trailer(struct call_stream *s, const char *name)
{
	struct api_body *b = CONTAINER_OF(s, struct api_body, stream);

	for (size_t i = 0; b->ended && i < b->n_trailers; i++)
		if (strcasecmp(b->trailers[i].name, name) == 0)
			return b->trailers[i].value;
	return NULL;
}

static int init_chunked(struct api_body *b, struct err *err)
{
	const char *length = http_header(b->r->x, "X-Amz-Decoded-Content-Length");
	const char *seed = b->r->who->seed_signature;
	char *end;

	b->chunked = true;
	b->stream.read = read_chunked;
	b->stream.length = length ? strtoll(length, &end, 10) : -1;
	if (!length || *end || b->stream.length < 0)
		return err_set_wire(err, "MissingContentLength",
			"An aws-chunked body needs the header x-amz-decoded-content-length.");
	if (b->chunks_signed) {
		if (!seed || strlen(seed) != 64)
			return mismatch(err);
		memcpy(b->previous, seed, 64);
	}
	return 0;
}

int api_body_init(struct api_body *b, struct api_request *r, struct err *err)
{
	const char *encoding = http_header(r->x, "Content-Encoding");

	*b = (struct api_body){.r = r, .source = http_source, .source_arg = r->x};
	b->stream = (struct call_stream){
		.length = http_content_length(r->x),
		.read = read_plain,
		.trailer = trailer,
		.announced = http_header(r->x, "X-Amz-Trailer"),
		.fd = -1,
	};
	digest_init(&b->digest, DIGEST_SHA256);
	switch (r->who->payload) {
	case AUTH_PAYLOAD_HASH:
		return 0;
	case AUTH_PAYLOAD_UNSIGNED:
		if (encoding && strcasestr(encoding, "aws-chunked"))
			return init_chunked(b, err);
		return 0;
	case AUTH_PAYLOAD_CHUNKS:
	case AUTH_PAYLOAD_CHUNKS_TRAILER:
		b->chunks_signed = true;
		return init_chunked(b, err);
	case AUTH_PAYLOAD_UNSIGNED_TRAILER:
		return init_chunked(b, err);
	}
	return 0;
}

void api_body_release(struct api_body *b)
{
	digest_release(&b->digest);
}
