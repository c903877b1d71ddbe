/* SPDX-License-Identifier: Apache-2.0 */
/* Reading XML of any size in bounded memory, for files that people's tools write (test and
 * coverage reports). Parsing is expat's. A DOCTYPE that names an outside definition is passed
 * over, nothing is fetched; one with declarations of its own (and so every entity) is refused. */
#ifndef TOWPATH_CODEC_XML_STREAM_H
#define TOWPATH_CODEC_XML_STREAM_H

#include "base/err.h"

/* Of the element in hand; valid during the call. */
struct xml_attributes {
	const char **pairs;
};
/* The value, or NULL when the element has no such attribute. */
const char *xml_attr(const struct xml_attributes *attributes, const char *name);

/* Called for each element, names without namespace prefix. -1 with err set ends the reading. */
struct xml_handler {
	void *arg;
	int (*start)(void *arg, const char *name, const struct xml_attributes *attributes,
		struct err *err);
	/* text: the character data since the last tag, up to LIMIT_XML_STREAM_TEXT of it. */
	int (*end)(void *arg, const char *name, const char *text, struct err *err);
};

/* Reads the file open on fd from its present position. Every error says line and column;
 * ERR_MALFORMED: no well-formed XML, nesting above LIMIT_XML_DEPTH, a DOCTYPE with declarations;
 * ERR_TOO_LARGE: above limit bytes, or one tag above LIMIT_XML_STREAM_TAG; a handler's error keeps
 * its kind. */
int xml_stream_read(int fd, size_t limit, const struct xml_handler *handler, struct err *err);

#endif
