/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, and whether they may: what the API needs of the identity engine. src/api/auth.c
 * implements it over src/crypto/sigv4.h and src/identity/identity.h; tests have their own. */
#ifndef TOWPATH_API_AUTH_H
#define TOWPATH_API_AUTH_H

#include "net/http_server.h"
#include "wire/call.h"

/* How the signature covers the body. */
enum auth_payload {
	AUTH_PAYLOAD_HASH,	       /* payload_hash is that of the body */
	AUTH_PAYLOAD_UNSIGNED,	       /* not covered */
	AUTH_PAYLOAD_CHUNKS,	       /* aws-chunked, each chunk signed */
	AUTH_PAYLOAD_CHUNKS_TRAILER,   /* the same with a signed trailer */
	AUTH_PAYLOAD_UNSIGNED_TRAILER, /* aws-chunked, unsigned, trailer */
};

#define AUTH_ANONYMOUS "ANONYMOUS_PRINCIPAL" /* the account of who did not sign */

/* Lives in the exchange's arena. */
struct auth_principal {
	const char *arn, *id, *access_key_id;
	const char *account; /* AUTH_ANONYMOUS, or NULL */
	bool presigned;
	enum auth_payload payload;
	const char *payload_hash; /* 64 hex digits, AUTH_PAYLOAD_HASH only */
	bool hashed_here;	  /* payload_hash was made of http_body(), not claimed */
	/* For AUTH_PAYLOAD_CHUNKS*: */
	unsigned char signing_key[32];
	const char *seed_signature, *scope, *amz_date;
	const char *ticket; /* the one thing that the password opens; NULL: no limit */
	void *identity;	    /* the identity engine's own; NULL: nobody that it knows */
};

struct auth {
	void *arg;
	/* Verifies the request's signature but for the body's digest, which the caller compares
	 * with ret->payload_hash once it has the body. service is the signing name that the
	 * credential must be scoped to. No credentials: ERR_DENIED with wire name
	 * MissingAuthenticationToken (the protocol finds its own form of each name). */
	int (*authenticate)(void *arg, struct http_exchange *x, const char *service,
		struct auth_principal **ret, struct err *err);
	/* Verifies the user and password of git's HTTP Basic authentication for the path of a
	 * repository ("/v1/repos/NAME"): git credentials of an IAM user, or an access key id
	 * (with "%" and a session token) and the password of the CodeCommit credential helper,
	 * signed for the host of the request. ERR_DENIED; ERR_BAD_SIGNATURE when the password is
	 * wrong or too old. */
	int (*authenticate_git)(void *arg, struct http_exchange *x, const char *user,
		const char *password, const char *path, struct auth_principal **ret,
		struct err *err);
	/* Whose SSH public key it is: key_id names it, key is its base64 form, whose private key
	 * the caller has proved or will. who lives in the arena. ERR_BAD_SIGNATURE when it is not
	 * that key, or the key of nobody; wire name ThrottlingException. Failures are counted by
	 * note_ssh_failure(). NULL: nobody comes by SSH. */
	int (*authenticate_ssh)(void *arg, const char *address, const char *key_id, const char *key,
		struct arena *a, struct auth_principal **ret, struct err *err);
	/* A word (in the arena) that lets whoever holds that SSH key in by HTTP, for the repository
	 * of that name alone, until expires_usec (true time); and the reverse: ERR_BAD_SIGNATURE.
	 */
	const char *(*ssh_ticket)(void *arg, const char *key_id, const char *repository,
		int64_t expires_usec, struct arena *a);
	int (*authenticate_ssh_ticket)(void *arg, const char *address, const char *ticket,
		const char *repository, struct arena *a, struct auth_principal **ret,
		struct err *err);
	/* A mark (in the arena, hex digits) that only this server makes of a text, and whether a
	 * mark is that of a text. NULL: none are made. */
	const char *(*mark)(void *arg, const char *text, struct arena *a);
	bool (*mark_fits)(void *arg, const char *text, const char *mark);
	/* The active SSH key of the principal that has this base64 form: 1, its id and its whole
	 * text in the arena; 0 when it has no such key. */
	int (*signing_key)(void *arg, const struct auth_principal *who, const char *base64,
		struct arena *a, const char **ret_id, const char **ret_key, struct err *err);
	void (*note_ssh_failure)(void *arg, const char *address, const char *key_id);
	/* Whose password of the image registry it is. ERR_BAD_SIGNATURE; wire name ExpiredToken. */
	int (*authenticate_registry)(void *arg, struct http_exchange *x, const char *password,
		struct auth_principal **ret, struct err *err);
	/* 0 when the principal may do it; ERR_DENIED says what is missing. */
	int (*authorize)(void *arg, const struct auth_principal *who,
		const struct call_access *access, const struct call *call, struct err *err);
	/* Appends who asks as CloudTrail records have it (userIdentity), a JSON object; who NULL:
	 * nobody known. NULL: not at all. */
	void (*describe)(void *arg, const struct auth_principal *who, struct str *out);
	/* 1 when the role is there and trusts the service (codebuild.amazonaws.com) for what it
	 * will act for (source_arn: a project, or NULL), 0 when not: *ret_why (in the arena) says
	 * why not. NULL: nobody asks. */
	int (*role_trusts)(void *arg, const char *role_arn, const char *service,
		const char *source_arn, struct arena *a, const char **ret_why, struct err *err);
};

#endif
