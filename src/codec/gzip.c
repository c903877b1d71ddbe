/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/gzip.h"

#include <zlib.h>

#include "base/mem.h"

#define WITH_GZIP_HEAD (15 + 16)
#define STEP ((size_t)64 * KIB)

void gzip_pack(struct view plain, struct str *out)
{
	z_stream z = {0};
	size_t bound;

	BUG_ON(deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, WITH_GZIP_HEAD, 8, Z_DEFAULT_STRATEGY) !=
		Z_OK);
	bound = deflateBound(&z, plain.len);
	str_reserve(out, bound);
	z.next_in = (unsigned char *)(uintptr_t)plain.p;
	z.avail_in = (uInt)plain.len;
	z.next_out = (unsigned char *)out->p + out->len;
	z.avail_out = (uInt)bound;
	BUG_ON(deflate(&z, Z_FINISH) != Z_STREAM_END);
	out->len += z.total_out;
	out->p[out->len] = '\0';
	deflateEnd(&z);
}

/* One call of inflate(): its code, and what it gave appended. */
static int step(z_stream *z, struct str *out)
{
	size_t before;
	int rc;

	str_reserve(out, STEP);
	z->next_out = (unsigned char *)out->p + out->len;
	z->avail_out = (uInt)STEP;
	before = z->avail_out;
	rc = inflate(z, Z_NO_FLUSH);
	out->len += before - z->avail_out;
	out->p[out->len] = '\0';
	return rc;
}

static int unpack_members(z_stream *z, size_t limit, struct str *out, struct err *err)
{
	size_t start = out->len;

	for (;;) {
		int rc = step(z, out);

		if (out->len - start > limit)
			return err_set(err, ERR_TOO_LARGE,
				"what is packed unpacks to more than %zu bytes", limit);
		if (rc == Z_STREAM_END && z->avail_in == 0)
			return 0;
		if (rc == Z_STREAM_END)
			rc = inflateReset(z);
		if (rc != Z_OK || (z->avail_in == 0 && z->avail_out > 0))
			return err_set(err, ERR_MALFORMED,
				"the packed bytes are not valid gzip: %s",
				z->msg ? z->msg : "they end before their time");
	}
}

int gzip_unpack(struct view packed, size_t limit, struct str *out, struct err *err)
{
	z_stream z = {0};
	int r;

	BUG_ON(inflateInit2(&z, WITH_GZIP_HEAD) != Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)packed.p;
	z.avail_in = (uInt)packed.len;
	r = unpack_members(&z, limit, out, err);
	inflateEnd(&z);
	return r;
}
