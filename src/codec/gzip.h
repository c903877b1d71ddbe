/* SPDX-License-Identifier: Apache-2.0 */
/* gzip of whole texts in memory (zlib). */
#ifndef TOWPATH_CODEC_GZIP_H
#define TOWPATH_CODEC_GZIP_H

#include "base/err.h"
#include "base/str.h"
#include "base/view.h"

/* Appends the packed bytes, made for speed rather than size. */
void gzip_pack(struct view plain, struct str *out);
/* Appends what was packed, one or more gzip members: ERR_MALFORMED, or ERR_TOO_LARGE past limit
 * bytes, after which no more is unpacked. */
int gzip_unpack(struct view packed, size_t limit, struct str *out, struct err *err);

#endif
