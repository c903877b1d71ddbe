/* SPDX-License-Identifier: Apache-2.0 */
/* The checksums that S3 clients may send and ask for. */
#include "artifact/checksum.h"

#include <strings.h>

#include "base/mem.h"
#include "codec/base64.h"

#define ROW(text, lower, digest, member)                             \
	{                                                            \
		text, "x-amz-checksum-" lower, digest,               \
			offsetof(struct towpath_object_meta, member) \
	}

static const struct checksum checksums[] = {
	ROW("CRC32", "crc32", DIGEST_CRC32, checksum_crc32),
	ROW("CRC32C", "crc32c", DIGEST_CRC32C, checksum_crc32_c),
	ROW("CRC64NVME", "crc64nvme", DIGEST_CRC64NVME, checksum_crc64_nvme),
	ROW("MD5", "md5", DIGEST_MD5, checksum_md5),
	ROW("SHA1", "sha1", DIGEST_SHA1, checksum_sha1),
	ROW("SHA256", "sha256", DIGEST_SHA256, checksum_sha256),
	ROW("SHA512", "sha512", DIGEST_SHA512, checksum_sha512),
};

static const char **text_of(struct towpath_object_meta *meta, const struct checksum *c)
{
	return (const char **)((char *)meta + c->offset);
}

const struct checksum *checksum_by_name(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(checksums); i++)
		if (streq(checksums[i].name, name))
			return &checksums[i];
	return NULL;
}

void checksum_clear(struct towpath_object_meta *meta)
{
	for (size_t i = 0; i < ARRAY_SIZE(checksums); i++)
		*text_of(meta, &checksums[i]) = NULL;
	meta->checksum_type = NULL;
}

static int too_many(struct err *err)
{
	return err_set_wire(err, "InvalidRequest",
		"Expecting a single x-amz-checksum- header. Multiple checksum Types are not "
		"allowed.");
}

/* What trails the body is compared whether or not the client names its algorithm in a header. */
static int claim_trailer(const char *announced, struct checksum_claim *ret, struct err *err)
{
	if (ret->kind)
		return too_many(err);
	for (size_t i = 0; i < ARRAY_SIZE(checksums); i++)
		if (strcasecmp(checksums[i].header, announced) == 0)
			ret->kind = &checksums[i];
	if (!ret->kind)
		return err_set_wire(err, "InvalidRequest",
			"The value specified in the x-amz-trailer header is not supported: %s",
			announced);
	ret->trails = true;
	return 0;
}

int checksum_claim(struct towpath_object_meta *meta, const char *md5,
	const struct call_stream *stream, struct checksum_claim *ret, struct err *err)
{
	const char *algorithm = meta->checksum_algorithm;

	*ret = (struct checksum_claim){.md5 = md5};
	for (size_t i = 0; i < ARRAY_SIZE(checksums); i++) {
		const char **text = text_of(meta, &checksums[i]);

		if (!*text)
			continue;
		if (ret->kind)
			return too_many(err);
		ret->kind = &checksums[i];
		ret->wanted = *text;
	}
	if (stream && stream->announced && claim_trailer(stream->announced, ret, err) < 0)
		return -1;
	if (!ret->kind && algorithm) {
		ret->kind = checksum_by_name(algorithm);
		if (!ret->kind)
			return err_set_wire(err, "InvalidRequest",
				"The checksum algorithm %s is not supported here.", algorithm);
	}
	checksum_clear(meta);
	meta->checksum_algorithm = NULL;
	return 0;
}

static char *base64_of(const struct digest *d, struct arena *a)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct digest_value v = digest_value(d);

	base64_encode(digest_view(&v), &text);
	return arena_strdup(a, str_text(&text));
}

int checksum_verify(const struct checksum_claim *claim, const struct blob_writer *w,
	struct call_stream *stream, struct arena *a, struct towpath_object_meta *meta,
	struct err *err)
{
	const char *wanted = claim->wanted, *got;

	if (claim->md5 && !streq(claim->md5, base64_of(&w->md5, a)))
		return err_set_wire(err, "BadDigest",
			"The Content-MD5 you specified did not match what we received.");
	if (!claim->kind)
		return 0;
	if (claim->trails)
		wanted = stream->trailer(stream, claim->kind->header);
	if (claim->trails && !wanted)
		return err_set_wire(err, "MalformedTrailerError",
			"The request announced a trailer %s, which did not come.",
			claim->kind->header);
	got = base64_of(&w->extra, a);
	if (wanted && !streq(wanted, got))
		return err_set_wire(err, "BadDigest",
			"The %s you specified did not match the calculated checksum.",
			claim->kind->name);
	*text_of(meta, claim->kind) = got;
	meta->checksum_type = "FULL_OBJECT";
	return 0;
}
