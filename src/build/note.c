/* SPDX-License-Identifier: Apache-2.0 */
/* The last lines of a build that ended before its leader began. */
#include "build/note.h"

#include <stdio.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/spool.h"

static void add_line(struct str *text, int64_t usec, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void add_line(struct str *text, int64_t usec, const char *fmt, ...)
{
	time_t seconds = usec / USEC_PER_SEC;
	char stamp[40];
	struct tm tm;
	va_list ap;

	gmtime_r(&seconds, &tm);
	strftime(stamp, sizeof(stamp), "%Y/%m/%d %H:%M:%S", &tm);
	str_addf(text, "[Container] %s.%06d ", stamp, (int)(usec % USEC_PER_SEC));
	va_start(ap, fmt);
	str_vaddf(text, fmt, ap);
	va_end(ap);
	str_add_c(text, '\n');
}

void build_note_end(const char *job_dir, int64_t usec, const char *phase, const char *status,
	const char *code, const char *message)
{
	CLEANUP_SPOOL_WRITER struct spool_writer *w = NULL;
	CLEANUP_STR struct str text = STR_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP(freep) char *path = xasprintf("%s/log", job_dir);

	add_line(&text, usec, "Phase complete: %s State: %s", phase, status);
	add_line(&text, usec, "Phase context status code: %s Message: %s", code ? code : "",
		message ? message : "");
	if (file_make_dirs(job_dir, 0700, &err) < 0 || spool_writer_open(path, &w, &err) < 0 ||
		spool_write(w, str_view(&text), usec, &err) < 0 || spool_finish(w, usec, &err) < 0)
		log_err("build", &err, "cannot write the log in %s", job_dir);
}
