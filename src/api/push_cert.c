/* SPDX-License-Identifier: Apache-2.0 */
#include "api/push_cert.h"

#include <stdlib.h>

#include "base/id.h"
#include "crypto/ssh_signature.h"

#define NAMESPACE "git"

static const char *const statuses[] = {
	[PUSH_SIGNER_VERIFIED] = "verified",
	[PUSH_SIGNER_UNVERIFIED] = "unverified",
	[PUSH_SIGNER_REFUSED] = "refused",
};

static const char *marked(const char *repository_id, const char *nonce, size_t n, struct arena *a)
{
	return arena_printf(a, "push %s %.*s", repository_id, (int)n, nonce);
}

const char *push_cert_nonce(
	const struct auth *auth, const char *repository_id, int64_t now, struct arena *a)
{
	const char *start;

	if (!auth->mark)
		return NULL;
	start = arena_printf(a, "%lld-%s", (long long)now, id_uuid().text);
	return arena_printf(a, "%s-%s", start,
		auth->mark(auth->arg, marked(repository_id, start, strlen(start), a), a));
}

static int check_nonce(const struct auth *auth, const char *repository_id, const char *nonce,
	int64_t now, struct arena *a, struct err *err)
{
	const char *mark = nonce ? strrchr(nonce, '-') : NULL;
	int64_t age;

	if (!mark || !auth->mark ||
		!auth->mark_fits(auth->arg, marked(repository_id, nonce, (size_t)(mark - nonce), a),
			mark + 1))
		return err_set(err, ERR_BAD_SIGNATURE,
			"The push certificate's nonce is not one that this server gave for this "
			"repository.");
	age = now - strtoll(nonce, NULL, 10);
	if (age < -PUSH_NONCE_SECONDS || age > PUSH_NONCE_SECONDS)
		return err_set(err, ERR_BAD_SIGNATURE,
			"The push certificate's nonce is %lld seconds old, %d are allowed. Push "
			"again, which signs anew.",
			(long long)age, PUSH_NONCE_SECONDS);
	return 0;
}

static int unverified(struct push_signer *s, const char *why)
{
	s->status = PUSH_SIGNER_UNVERIFIED;
	s->why = why;
	return 0;
}

/* By a key that IAM knows as the principal's, or else unverified. */
static int check_signature(const struct auth *auth, const struct auth_principal *who,
	const struct vcs_push_cert *cert, struct arena *a, struct push_signer *s, struct err *err)
{
	CLEANUP_ERR struct err bad = ERR_INIT;
	struct ssh_signature signature;
	const char *key;
	int rc = ssh_signature_parse(cert->signature, a, &signature, &bad);

	if (rc < 0 && err_is(&bad, ERR_UNSUPPORTED))
		return unverified(s, "the push certificate has no SSH signature (gpg.format=ssh), "
				     "and no other kind is verified");
	if (rc < 0)
		return err_move(err, &bad);
	s->fingerprint = signature.fingerprint;
	rc = auth->signing_key(auth->arg, who, signature.key, a, &s->key_id, &key, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return unverified(s,
			arena_printf(a,
				"the key %s, which signed the push certificate, is no active SSH "
				"public key of %s",
				signature.fingerprint, who->arn));
	rc = ssh_signature_verify(&signature, key, NAMESPACE, cert->payload, err);
	if (rc == 0)
		err_set(err, ERR_BAD_SIGNATURE,
			"The push certificate is not what the key %s signed.",
			signature.fingerprint);
	if (rc <= 0)
		return -1;
	s->status = PUSH_SIGNER_VERIFIED;
	return 0;
}

int push_cert_verify(const struct auth *auth, const struct auth_principal *who,
	const char *repository_id, const struct vcs_push_cert *cert, int64_t now, struct arena *a,
	struct push_signer *ret, struct err *err)
{
	*ret = (struct push_signer){0};
	if (check_nonce(auth, repository_id, cert->nonce, now, a, err) == 0 &&
		check_signature(auth, who, cert, a, ret, err) == 0)
		return 0;
	ret->status = PUSH_SIGNER_REFUSED;
	ret->why = arena_strdup(a, err_message(err));
	return -1;
}

void push_signer_describe(const struct push_signer *s, struct json_writer *w)
{
	if (s->status == PUSH_SIGNER_NONE)
		return;
	json_key(w, "pushCertificate");
	json_open(w, '{');
	json_put_member(w, "status", statuses[s->status]);
	if (s->why)
		json_put_member(w, "reason", s->why);
	if (s->key_id)
		json_put_member(w, "sshPublicKeyId", s->key_id);
	if (s->fingerprint)
		json_put_member(w, "fingerprint", s->fingerprint);
	if (*s->certificate.hex)
		json_put_member(w, "certificate", s->certificate.hex);
	json_close(w, '}');
}
