/* SPDX-License-Identifier: Apache-2.0 */
/* The server's SSH host keys: made once, kept in the data folder's keys/. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "gate/gate.h"

static const struct {
	enum ssh_keytypes_e type;
	const char *file;
} kinds[HOST_KEYS] = {
	{SSH_KEYTYPE_ED25519, "ssh_host_ed25519_key"},
	{SSH_KEYTYPE_ECDSA_P256, "ssh_host_ecdsa_key"},
};

static int write_public(const char *path, ssh_key key, struct err *err)
{
	CLEANUP(freep) char *file = xasprintf("%s.pub", path);
	CLEANUP(freep) char *line = NULL;
	char *text = NULL;

	if (ssh_pki_export_pubkey_base64(key, &text) != SSH_OK)
		return err_set(err, ERR_INTERNAL, "cannot write %s", file);
	line = xasprintf("%s %s\n", ssh_key_type_to_char(ssh_key_type(key)), text);
	ssh_string_free_char(text);
	return file_write_atomic(file, view_of(line), 0644, err);
}

/* A whole key stands there or none: written beside, synced, renamed. */
static int make_key(const char *path, enum ssh_keytypes_e type, ssh_key *ret, struct err *err)
{
	CLEANUP(freep) char *beside = xasprintf("%s.new", path);
	CLEANUP_STR struct str text = STR_INIT;
	mode_t before = umask(0077);
	int rc = ssh_pki_generate(type, 0, ret);

	unlink(beside);
	if (rc == SSH_OK)
		rc = ssh_pki_export_privkey_file(*ret, NULL, NULL, NULL, beside);
	umask(before);
	if (rc != SSH_OK)
		return err_set(err, ERR_IO, "cannot make the SSH host key %s", path);
	rc = file_read(beside, 64 * KIB, &text, err);
	unlink(beside);
	if (rc < 0 || write_public(path, *ret, err) < 0)
		return -1;
	return file_write_atomic(path, str_view(&text), 0600, err);
}

static char *fingerprint_of(ssh_key key)
{
	unsigned char *hash = NULL;
	size_t n = 0;
	char *text, *ret;

	if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &n) != SSH_OK)
		return xstrdup("");
	text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, n);
	ret = xasprintf("%s %s", ssh_key_type_to_char(ssh_key_type(key)), text ? text : "");
	ssh_string_free_char(text);
	ssh_clean_pubkey_hash(&hash);
	return ret;
}

int host_keys_load(const char *folder, struct host_keys *ret, struct err *err)
{
	if (file_make_dirs(folder, 0700, err) < 0)
		return -1;
	for (size_t i = 0; i < HOST_KEYS; i++) {
		CLEANUP(freep) char *path = xasprintf("%s/%s", folder, kinds[i].file);

		if (!file_exists(path) && make_key(path, kinds[i].type, &ret->keys[i], err) < 0)
			return -1;
		if (!ret->keys[i] && ssh_pki_import_privkey_file(
					     path, NULL, NULL, NULL, &ret->keys[i]) != SSH_OK)
			return err_set(err, ERR_INVALID,
				"%s is no SSH host key; remove it to have another made", path);
		ret->fingerprints[i] = fingerprint_of(ret->keys[i]);
	}
	return 0;
}
