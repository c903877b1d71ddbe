/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures that OpenSSH makes of files (PROTOCOL.sshsig), as git's gpg.format=ssh has them. They
 * are taken apart here and verified by ssh-keygen. */
#ifndef TOWPATH_CRYPTO_SSH_SIGNATURE_H
#define TOWPATH_CRYPTO_SSH_SIGNATURE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/view.h"

struct ssh_signature {
	struct view armored;
	const char *key;	 /* base64 of the public key that it names */
	const char *fingerprint; /* of that key: "SHA256:..." */
};

/* armored is borrowed, texts go into the arena. ERR_UNSUPPORTED: a signature of another kind
 * (OpenPGP, X.509); ERR_MALFORMED. Nothing is verified. */
int ssh_signature_parse(
	struct view armored, struct arena *a, struct ssh_signature *ret, struct err *err);

/* Whether it signs the bytes, in the namespace ("git"), with the key ("ssh-ed25519 AAAA..."): 1, 0,
 * -1 when ssh-keygen could not be run. */
int ssh_signature_verify(const struct ssh_signature *s, const char *key, const char *namespace,
	struct view bytes, struct err *err);

#endif
