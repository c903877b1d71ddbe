/* SPDX-License-Identifier: Apache-2.0 */
/* The checksums that S3 clients may send and ask for, by name. */
#ifndef TOWPATH_ARTIFACT_CHECKSUM_H
#define TOWPATH_ARTIFACT_CHECKSUM_H

#include "artifact/blob.h"
#include "towpath.gen.h"
#include "wire/call.h"

struct checksum {
	const char *name;   /* "CRC32" */
	const char *header; /* "x-amz-checksum-crc32" */
	enum digest_kind kind;
	size_t offset; /* of its text in struct towpath_object_meta */
};

/* What a client said about the content it sends. */
struct checksum_claim {
	const struct checksum *kind; /* NULL: none */
	const char *wanted;	     /* base64, or NULL */
	bool trails;		     /* it comes as a trailer */
	const char *md5;	     /* Content-MD5, or NULL */
};

/* NULL: unknown. */
const struct checksum *checksum_by_name(const char *name);
/* Reads the claim from a meta that the request was assigned to (wire_assign), and takes the
 * checksums out of it; and from the trailer that the stream, which may be NULL, announces. */
int checksum_claim(struct towpath_object_meta *meta, const char *md5,
	const struct call_stream *stream, struct checksum_claim *ret, struct err *err);
/* Compares what was written with the claim (BadDigest; MalformedTrailerError where the announced
 * trailer did not come) and notes the checksum in meta. stream may be NULL. */
int checksum_verify(const struct checksum_claim *claim, const struct blob_writer *w,
	struct call_stream *stream, struct arena *a, struct towpath_object_meta *meta,
	struct err *err);
/* Takes all checksums out of a meta. */
void checksum_clear(struct towpath_object_meta *meta);

#endif
