/* SPDX-License-Identifier: Apache-2.0 */
/* Inside vcs/ only: pkt-lines, the frames of git's protocol (four hex digits of length, then
 * the bytes; "0000" is a flush). */
#ifndef TOWPATH_VCS_PKT_H
#define TOWPATH_VCS_PKT_H

#include "base/str.h"

#define PKT_MAX 65520
#define PKT_FLUSH "0000"

/* Length that four digits state, -1 if they are none. */
int pkt_length(const char *digits);
void pkt_add(struct str *out, struct view payload);
void pkt_addf(struct str *out, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Adds bytes in as many side-band packets as they need. */
void pkt_add_band(struct str *out, int band, struct view bytes);

#endif
