/* SPDX-License-Identifier: Apache-2.0 */
/* The server's own log and trace, to standard error. Log once, at the top of a call chain.
 *
 * Level and traced components come from one setting, TOWPATH_LOG, e.g. "info" (default),
 * "debug" or "warn,build,deploy" (warn for all, debug for the components named). Never log
 * secrets: keys, tokens, passwords, environment values of builds. */
#ifndef TOWPATH_BASE_LOG_H
#define TOWPATH_BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_setup(const char *setting);
bool log_enabled(const char *component, enum log_level level);
void log_write(const char *component, enum log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Logs "text: message (hint)" at error level and releases err. */
void log_err(const char *component, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_at(component, level, ...)                             \
	do {                                                      \
		if (log_enabled(component, level))                \
			log_write(component, level, __VA_ARGS__); \
	} while (0)
#define log_error(component, ...) log_at(component, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(component, ...) log_at(component, LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(component, ...) log_at(component, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(component, ...) log_at(component, LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
