/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648 section 4). */
#ifndef TOWPATH_CODEC_BASE64_H
#define TOWPATH_CODEC_BASE64_H

#include "base/arena.h"
#include "base/str.h"
#include "base/view.h"

/* Appends the padded text of the bytes. */
void base64_encode(struct view bytes, struct str *out);
/* Decodes strictly: only the standard alphabet, right padding (it may be left out), blanks and
 * line ends skipped. *ret is in the arena with p never NULL. False when it is not base64. */
bool base64_decode(struct view text, struct arena *a, struct view *ret) MUST_CHECK;

#endif
