/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timefmt.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static enum log_level base_level = LOG_LEVEL_INFO;
static char traced[256]; /* ",build,deploy," */

void log_setup(const char *setting)
{
	struct view rest = view_of(setting);
	struct str names = STR_INIT;

	if (!setting)
		return;
	str_add(&names, ",");
	while (rest.p) {
		struct view word = view_trim(view_cut(&rest, ','));
		bool is_level = false;

		for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
			if (view_eq_str(word, level_names[i])) {
				base_level = (enum log_level)i;
				is_level = true;
			}
		}
		if (!is_level && word.len)
			str_addf(&names, VIEW_FMT ",", VIEW_ARG(word));
	}
	snprintf(traced, sizeof(traced), "%s", str_text(&names));
	str_release(&names);
}

bool log_enabled(const char *component, enum log_level level)
{
	char key[64];

	if (level <= base_level)
		return true;
	if (traced[0] == '\0' || traced[1] == '\0')
		return false;
	snprintf(key, sizeof(key), ",%s,", component);
	return strstr(traced, key) != NULL;
}

static void emit(const char *component, enum log_level level, struct str *message)
{
	struct timespec ts;
	struct str line = STR_INIT;
	int64_t now;

	clock_gettime(CLOCK_REALTIME, &ts);
	now = (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
	str_addf(&line, "%s %-5s %s: %s\n", timefmt_iso_msec(now).text, level_names[level],
		component, str_text(message));
	if (write(STDERR_FILENO, line.p, line.len) < 0) {
		/* Nowhere left to say it. */
	}
	str_release(&line);
}

void log_write(const char *component, enum log_level level, const char *fmt, ...)
{
	struct str message = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&message, fmt, ap);
	va_end(ap);
	emit(component, level, &message);
	str_release(&message);
}

void log_err(const char *component, struct err *err, const char *fmt, ...)
{
	struct str message = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&message, fmt, ap);
	va_end(ap);
	str_addf(&message, ": %s", err_message(err));
	if (err->hint)
		str_addf(&message, " (%s)", err->hint);
	emit(component, LOG_LEVEL_ERROR, &message);
	str_release(&message);
	err_release(err);
}
