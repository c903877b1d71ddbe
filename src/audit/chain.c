/* SPDX-License-Identifier: Apache-2.0 */
#include "audit/chain.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int audit_chain_init(struct audit_chain *c, const char *key_path, struct err *err)
{
	struct seal_key key;

	*c = (struct audit_chain){0};
	if (seal_key_load(key_path, &key, err) < 0)
		return -1;
	digest_hmac_init(&c->mac, (struct view){(const char *)key.bytes, sizeof(key.bytes)});
	explicit_bzero(&key, sizeof(key));
	return 0;
}

void audit_chain_release(struct audit_chain *c)
{
	digest_hmac_release(&c->mac);
}

static struct digest_text end_of(struct digest_hmac *mac)
{
	struct digest_value v = digest_hmac_value(mac);

	return digest_hex(&v);
}

/* "<digest before> <number of the line> <JSON>" */
struct digest_text audit_digest(struct audit_chain *c, struct view json)
{
	char number[32], *start = number + sizeof(number) - 1;
	int64_t n = c->count;

	*start = ' ';
	do {
		*--start = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	*--start = ' ';
	digest_hmac_update(&c->mac, view_of(c->digest));
	digest_hmac_update(
		&c->mac, (struct view){start, (size_t)(number + sizeof(number) - start)});
	digest_hmac_update(&c->mac, json);
	return end_of(&c->mac);
}

void audit_chain_add(struct audit_chain *c, const struct digest_text *d, size_t size)
{
	memcpy(c->digest, d->text, sizeof(c->digest));
	c->count++;
	c->end += (int64_t)size;
}

bool audit_line_parse(struct view line, struct view *ret_digest, struct view *ret_json)
{
	if (line.len < AUDIT_DIGEST + 3 || line.p[AUDIT_DIGEST] != ' ' ||
		line.p[AUDIT_DIGEST + 1] != '{')
		return false;
	*ret_digest = (struct view){line.p, AUDIT_DIGEST};
	*ret_json = (struct view){line.p + AUDIT_DIGEST + 1, line.len - AUDIT_DIGEST - 1};
	return true;
}

/* ---- the head ---- */

static void head_text(const struct audit_chain *c, struct str *out)
{
	str_addf(out, "towpath-audit-1 %" PRId64 " %s %s %" PRId64, c->count,
		c->count ? c->digest : "-", c->file[0] ? c->file : "-", c->end);
}

void audit_head_write(struct audit_chain *c, struct str *out)
{
	struct str text CLEANUP_STR = STR_INIT;

	head_text(c, &text);
	digest_hmac_update(&c->mac, str_view(&text));
	str_addf(out, "%s %s\n", str_text(&text), end_of(&c->mac).text);
}

int audit_head_read(struct view text, struct audit_chain *c)
{
	struct audit_chain head = {.mac = c->mac};
	struct str again CLEANUP_STR = STR_INIT;
	char digest[AUDIT_DIGEST + 1], file[32];
	char *copy CLEANUP(freep) = xstrndup(text.p, text.len);

	if (sscanf(copy, "towpath-audit-1 %" SCNd64 " %64s %31s %" SCNd64, &head.count, digest,
		    file, &head.end) != 4)
		return 0;
	if (!streq(digest, "-"))
		snprintf(head.digest, sizeof(head.digest), "%s", digest);
	if (!streq(file, "-"))
		snprintf(head.file, sizeof(head.file), "%s", file);
	audit_head_write(&head, &again);
	if (!digest_equal(str_view(&again), text))
		return 0;
	*c = head;
	return 1;
}

/* ---- files ---- */

static int is_file(const struct dirent *e)
{
	return ends_with(e->d_name, ".log");
}

int audit_files(const char *dir, struct strv *ret, struct err *err)
{
	struct dirent **names;
	int n = scandir(dir, &names, is_file, alphasort);

	if (n < 0)
		return err_errno(err, errno, "%s", dir);
	for (int i = 0; i < n; i++) {
		strv_add(ret, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return 0;
}
