/* SPDX-License-Identifier: Apache-2.0 */
/* Reading XML element by element, with expat. */
#include "codec/xml_stream.h"

#include <expat.h>
#include <string.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/str.h"

#define CHUNK (64 * KIB)

struct stream {
	XML_Parser parser;
	const struct xml_handler *handler;
	struct str text;
	int depth;
	struct err failed; /* why the handlers stopped */
	bool stopped;
	unsigned long line, column; /* where they did */
};

const char *xml_attr(const struct xml_attributes *attributes, const char *name)
{
	for (const char **pair = attributes->pairs; *pair; pair += 2)
		if (strcmp(pair[0], name) == 0)
			return pair[1];
	return NULL;
}

static const char *local_name(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon ? colon + 1 : name;
}

static void stop(struct stream *s)
{
	s->stopped = true;
	s->line = XML_GetCurrentLineNumber(s->parser);
	s->column = XML_GetCurrentColumnNumber(s->parser) + 1;
	XML_StopParser(s->parser, XML_FALSE);
}

static void on_start(void *arg, const char *name, const char **pairs)
{
	struct stream *s = arg;
	const struct xml_attributes attributes = {pairs};

	if (s->stopped)
		return;
	str_clear(&s->text);
	if (++s->depth > LIMIT_XML_DEPTH) {
		err_set(&s->failed, ERR_MALFORMED, "elements are nested too deep");
		stop(s);
	} else if (s->handler->start(s->handler->arg, local_name(name), &attributes, &s->failed) <
		   0) {
		stop(s);
	}
}

static void on_end(void *arg, const char *name)
{
	struct stream *s = arg;

	if (s->stopped) /* the end of an empty element still comes after XML_StopParser() */
		return;
	s->depth--;
	if (s->handler->end(s->handler->arg, local_name(name), str_text(&s->text), &s->failed) < 0)
		stop(s);
	str_clear(&s->text);
}

static void on_text(void *arg, const char *text, int n)
{
	struct stream *s = arg;
	size_t room = LIMIT_XML_STREAM_TEXT - s->text.len;

	str_add_n(&s->text, text, MIN(room, (size_t)n));
}

static void on_doctype(void *arg, const char *name UNUSED, const char *system_id UNUSED,
	const char *public_id UNUSED, int has_internal_subset)
{
	struct stream *s = arg;

	if (!has_internal_subset)
		return;
	err_set(&s->failed, ERR_MALFORMED, "a DOCTYPE with declarations of its own is not allowed");
	stop(s);
}

static void stream_release(struct stream *s)
{
	XML_ParserFree(s->parser);
	str_release(&s->text);
	err_release(&s->failed);
}

static int located(struct stream *s, struct err *err)
{
	if (!s->stopped) {
		err_set(&s->failed, ERR_MALFORMED, "%s",
			XML_ErrorString(XML_GetErrorCode(s->parser)));
		stop(s);
	}
	err_move(err, &s->failed);
	return err_wrap(err, "line %lu, column %lu", s->line, s->column);
}

/* A tag that does not end is read again from its start with every chunk: there is an end to it. */
static bool tag_too_large(struct stream *s, size_t fed)
{
	XML_Index at = XML_GetCurrentByteIndex(s->parser);

	return at >= 0 && fed > (size_t)at + LIMIT_XML_STREAM_TAG + CHUNK;
}

static int feed(struct stream *s, int fd, size_t limit, struct err *err)
{
	size_t fed = 0;
	ssize_t got = 1;

	while (got > 0) {
		void *buffer = XML_GetBuffer(s->parser, (int)CHUNK);

		if (!buffer)
			BUG("out of memory");
		got = fd_read_full(fd, buffer, CHUNK, err);
		if (got < 0)
			return -1;
		fed += (size_t)got;
		if (fed > limit)
			return err_set(err, ERR_TOO_LARGE,
				"the file is over the limit of %zu bytes", limit);
		if (XML_ParseBuffer(s->parser, (int)got, got == 0) != XML_STATUS_OK)
			return located(s, err);
		if (tag_too_large(s, fed))
			return err_set(err, ERR_TOO_LARGE,
				"line %lu: a tag is over the limit of %zu bytes",
				(unsigned long)XML_GetCurrentLineNumber(s->parser),
				LIMIT_XML_STREAM_TAG);
	}
	return 0;
}

int xml_stream_read(int fd, size_t limit, const struct xml_handler *handler, struct err *err)
{
	CLEANUP(stream_release) struct stream s = {.handler = handler, .failed = ERR_INIT};

	s.parser = XML_ParserCreate(NULL);
	if (!s.parser)
		BUG("out of memory");
	XML_SetUserData(s.parser, &s);
	XML_SetElementHandler(s.parser, on_start, on_end);
	XML_SetCharacterDataHandler(s.parser, on_text);
	XML_SetStartDoctypeDeclHandler(s.parser, on_doctype);
	return feed(&s, fd, limit, err);
}
