/* SPDX-License-Identifier: Apache-2.0 */
/* Notes which operations were exercised, for the test that wants all of them. */
#ifndef TOWPATH_API_COVERAGE_H
#define TOWPATH_API_COVERAGE_H

#include "wire/wire.h"

struct api_coverage;

/* dir NULL: notes nothing. */
struct api_coverage *api_coverage_new(const char *dir);
struct api_coverage *api_coverage_free(struct api_coverage *c);
/* Writes "service Operation" to a file of this process in the folder, once each. Thread-safe. */
void api_coverage_note(
	struct api_coverage *c, const struct wire_service *s, const struct wire_operation *op);

#endif
