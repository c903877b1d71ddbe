/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4: both sides of header and query ("presigned") authentication, of chunked
 * payloads, and of the credentials that the CodeCommit helpers give to git.
 *
 * Errors carry the wire names of the query protocol (IncompleteSignature, SignatureDoesNotMatch,
 * ...); the API layer finds the form of each other protocol. */
#ifndef TOWPATH_CRYPTO_SIGV4_H
#define TOWPATH_CRYPTO_SIGV4_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/view.h"

#define SIGV4_KEY_SIZE 32
#define SIGV4_EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct sigv4_header {
	const char *name, *value;
};

/* A request as it came: path and query not decoded. */
struct sigv4_request {
	const char *method, *path, *query;
	const struct sigv4_header *headers;
	size_t n_headers;
};

/* What a request says about its signature. */
struct sigv4_claim {
	bool presigned;
	const char *access_key_id, *date, *region, *service;
	const char *scope; /* date/region/service/aws4_request */
	const char *amz_date;
	int64_t time_usec;
	int64_t expires_sec;	    /* presigned; -1: not given */
	const char *signed_headers; /* as sent: "a;b;c" */
	const char *signature;
	const char *security_token; /* or NULL */
	const char *content_sha256; /* x-amz-content-sha256, or NULL */
};

struct sigv4_key {
	unsigned char bytes[SIGV4_KEY_SIZE];
};

struct sigv4_text {
	char text[2 * SIGV4_KEY_SIZE + 1];
};

/* Reads the Authorization header or the X-Amz-* query parameters: 1 found, 0 the request is not
 * signed at all, -1 IncompleteSignature and its kin say what is wrong. */
int sigv4_parse(
	const struct sigv4_request *r, struct arena *a, struct sigv4_claim *ret, struct err *err);

struct sigv4_key sigv4_derive(
	const char *secret, const char *date, const char *region, const char *service);

/* Checks the signature in constant time. payload_hash stands in the last line of the canonical
 * request. With s3_path the path counts as sent, else it is normalised and encoded once more.
 * SignatureDoesNotMatch shows the canonical request and the string to sign. */
int sigv4_verify(const struct sigv4_request *r, const struct sigv4_claim *claim,
	const struct sigv4_key *key, const char *payload_hash, bool s3_path, struct arena *a,
	struct err *err);

/* ---- chunked payloads (aws-chunked) ---- */

/* The signature of a chunk whose data has this SHA-256 (hex), after `previous`. */
struct sigv4_text sigv4_chunk(const struct sigv4_key *key, const char *amz_date, const char *scope,
	const char *previous, const char *data_hash);
/* The signature of the trailer: hash is that of its "name:value\n" lines. */
struct sigv4_text sigv4_trailer(const struct sigv4_key *key, const char *amz_date,
	const char *scope, const char *previous, const char *trailer_hash);

/* ---- signing ---- */

struct sigv4_signer {
	const char *access_key_id, *secret, *token; /* token may be NULL */
	const char *region, *service;
	int64_t time_usec;
};

/* Adds to `headers` ("Name: value" lines, all of which are signed) what makes the request signed:
 * Host, X-Amz-Date, X-Amz-Content-Sha256, X-Amz-Security-Token, Authorization. url is whole and
 * encoded. payload_hash: hex SHA-256 or UNSIGNED-PAYLOAD. */
int sigv4_sign(const struct sigv4_signer *s, const char *method, const char *url,
	const char *payload_hash, struct strv *headers, struct err *err);

/* ---- git ---- */

/* The password that the credential helper gives for a repository path on a host, at a time of
 * the form YYYYMMDDTHHMMSS. Appended to out. */
void sigv4_git_password(const struct sigv4_signer *s, const char *time, const char *host,
	const char *path, struct str *out);
/* Whether `password` is the helper's for host (tried with and without its port) and path.
 * *ret_time_usec is the time it was made. */
bool sigv4_git_verify(const struct sigv4_signer *s, const char *password, const char *host,
	const char *path, int64_t *ret_time_usec);

#endif
