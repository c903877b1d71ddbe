/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/ssh_signature.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "base/spawn.h"
#include "codec/base64.h"
#include "crypto/digest.h"

#define BEGINS "-----BEGIN SSH SIGNATURE-----"
#define ENDS "-----END SSH SIGNATURE-----"
#define MAGIC "SSHSIG"
#define SIGNATURE_MAX (64 * KIB)
#define OUTPUT_MAX (16 * KIB)
#define VERIFY_USEC (60 * USEC_PER_SEC)
#define SIGNER "signer" /* the only one there is in the list that ssh-keygen gets */

static bool read_number(struct view *v, uint32_t *ret)
{
	*ret = 0;
	if (v->len < 4)
		return false;
	for (int i = 0; i < 4; i++)
		*ret = *ret << 8 | (unsigned char)v->p[i];
	*v = (struct view){v->p + 4, v->len - 4};
	return true;
}

static bool read_string(struct view *v, struct view *ret)
{
	uint32_t n;

	if (!read_number(v, &n) || n > v->len)
		return false;
	*ret = (struct view){v->p, n};
	*v = (struct view){v->p + n, v->len - n};
	return true;
}

/* The base64 between the two lines. */
static struct view body_of(struct view armored)
{
	struct view rest = armored, body;
	const char *end;

	view_cut(&rest, '\n');
	body = rest;
	end = rest.len ? memmem(rest.p, rest.len, ENDS, strlen(ENDS)) : NULL;
	body.len = end ? (size_t)(end - body.p) : 0;
	return body;
}

static const char *fingerprint_of(struct view key, struct arena *a)
{
	struct digest_value d = digest_of(DIGEST_SHA256, key);
	CLEANUP_STR struct str text = STR_INIT;

	base64_encode(digest_view(&d), &text);
	while (text.len && text.p[text.len - 1] == '=')
		str_truncate(&text, text.len - 1);
	return arena_printf(a, "SHA256:%s", str_text(&text));
}

int ssh_signature_parse(
	struct view armored, struct arena *a, struct ssh_signature *ret, struct err *err)
{
	CLEANUP_STR struct str base64 = STR_INIT;
	struct view blob, key;
	uint32_t version;

	if (!view_starts_with(armored, BEGINS))
		return err_set(err, ERR_UNSUPPORTED, "it is no SSH signature");
	if (armored.len > SIGNATURE_MAX || !base64_decode(body_of(armored), a, &blob) ||
		!view_starts_with(blob, MAGIC))
		return err_set(err, ERR_MALFORMED, "the SSH signature is not in its format");
	blob = (struct view){blob.p + strlen(MAGIC), blob.len - strlen(MAGIC)};
	if (!read_number(&blob, &version) || version != 1 || !read_string(&blob, &key))
		return err_set(err, ERR_MALFORMED, "the SSH signature is not in its format");
	base64_encode(key, &base64);
	*ret = (struct ssh_signature){.armored = armored,
		.key = arena_strdup(a, str_text(&base64)),
		.fingerprint = fingerprint_of(key, a)};
	return 0;
}

/* A file in memory that a child opens by the path. */
static int make_file(const char *name, struct view bytes, char *ret_path, size_t n, struct err *err)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		return err_errno(err, errno, "cannot make a file in memory");
	if (fd_write_all(fd, bytes.p, bytes.len, err) < 0) {
		fd_closep(&fd);
		return -1;
	}
	snprintf(ret_path, n, "/proc/self/fd/%d", fd);
	return fd;
}

int ssh_signature_verify(const struct ssh_signature *s, const char *key, const char *namespace,
	struct view bytes, struct err *err)
{
	static char *const env[] = {"LC_ALL=C", NULL};
	CLEANUP_SPAWN_RESULT struct spawn_result result = {0};
	CLEANUP_STR struct str list = STR_INIT;
	char signers[32], signature[32];
	CLEANUP_FD int signers_fd = -1;
	CLEANUP_FD int signature_fd = -1;
	const char *const argv[] = {"ssh-keygen", "-Y", "verify", "-f", signers, "-I", SIGNER, "-n",
		namespace, "-s", signature, NULL};
	int keep[2];
	struct spawn spawn = SPAWN_INIT;

	str_addf(&list, SIGNER " namespaces=\"%s\" %s\n", namespace, key);
	signers_fd = make_file("signers", str_view(&list), signers, sizeof(signers), err);
	if (signers_fd < 0)
		return -1;
	signature_fd = make_file("signature", s->armored, signature, sizeof(signature), err);
	if (signature_fd < 0)
		return -1;
	keep[0] = signers_fd;
	keep[1] = signature_fd;
	spawn.argv = argv;
	spawn.envp = env;
	spawn.keep_fds = keep;
	spawn.n_keep_fds = ARRAY_SIZE(keep);
	spawn.die_with_parent = true;
	if (spawn_run(&spawn, bytes, OUTPUT_MAX, VERIFY_USEC, &result, err) < 0)
		return -1;
	if (result.timed_out || result.signal)
		return err_set(err, ERR_IO, "ssh-keygen did not end as it should");
	return result.exit_code == 0;
}
