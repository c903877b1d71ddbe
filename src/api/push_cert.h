/* SPDX-License-Identifier: Apache-2.0 */
/* Signed pushes: the nonce that a client signs along, and who signed a certificate.
 *
 * A nonce is its time, a random part and this server's mark of both for one repository, so that
 * nothing is kept between the two requests of a push over HTTP. */
#ifndef TOWPATH_API_PUSH_CERT_H
#define TOWPATH_API_PUSH_CERT_H

#include "api/auth.h"
#include "codec/json.h"
#include "vcs/transport.h"

#define PUSH_NONCE_SECONDS 900 /* as long as the credential helper's password holds */

enum push_signer_status {
	PUSH_SIGNER_NONE,
	PUSH_SIGNER_VERIFIED,	/* by an active SSH public key of the principal that pushes */
	PUSH_SIGNER_UNVERIFIED, /* another's key or kind of signature: counts as not signed */
	PUSH_SIGNER_REFUSED,
};

/* Texts live as long as the push. */
struct push_signer {
	enum push_signer_status status;
	const char *why;	   /* not verified */
	const char *key_id;	   /* of IAM, when verified */
	const char *fingerprint;   /* that the signature names, or NULL */
	struct vcs_id certificate; /* the blob that keeps it; empty: it is not kept */
};

/* In the arena; NULL when the server makes no marks. now: seconds. */
const char *push_cert_nonce(
	const struct auth *auth, const char *repository_id, int64_t now, struct arena *a);
/* Who signed: 0, or -1 when the push is to be refused, for a nonce that is not this server's for
 * the repository or too old, and for a signature that is not that of its text. */
int push_cert_verify(const struct auth *auth, const struct auth_principal *who,
	const char *repository_id, const struct vcs_push_cert *cert, int64_t now, struct arena *a,
	struct push_signer *ret, struct err *err);
/* Adds the member pushCertificate, if there was one. */
void push_signer_describe(const struct push_signer *s, struct json_writer *w);

#endif
