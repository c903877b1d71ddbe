/* SPDX-License-Identifier: Apache-2.0 */
#include <zlib.h>

#include "base/mem.h"
#include "vcs/transport.h"

struct vcs_gunzip {
	struct vcs_stream below;
	z_stream z;
	bool ended; /* the compressed stream is complete */
	unsigned char buf[32 * 1024];
};

struct vcs_gunzip *vcs_gunzip_new(const struct vcs_stream *below)
{
	struct vcs_gunzip *z = xcalloc(1, sizeof(*z));

	z->below = *below;
	BUG_ON(inflateInit2(&z->z, 15 + 16) != Z_OK);
	return z;
}

struct vcs_gunzip *vcs_gunzip_free(struct vcs_gunzip *z)
{
	if (z) {
		inflateEnd(&z->z);
		free(z);
	}
	return NULL;
}

static ssize_t gunzip_read(void *arg, void *buf, size_t n, struct err *err)
{
	struct vcs_gunzip *z = arg;
	int rc = Z_OK;

	z->z.next_out = buf;
	z->z.avail_out = (uInt)MIN(n, MIB);
	while (!z->ended && z->z.next_out == (unsigned char *)buf) {
		if (z->z.avail_in == 0) {
			ssize_t got = z->below.read(z->below.arg, z->buf, sizeof(z->buf), err);

			if (got < 0)
				return -1;
			if (got == 0)
				return err_set(err, ERR_MALFORMED,
					"the compressed request ends before its time");
			z->z.next_in = z->buf;
			z->z.avail_in = (uInt)got;
		}
		rc = inflate(&z->z, Z_NO_FLUSH);
		if (rc == Z_STREAM_END)
			z->ended = true;
		else if (rc != Z_OK && rc != Z_BUF_ERROR)
			return err_set(err, ERR_MALFORMED, "the request is not valid gzip: %s",
				z->z.msg ? z->z.msg : "bad data");
	}
	return z->z.next_out - (unsigned char *)buf;
}

static int gunzip_write(void *arg, const void *bytes, size_t n, struct err *err)
{
	struct vcs_gunzip *z = arg;

	return z->below.write(z->below.arg, bytes, n, err);
}

struct vcs_stream vcs_gunzip_stream(struct vcs_gunzip *z)
{
	return (struct vcs_stream){gunzip_read, gunzip_write, z};
}
