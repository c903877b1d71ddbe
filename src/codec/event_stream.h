/* SPDX-License-Identifier: Apache-2.0 */
/* The framing of AWS event streams (application/vnd.amazon.eventstream): messages of headers and a
 * payload, each with a checksum of its lengths and one of all of it. */
#ifndef TOWPATH_CODEC_EVENT_STREAM_H
#define TOWPATH_CODEC_EVENT_STREAM_H

#include "base/str.h"
#include "base/view.h"

/* The one type of header in use: a string of up to 255 bytes of name and 65,535 of value. */
struct event_stream_header {
	const char *name, *value;
};

/* Appends one message. */
void event_stream_add(
	struct str *out, const struct event_stream_header *headers, size_t n, struct view payload);

#endif
